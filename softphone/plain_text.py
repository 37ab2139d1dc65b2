"""Text from strangers made fit to be shown: names, reasons, messages and addresses come from the network and from files, and what is in
them must neither drive a terminal, nor change the order of what stands beside it, nor hide.

Nothing is left out: a control character is shown as its picture (ESC as U+241B), any other letter that cannot be seen as its number, such
as `<U+202E>`. What is shown so is never parsed again: screens get `Content` or `markup=False`, never markup.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, TypeVar

import msgspec

LONGEST_NAME = 200
"""Characters of what somebody calls themself, or of an address."""
LONGEST = 2000
"""Characters of any other line."""
_PICTURES, _DELETE_PICTURE = 0x2400, "\u2421"
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters by Unicode's count that look like nothing (grapheme joiner, Hangul fillers, Khmer vowels, an empty braille cell)."""
_JOINERS = "\u200c\u200d"
_MARKS = re.compile(r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{9,}")
"""More accents on one letter than any language has; they would reach over the lines above and below."""
_NAMES = frozenset({"remote", "local", "contact", "uri"})
"""Fields of events that hold addresses, whose end must not be cut off here: `names` takes them apart and cuts what is shown."""
_LINES = frozenset({"text"})
"""Fields of several lines."""
T = TypeVar("T")


def visible(text: str, limit: int = LONGEST) -> str:
    """`text` on one line of at most `limit` characters, as it is but for what cannot be seen."""
    if text.isascii() and text.isprintable():
        return text if len(text) <= limit else text[: limit - 1] + "…"
    cut = text[: limit + 1]
    shown = "".join(_shown(letter, cut, place) for place, letter in enumerate(cut))
    shown = _MARKS.sub(lambda found: found[0][:8] + "…", shown)
    return shown if len(shown) <= limit and len(text) <= limit else shown[: limit - 1] + "…"


def visible_lines(text: str, limit: int = 100_000) -> str:
    """Like `visible`, with its line feeds kept and tabs as blanks."""
    lines = text[: limit + 1].replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ").split("\n")
    return "\n".join(visible(line, limit) for line in lines)[:limit]


def visible_event(value: T, field: str = "") -> T:
    """An event of the engine, or any part of its answers, with all its texts made visible."""
    result: Any = value
    if isinstance(value, str):
        result = visible_lines(value, LONGEST) if field in _LINES else visible(value, 100_000 if field in _NAMES else LONGEST)
    elif isinstance(value, list):
        result = [visible_event(item, field) for item in value]
    elif isinstance(value, dict):
        result = {visible_event(key): visible_event(item, str(key)) for key, item in value.items()}
    elif isinstance(value, msgspec.Struct):
        parts = {name: getattr(value, name) for name in value.__struct_fields__}
        changed = {name: new for name, part in parts.items() if (new := visible_event(part, name)) != part}
        result = msgspec.structs.replace(value, **changed) if changed else value
    found: T = result
    return found


def safe_json(line: str, *, ascii_only: bool = False) -> str:
    """JSON text as it is, with escapes for what a terminal would act on (`ascii_only`: and for what it may not be able to show)."""
    if line.isascii() and line[:-1].isprintable():
        return line
    return "".join(
        letter if (letter.isprintable() and not (ascii_only and not letter.isascii())) or letter == "\n" else _escape(letter)
        for letter in line
    )


def _escape(letter: str) -> str:
    """RFC 8259, 7: letters beyond the basic plane are two escapes."""
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))


def _shown(letter: str, text: str, place: int) -> str:
    if letter.isprintable() and letter not in _BLANK:
        return letter
    if unicodedata.category(letter) == "Zs":
        return " "
    if letter in _JOINERS and _joins(text, place):
        return letter
    code = ord(letter)
    if code < 32:
        return chr(_PICTURES + code)
    return _DELETE_PICTURE if code == 127 else f"<U+{code:04X}>"


def _joins(text: str, place: int) -> bool:
    """Whether a joiner stands where a script needs it (RFC 5892, A.1 and A.2), or in an emoji of several parts; elsewhere it can only make
    one name look like another."""
    if not 0 < place < len(text) - 1:
        return False
    before, after = text[place - 1], text[place + 1]
    if unicodedata.combining(before) == 9 or unicodedata.bidirectional(before) == "AL" == unicodedata.bidirectional(after):
        return True
    return text[place] == "\u200d" and unicodedata.category(after) == "So" and (unicodedata.category(before) in ("So", "Sk", "Mn"))
