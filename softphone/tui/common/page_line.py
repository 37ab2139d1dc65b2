"""The pages of a screen, side by side; the one that is shown stands in brackets."""

from __future__ import annotations

from collections.abc import Mapping

from textual.content import Content
from textual.message import Message
from textual.widgets import Static


class PageLine(Static):
    """`pages`: name to title. A click asks for a page."""

    DEFAULT_CSS = "PageLine { height: 1; padding: 0 1; background: $surface; text-wrap: nowrap; text-overflow: ellipsis; }"

    class Asked(Message):
        """The user clicked on a page."""

        def __init__(self, page: str) -> None:
            super().__init__()
            self.page = page

    def __init__(self, pages: Mapping[str, str]) -> None:
        super().__init__(markup=False)
        self._pages = pages
        self._page = next(iter(pages))

    def on_resize(self) -> None:
        self.show(self._page)

    def show(self, page: str) -> None:
        """On a line that is too short for all, those before it make room for it."""
        self._page = page
        names, room = list(self._pages), self.content_size.width or self.app.size.width - 2
        first = 0
        while names[first] != page and sum(len(self._pages[name]) + 3 for name in names[first : names.index(page) + 1]) > room:
            first += 1
        parts = [
            Content.from_markup(f"[bold $accent][@click=ask('{name}')]\\[$title][/][/]", title=title)
            if name == page
            else Content.from_markup(f"[@click=ask('{name}')] $title [/]", title=title)
            for name, title in list(self._pages.items())[first:]
        ]
        self.update(Content(" ").join(parts))

    def action_ask(self, page: str) -> None:
        self.post_message(self.Asked(page))
