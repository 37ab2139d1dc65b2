"""Text as it is searched: without case, accents and punctuation."""

from __future__ import annotations

import unicodedata

# Letters that Unicode does not take apart, though people leave the stroke out.
_STROKES = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ŧ": "t", "\N{LATIN SMALL LETTER DOTLESS I}": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"}
)
_PUNCTUATION = str.maketrans({chr(code): " " for code in range(128) if not chr(code).isalnum()})


def fold(text: str) -> str:
    """`text` in one case and without accents: "Jürgen Åström" becomes "jurgen astrom"."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter)).casefold().translate(_STROKES)


def words(text: str) -> tuple[str, ...]:
    """The words of `text`, folded; punctuation parts them."""
    folded = fold(text)
    if folded.isascii():
        return tuple(folded.translate(_PUNCTUATION).split())
    return tuple("".join(letter if letter.isalnum() else " " for letter in folded).split())
