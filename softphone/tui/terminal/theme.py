"""How the phone looks: one dark and one light theme, no colours when NO_COLOR is set, ASCII where the locale has no Unicode.

Colours only repeat what a word or a sign says already.
"""

from __future__ import annotations

import codecs
import locale
import os
import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.theme import Theme

from softphone.tui.terminal.cells import STANDS_OUT

_COLOURS = ("primary", "secondary", "accent", "foreground", "background", "surface", "panel", "success", "warning", "error")


def _theme(name: str, *, dark: bool, border: str, selection: str, colours: str) -> Theme:
    """`colours`: those of `_COLOURS`, in their order, as hexadecimal numbers."""
    named: dict[str, Any] = {role: f"#{colour}" for role, colour in zip(_COLOURS, colours.split(), strict=True)}
    more = {"footer-key-foreground": named["accent"], "input-selection-background": f"{named['primary']} {selection}", "border": border}
    return Theme(name, **named, dark=dark, variables=more)


DARK = _theme(
    "softphone-dark",
    dark=True,
    border="#3b4655",
    selection="35%",
    colours="6fb7b7 8fa8cc e8ae55 d7dde6 10141a 161b23 202833 86c08a e3c078 e8828a",
)
LIGHT = _theme(
    "softphone-light",
    dark=False,
    border="#b9b3a5",
    selection="25%",
    colours="14656d 3f5f8a 8f4d00 23282f fbfaf6 f4f2ec e6e2d8 2a6f2e 7d5500 a8231c",
)
_ASCII = {
    "▁": "_", "▂": ".", "▃": ":", "▄": "-", "▅": "=", "▆": "+", "▇": "*", "█": "#", "▌": "|", "▐": "|", "▔": "-", "▎": "|", "▊": "|",
    "▮": "#", "▯": ".", "●": "*", "○": "o", "◐": "~", "◌": ".", "▸": ">", "▶": ">", "◀": "<", "▾": "v", "•": "*", "·": ".", "\u00d7": "x",
    "→": ">", "←": "<", "↑": "^", "↓": "v", "⇄": "=", "✓": "+", "✗": "x", "☎": "T", "♪": "~", "\u2013": "-", "—": "-", "…": "~", "≈": "~",
    "“": '"', "”": '"', "\u2019": "'", "\u2018": "'", "│": "|", "┃": "|", "─": "-", "━": "-", "═": "=", "║": "|", "⏎": "<", "⇥": ">",
}  # fmt: skip


def users_environment() -> Mapping[str, str]:
    """The environment without what Python has put there: it sets LC_CTYPE to C.UTF-8 where the user's locale is C (PEP 538)."""
    try:
        began_with = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        return os.environ
    coerced = not any(entry.startswith(b"LC_CTYPE=") for entry in began_with)
    return {name: value for name, value in os.environ.items() if not (coerced and name == "LC_CTYPE")}


def utf8_terminal(environment: Mapping[str, str]) -> bool:
    """Whether the locale says that the terminal shows Unicode: the first set of LC_ALL, LC_CTYPE and LANG, as POSIX has it."""
    name = environment.get("LC_ALL") or environment.get("LC_CTYPE") or environment.get("LANG") or ""
    charset = name.partition(".")[2].partition("@")[0]
    if not charset:
        # A bare C or POSIX locale is ASCII (Python's UTF-8 mode does not change the terminal); others have a charset of their own.
        charset = "ascii" if name in ("", "C", "POSIX") else locale.getpreferredencoding(False)
    try:
        return codecs.lookup(charset).name == "utf-8"
    except LookupError:
        return False


# Controls and what else has no shape of its own, but for the joiners of Persian, Hindi and emoji.
_UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e007f]"
)


@lru_cache(4096)
def to_ascii(text: str) -> str:
    """`text` in ASCII, of the same width in cells: accents go, signs become like ones, what has none becomes `?`."""
    if text.isascii():
        return text
    return "".join(_ascii(letter) for letter in text)


def _ascii(letter: str) -> str:
    if letter.isascii():
        return letter
    if letter in _ASCII:
        return _ASCII[letter]
    if "\u2500" <= letter <= "\u257f":
        return "+"
    if unicodedata.combining(letter):
        return ""
    base = unicodedata.normalize("NFKD", letter)[0]
    if base.isascii() and base.isprintable():
        return base
    return "??" if unicodedata.east_asian_width(letter) in "WF" else "?"


class NoColourFilter(LineFilter):
    """The terminal's own colours; what stood out by its background alone (cursor, chosen line) is reversed."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        ground = background.rgb
        return [Segment(text, None if style is None else _without_colour(style, ground), control) for text, style, control in segments]


@lru_cache(2048)
def _without_colour(style: Style, ground: tuple[int, int, int]) -> Style:
    reverse = bool(style.reverse)
    if style.bgcolor is not None and style.bgcolor.triplet is not None:
        far = max(abs(one - other) for one, other in zip(style.bgcolor.triplet, ground, strict=True)) > STANDS_OUT
        reverse = reverse != far
    return Style(bold=style.bold, underline=style.underline, strike=style.strike, reverse=reverse, meta=style.meta)


class UnseenFilter(LineFilter):
    """The last line of defence: what a terminal would act on never reaches it, whichever widget draws it. Such letters have no width."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            Segment(text if control or text.isprintable() else _UNSEEN.sub("", text), style, control) for text, style, control in segments
        ]


class AsciiFilter(LineFilter):
    """The last step before the terminal: every line in ASCII."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]
