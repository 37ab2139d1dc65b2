"""The error of the store, and the cleaning of text that goes into it."""

from softphone.errors import SoftphoneError

# Invisible, but part of how Persian, Hindi and emoji are written: zero width non-joiner and joiner.
_JOINERS = "\u200c\u200d"


class StoreError(SoftphoneError):
    """Something cannot be kept or found; one sentence."""


def clean(text: str, limit: int = 1000) -> str:
    """`text` on one line, without control characters and lone surrogates (SQLite takes UTF-8 only), of at most `limit` characters."""
    return " ".join(_printable(text).split())[:limit].strip()


def clean_lines(text: str, limit: int = 10000) -> str:
    """Like `clean`, but of several lines."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(_printable(line).rstrip() for line in lines)[:limit].strip()


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() or letter in _JOINERS else " " for letter in text)
