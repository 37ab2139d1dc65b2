"""What stands in each cell of the terminal, and the shortest sequence that makes it show something else.

Textual sends every strip of a changed region again, with all its colours. Here each cell is compared with what the terminal shows already:
only those that differ are sent, only the attributes that change are set, and a row whose text moved sideways (ticker, sparkline) is
moved by the terminal (DCH and ICH of ECMA-48, which every terminal since the VT102 has).
"""

from __future__ import annotations

import colorsys
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len, split_graphemes
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style

LONGEST_SHIFT = 24
"""Cells; the longest phones of the ticker with their marks are shorter."""
SHIFT_GAIN = 20
"""Cells that a shift must save: its own sequences take about as many bytes."""
LONG_BLANK = 12
"""Blanks from which erasing them is shorter than sending them."""
SHORT_GAP = 4
"""Cells that are as they should be, but cheaper to send again than to jump over."""
STANDS_OUT = 64
"""Difference in a colour channel from which a background is seen as another one."""
GREY = 0.3
"""Saturation below which a colour is a shade of the foreground."""
HUES = ((0.06, "31"), (0.19, "33"), (0.45, "32"), (0.72, "36"), (0.92, "35"), (1.0, "31"))
"""Where in the circle of hues each of the terminal's colours ends. Its blue is not used: few can read it on black."""
_ON = {"bold": "1", "dim": "2", "italic": "3", "underline": "4", "reverse": "7", "strike": "9"}
_OFF = {"bold": "22", "dim": "22", "italic": "23", "underline": "24", "reverse": "27", "strike": "29"}
_SEEN_ON_BLANKS = {"underline", "reverse", "strike"}


class Look(NamedTuple):
    """How a cell is drawn, as parameters of SGR. `foreground` "" where it cannot be seen (a blank)."""

    foreground: str
    background: str
    attributes: frozenset[str]


class Cell(NamedTuple):
    """One column. `text` is "" in the second column of a wide character."""

    text: str
    look: Look


class Palette(NamedTuple):
    """`colours`: what the terminal can show; None for its own two. With a `ground` the backgrounds are the terminal's own, and what stood
    out from a background of that colour is reversed; then there are eight foregrounds."""

    colours: ColorSystem | None
    ground: tuple[int, int, int] | None = None


PLAIN = Look("39", "49", frozenset())


class TerminalCells:
    """The terminal's cells as far as they are known; nothing is, at first and after `forget`."""

    def __init__(self, palette: Palette) -> None:
        self.palette = palette
        self._width = 0
        self._rows: list[list[Cell | None]] = []
        self._at: tuple[int, int] | None = None
        self._look: Look | None = None

    def forget(self, width: int, height: int) -> None:
        """The terminal may show anything: it was resized, or something else wrote to it."""
        self._width = width
        self._rows = [[None] * width for _ in range(height)]
        self._at = self._look = None

    @property
    def size(self) -> tuple[int, int]:
        return self._width, len(self._rows)

    def update(self, pieces: Iterable[tuple[int, int, Iterable[Segment]]]) -> str:
        """What to send so that the pieces (column, row, text) are shown. What lies outside of the terminal is left out."""
        wanted: dict[int, list[Cell | None]] = {}
        for x, y, segments in pieces:
            if 0 <= y < len(self._rows):
                row = wanted.setdefault(y, self._rows[y].copy())
                for column, cell in enumerate(cells(segments, self.palette), x):
                    if 0 <= column < self._width:
                        row[column] = cell
        out: list[str] = []
        for y, row in sorted(wanted.items()):
            if row != self._rows[y]:
                self._change(y, self._rows[y], row, out)
                self._rows[y] = row
        return "".join(out)

    def park(self, x: int, y: int) -> str:
        """Put the cursor there, where an input method shows its window; "" if it is there."""
        return "" if self._at == (x, y) else self._go(x, y)

    def leave(self) -> str:
        """The terminal's own colours again."""
        self._look = None
        return "\x1b[0m"

    def _change(self, y: int, old: list[Cell | None], new: list[Cell | None], out: list[str]) -> None:
        if _uneven(new) or _uneven(old):
            # Terminals disagree about the width of some characters: such a row is sent from its beginning; the place after it is unknown.
            out.append(self._go(0, y))
            self._send(new, out)
            self._at = None
            return
        old = self._shifted(y, old, new, out)
        x = 0
        while x < self._width:
            if new[x] == old[x]:
                x += 1
                continue
            end = last = x + 1
            while end < self._width and end - last < SHORT_GAP:
                end += 1
                if new[end - 1] != old[end - 1]:
                    last = end
            out.append(self._go(x, y))
            self._send(new[x:last], out)
            # In the last column the cursor waits to wrap, and where it is then depends on the terminal.
            self._at = (last, y) if last < self._width else None
            x = last

    def _shifted(self, y: int, old: list[Cell | None], new: list[Cell | None], out: list[str]) -> list[Cell | None]:
        """Move a part of the row to the left, where that saves more than it costs; returns what the row holds then."""
        differs = [a != b for a, b in zip(old, new, strict=True)]
        if sum(differs) <= SHIFT_GAIN:
            return old
        best, gain = (0, 0, 0), SHIFT_GAIN
        for by in range(1, LONGEST_SHIFT + 1):
            start = saved = 0
            for x in range(self._width - by + 1):
                if x == self._width - by or old[x + by] is None or new[x] != old[x + by]:
                    if saved - by > gain:
                        best, gain = (by, start, x), saved - by
                    start, saved = x + 1, 0
                else:
                    saved += differs[x]
        by, start, end = best
        if not by:
            return old
        out.append(f"{self._go(start, y)}\x1b[{by}P{self._go(end, y)}\x1b[{by}@")
        moved = [*old[:start], *old[start + by : end + by], *[None] * by, *old[end + by :]]
        # What the terminal puts in from the right edge is pushed out there again.
        return moved

    def _go(self, x: int, y: int) -> str:
        at, self._at = self._at, (x, y)
        if at is not None and at[1] == y and x >= at[0]:
            ahead = x - at[0]
            return "" if not ahead else "\x1b[C" if ahead == 1 else f"\x1b[{ahead}C"
        return f"\x1b[{y + 1}H" if not x else f"\x1b[{y + 1};{x + 1}H"

    def _send(self, row: list[Cell | None], out: list[str]) -> None:
        erasable = 0
        for place, cell in enumerate(row):
            if erasable > 1:
                erasable -= 1
                continue
            text, look = cell or Cell(" ", PLAIN)
            if look is not self._look:
                sequence, self._look = _transition(self._look, look)
                out.append(sequence)
            if text == " " and look.background == "49" and (erasable := _blanks(row, place)) >= LONG_BLANK:
                # With a colour of its own some terminals would erase to their own background.
                out.append(f"\x1b[{erasable}X\x1b[{erasable}C")
            else:
                erasable = 0
                out.append(text)


@lru_cache(4096)
def _transition(before: Look | None, after: Look) -> tuple[str, Look]:
    """What sets the attributes of `after`, and what is set then. Attributes of a blank that are not seen stay as they are."""
    if before is None:
        look = after if after.foreground else after._replace(foreground="39")
        parameters = ["0", *sorted(_ON[name] for name in look.attributes), *_colours(look)]
        return f"\x1b[{';'.join(parameters)}m", look
    if not after.foreground:
        after = Look(before.foreground, after.background, (before.attributes - _SEEN_ON_BLANKS) | after.attributes)
    gone = before.attributes - after.attributes
    # 22 ends both bold and dim.
    again = after.attributes & {"bold", "dim"} if gone & {"bold", "dim"} else frozenset()
    parameters = sorted({_OFF[name] for name in gone})
    parameters += sorted(_ON[name] for name in (after.attributes - before.attributes) | again)
    parameters += [new for new, old in zip(after[:2], before[:2], strict=True) if new != old]
    return (f"\x1b[{';'.join(parameters)}m" if parameters else ""), after


def _colours(look: Look) -> tuple[str, ...]:
    return tuple(colour for colour in look[:2] if colour not in ("39", "49"))


def _uneven(row: list[Cell | None]) -> bool:
    """Whether a character of the row is not one code point in one column."""
    return any(cell is not None and len(cell.text) != 1 for cell in row)


def _blanks(row: list[Cell | None], start: int) -> int:
    """How many cells from `start` on are the same blank."""
    end = start
    while end < len(row) and row[end] == row[start]:
        end += 1
    return end - start


def cells(segments: Iterable[Segment], palette: Palette) -> Iterable[Cell]:
    """The text column by column. A control character, which would drive the terminal, is a question mark."""
    for text, style, control in segments:
        if control:
            continue
        look = _look(style, palette) if style is not None else PLAIN
        blank = _blank(look)
        if text.isprintable() and (text.isascii() or cell_len(text) == len(text) == len(split_graphemes(text)[0])):
            for letter in text:
                yield Cell(letter, blank if letter == " " else look)
            continue
        for start, end, width in split_graphemes(text)[0]:
            part = text[start:end]
            columns = width
            if not part.isprintable():
                part = "".join(_harmless(letter) for letter in part)
                columns = max(width, 1)
            if columns:
                yield Cell(part, blank if part == " " else look)
                yield from [Cell("", look)] * (columns - 1)


def _harmless(letter: str) -> str:
    if letter.isprintable() or letter in "\u200d\ufe0f":
        return letter
    return " " if unicodedata.category(letter) == "Zs" else "?"


@lru_cache(4096)
def _look(style: Style, palette: Palette) -> Look:
    attributes = frozenset(name for name in _ON if getattr(style, name))
    colours, ground = palette
    if ground is not None:
        return _simple(style, attributes, ground)
    if colours is None:
        return Look("39", "49", attributes)
    front, back = (
        ";".join(colour.downgrade(colours).get_ansi_codes(foreground)) if colour is not None else default
        for colour, foreground, default in ((style.color, True, "39"), (style.bgcolor, False, "49"))
    )
    return Look(front, back, attributes)


def _simple(style: Style, attributes: frozenset[str], ground: tuple[int, int, int]) -> Look:
    """In one of eight foregrounds on the terminal's own background."""
    back = style.bgcolor.get_truecolor() if style.bgcolor is not None and not style.bgcolor.is_default else ground
    if max(abs(one - other) for one, other in zip(back, ground, strict=True)) > STANDS_OUT:
        return Look("39", "49", attributes ^ {"reverse"})
    if style.color is None or style.color.is_default:
        return Look("39", "49", attributes)
    hue, _, saturation = colorsys.rgb_to_hls(*(part / 255 for part in style.color.get_truecolor()))
    front = "39" if saturation < GREY else next(code for end, code in HUES if hue <= end)
    return Look(front, "49", attributes)


@lru_cache(4096)
def _blank(look: Look) -> Look:
    """How a space is drawn so: its foreground and its weight are not seen."""
    seen = look.attributes & _SEEN_ON_BLANKS
    return look if seen else Look("", look.background, seen)
