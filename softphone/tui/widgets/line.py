"""A piece of text that is drawn again only when it changed."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


class Line(Static):
    """`show` costs nothing when the text is as before. `rows`: its height, fixed, so that a change needs no layout; 0 follows the text."""

    DEFAULT_CSS = "Line { height: auto; width: 1fr; }"

    def __init__(self, rows: int = 1, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes, markup=False)
        self._rows = rows
        self._last = Content("")
        if rows:
            self.styles.height = rows
            self.styles.text_wrap = "nowrap"
            self.styles.text_overflow = "ellipsis"

    def show(self, content: Content) -> None:
        if content.plain != self._last.plain or content.spans != self._last.spans:
            self._last = content
            self.update(content, layout=not self._rows)
