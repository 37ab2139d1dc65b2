"""A list of lines to choose from: arrows and vim's keys, mouse, lines that fit the width, and a sentence when there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.strip import Strip
from textual.widgets import OptionList
from textual.widgets.option_list import Option


@dataclass(frozen=True)
class Row:
    """`key` names it among the others; `draw` gives its line (or lines) for a width in cells; a `title` cannot be chosen."""

    key: str
    draw: Callable[[int], Content]
    title: bool = False


@dataclass(frozen=True)
class Cell:
    """A part of a line. `width` 0 shares what is left over; `least`: narrower lists leave it out."""

    text: str | Content
    width: int = 0
    style: str = ""
    least: int = 0
    right: bool = False


def line(width: int, *cells: Cell) -> Content:
    """The cells side by side with one space between them, cut with an ellipsis where they are too long."""
    shown = [cell for cell in cells if width >= cell.least]
    fixed = sum(cell.width for cell in shown) + len(shown) - 1
    flexible = [cell for cell in shown if not cell.width]
    share, more = divmod(max(width - fixed, 0), max(len(flexible), 1))
    parts: list[Content] = []
    for cell in shown:
        room = cell.width
        if not room:
            room, more = share + (more > 0), more - 1
        text = cell.text if isinstance(cell.text, Content) else Content(cell.text)
        if cell.right:
            text = text.pad_left(max(room - text.cell_length, 0))
        parts.append(
            text.truncate(room, ellipsis=True, pad=True).stylize(cell.style) if cell.style else text.truncate(room, ellipsis=True, pad=True)
        )
    return Content(" ").join(parts)


def _indented(content: Content) -> Content:
    return Content("\n").join([Content(" ") + part for part in content.split("\n", allow_blank=True)])


class PickList(OptionList):
    """Enter or a double click chooses (`OptionSelected`), as for any `OptionList`; `key` of the rows are the options' ids."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
        Binding("g", "first", "First", show=False),
        Binding("G", "last", "Last", show=False),
    ]
    DEFAULT_CSS = """
    PickList {
        border: none;
        padding: 0;
        background: transparent;
        text-wrap: nowrap;
        text-overflow: ellipsis;
        &:focus { border: none; }
        & > .option-list--option { padding: 0; }
        & > .option-list--option-highlighted { color: $foreground; background: $primary 15%; text-style: none; }
        &:focus > .option-list--option-highlighted { color: $foreground; background: $primary 30%; text-style: bold; }
    }
    """

    def __init__(self, empty: str, *, id: str | None = None, width_at_first: int = 0) -> None:
        """`width_at_first`: in cells, for lines that keys can choose before the list has its place on the screen."""
        super().__init__(id=id, markup=False)
        self._width_at_first = width_at_first
        self._empty = empty
        self._rows: Sequence[Row] = ()
        self._drawn_for = 0

    @property
    def chosen(self) -> str | None:
        """Key of the line that is highlighted."""
        option = self.highlighted_option
        return option.id if option is not None and not option.disabled else None

    def show(self, rows: Sequence[Row], empty: str | None = None) -> None:
        """Show these lines; the highlight stays on its key, or near its place."""
        self._rows = rows
        if empty is not None:
            self._empty = empty
        self._draw()

    def choose(self, key: str) -> None:
        """Highlight a line; nothing happens when there is none of that key."""
        for index, row in enumerate(self._rows):
            if row.key == key and not row.title:
                self.highlighted = index

    def on_resize(self, _event: events.Resize) -> None:
        if self._width() != self._drawn_for:
            self._draw()

    def render_line(self, y: int) -> Strip:
        """The chosen line has a sign before it, so that it is known without colours too."""
        strip = super().render_line(y)
        place = y + self.scroll_offset.y
        if place >= len(self._lines) or self._lines[place] != (self.highlighted, 0):
            return strip
        style = next(iter(strip)).style if strip.cell_length else None
        return Strip.join([Strip([Segment("▸", style)]), strip.crop(1)])

    def _width(self) -> int:
        """Of the lines; a column for the sign and one at the end stay free."""
        return self.scrollable_content_region.width - 2

    def _draw(self) -> None:
        before, place = self.chosen, self.highlighted
        width = self._drawn_for = self._width()
        if width <= 0:
            width = self._width_at_first
            if not width:
                return
        with self.prevent(OptionList.OptionHighlighted):
            self.set_options(
                [Option(_indented(row.draw(width)), id=row.key, disabled=row.title) for row in self._rows]
                or [Option(_indented(Content("\n").join(Content(self._empty).wrap(width))), disabled=True)]
            )
        keys = [row.key for row in self._rows]
        if before in keys:
            self.highlighted = keys.index(before)
        elif self._rows:
            place = min(place or 0, len(keys) - 1)
            near = [index for index, row in enumerate(self._rows) if not row.title]
            self.highlighted = min(near, key=lambda index: abs(index - place), default=None)
