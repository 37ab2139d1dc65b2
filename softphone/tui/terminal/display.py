"""Textual's drawing with as few bytes as it takes: the users of this phone sit on the link that carries their call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.color import ColorSystem
from rich.console import RenderableType
from rich.segment import Segment
from textual import events
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.app import App
from textual.color import Color
from textual.screen import Screen
from textual.widgets import Input, TextArea

from softphone.tui.terminal.cells import Palette, TerminalCells

Result = TypeVar("Result")
Piece = tuple[int, int, Iterable[Segment]]
LARGE = 1000
"""Bytes from which a change is worth marking as one (synchronised output, DEC mode 2026): less arrives at once anyway."""
MANY_WAITING = 3
"""Writes that may wait for the terminal before drawing pauses."""
CLICKS_ALONE, ALL_MOUSE = "\x1b[?1003l\x1b[?1000h", "\x1b[?1000h\x1b[?1003h"
SYNC_START, SYNC_END = "\x1b[?2026h", "\x1b[?2026l"


class FrugalDisplay(App[Result], inherit_bindings=False):
    """An application that sends only the cells that changed."""

    def __init__(self) -> None:
        super().__init__()
        self._own_palette = Palette(None if self.no_color else _colours(self.console.color_system))
        self._cells = TerminalCells(self._own_palette)

    @property
    def backlog(self) -> bool:
        """Whether the terminal has not taken yet what was sent before. Textual would wait for it, and the program with it."""
        writer = getattr(self._driver, "_writer_thread", None)
        return writer is not None and writer._queue.qsize() > MANY_WAITING

    def simplify(self, simple: bool) -> None:
        """Few colours on the terminal's own background, and no reports of mouse movements; or what the terminal can show."""
        palette = self._own_palette
        if simple and palette.colours is not None:
            palette = Palette(ColorSystem.STANDARD, Color.parse(self.get_css_variables()["background"]).rgb)
        if self._driver is not None and not self.is_headless:
            self._driver.write(CLICKS_ALONE if simple else ALL_MOUSE)
        if palette != self._cells.palette:
            self._cells.palette = palette
            self.draw_again()

    def draw_again(self) -> None:
        """Send everything: the terminal may show what was not sent by us."""
        self._cells.forget(*self.size)
        if self.screen_stack:
            screen = self.screen
            self._display(screen, screen._compositor.render_update(full=True, screen_stack=self._background_screens))

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Resize):
            self._cells.forget(*event.size)
        await super().on_event(event)

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        driver = self._driver
        if self.is_headless or driver is None or driver.is_inline or self._batch_count or not self._running or self._closed:
            super()._display(screen, renderable)
            return
        if not isinstance(renderable, LayoutUpdate | ChopsUpdate):
            if isinstance(renderable, CompositorUpdate):
                self._cells.forget(*self.size)
            super()._display(screen, renderable)
            return
        if self._cells.size != tuple(self.size):
            self._cells.forget(*self.size)
        try:
            sequence = self._cells.update(pieces(renderable))
            if isinstance(self.focused, Input | TextArea):
                # A blinking cursor is sent twice a second.
                self.focused.cursor_blink = False
                sequence += self._cells.park(*self.screen.outer_size.clamp_offset(self.cursor_position))
        except Exception as error:
            self._handle_exception(error)
        else:
            if sequence:
                whole = self._sync_available and len(sequence) > LARGE
                driver.write(f"{SYNC_START}{sequence}{SYNC_END}" if whole else sequence)
                driver.flush()
        finally:
            self.post_display_hook()

    def leave_colours(self) -> None:
        """The terminal's own colours again, for what comes after the program."""
        if self._driver is not None and not self.is_headless:
            self._driver.write(self._cells.leave())


def pieces(update: LayoutUpdate | ChopsUpdate) -> Iterator[Piece]:
    """(column, row, text) of what an update draws."""
    if isinstance(update, LayoutUpdate):
        for y, line in enumerate(update.strips, update.region.y):
            x = update.region.x
            for strip in line:
                yield x, y, strip
                x += strip.cell_length
        return
    for y, x1, x2 in update.spans:
        for end, (x, chop) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if chop is None or x >= x2 or end <= x1:
                continue
            start = max(x1 - x, 0)
            yield x + start, y, chop.crop(start, min(end, x2) - x)


def _colours(name: str | None) -> ColorSystem | None:
    return {"truecolor": ColorSystem.TRUECOLOR, "256": ColorSystem.EIGHT_BIT, "standard": ColorSystem.STANDARD}.get(name or "")
