"""A piece of text that is drawn again only when it changed."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


class Line(Static):
    """`show` costs nothing when the text is as before, and a layout only when its number of lines changed.

    Lines are as given and cut where they are too long; with `wrap` they are wrapped to the width.
    """

    DEFAULT_CSS = "Line { height: 1; width: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }"

    def __init__(self, *, wrap: bool = False, fill: bool = False, id: str | None = None, classes: str | None = None) -> None:
        """`fill`: the height is that of the style sheet, whatever the text."""
        super().__init__(id=id, classes=classes, markup=False)
        self._wrap = wrap
        self._fill = fill
        self._last = Content("")
        self._rows = 1
        if wrap:
            self.styles.text_wrap = "wrap"
            if not fill:
                self.styles.height = "auto"

    def show(self, content: Content) -> None:
        if content.plain == self._last.plain and content.spans == self._last.spans:
            return
        self._last = content
        rows = content.plain.count("\n") + 1
        layout = self._wrap and not self._fill
        if not self._wrap and not self._fill and rows != self._rows:
            self.styles.height = self._rows = rows
        self.update(content, layout=layout)
