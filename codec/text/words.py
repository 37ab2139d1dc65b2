"""Typed English -> what is spoken of it: lower-case words, letters to be spelled, and marks where the voice pauses."""

import re
import unicodedata

from codec.text.rules import ABBREVIATIONS, ONLY_WITH_DOT, RULES, SPELLED, SYMBOLS
from codec.units.errors import TextError

MARKS = (",", ";", ".", "?", "!")
"""What may stand between words: a short pause, a longer one, and the three ends of a sentence."""

MAX_TEXT = 2000
"""Characters of one text."""

_STRONGEST = {mark: rank for rank, mark in enumerate((",", ";", ".", "!", "?"))}
_TYPOGRAPHY = str.maketrans(
    dict.fromkeys("\u2019\u2018\u00b4`", "'") | dict.fromkeys("\u201c\u201d", '"') | dict.fromkeys("\u2013\u2212", "-")
    | {"\u2014": " - ", "\u2026": "...", "\u00a0": " "}
)  # fmt: skip
"""Curly quotes, dashes, the ellipsis and the hard space, as they are typed on a plain keyboard."""

_PIECE = re.compile(r"~[a-z]|[A-Za-z][A-Za-z']*|\.{2,}|[,;:.?!()\[\]{}\"\n]|-+|/")
_MARK_OF = {":": ";", "(": ",", ")": ",", "[": ",", "]": ",", "{": ",", "}": ",", '"': "", "\n": ".", "/": ""}


def spoken_words(text: str) -> list[str]:
    """Words (a-z and apostrophes; a letter with a dot, "b.", is spelled) and MARKS, in order; never two marks in a row, none in front.

    Raises TextError where nothing can be spoken or the text is too long.
    """
    if len(text) > MAX_TEXT:
        raise TextError(f"The text has {len(text)} characters, and at most {MAX_TEXT} are spoken at once: send it in parts.")
    plain = _plain(text)
    shouted = plain.isupper() and len(plain.split()) > 1
    plain = plain.replace("~", " about ")
    for pattern, write in RULES:
        plain = pattern.sub(write, plain)
    for symbol, word in SYMBOLS.items():
        plain = plain.replace(symbol, f" {word} ")
    words = _join(_PIECE.findall(plain), shouted)
    if not any(word not in MARKS for word in words):
        shown = " ".join(text.split())[:40]
        raise TextError(f'There is nothing in "{shown}" that can be spoken: type English words or numbers.')
    return words


def unspoken(text: str) -> str:
    """The letters and signs of `text` that `spoken_words` leaves out because English has no word for them (other scripts, emoji)."""
    kept = _plain(text)
    signs = set(SYMBOLS) | set("'\"-.,;:?!()[]{}/$£€¥\u200d\ufe0f")
    left = [letter for letter in text.translate(_TYPOGRAPHY) if not letter.isspace() and letter not in kept and letter not in signs]
    return "".join(letter for letter in left if not unicodedata.normalize("NFKD", letter)[0].isascii())


def _plain(text: str) -> str:
    """Typographic signs as typed ones, accents off, and a space for what has no place in English."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_TYPOGRAPHY))
    letters = (letter for letter in decomposed if unicodedata.category(letter) != "Mn")
    return "".join(letter if letter.isascii() or letter in SYMBOLS or letter in "£€¥" else " " for letter in letters)


def _join(pieces: list[str], shouted: bool) -> list[str]:
    words: list[str] = []
    for place, piece in enumerate(pieces):
        following = pieces[place + 1] if place + 1 < len(pieces) else ""
        if piece[0] == "~":
            words.append(f"{piece[1]}.")
        elif piece[0].isalpha():
            words += _word(piece, following, first=not words or words[-1] in MARKS[2:], shouted=shouted)
        elif words and (mark := _mark(piece, pieces[place - 1], following)):
            if words[-1] in MARKS:
                words[-1] = max(words[-1], mark, key=_STRONGEST.__getitem__)
            else:
                words.append(mark)
    return words


def _mark(piece: str, before: str, following: str) -> str:
    if piece == "." and before[0].isalpha():
        # The dot of an abbreviation or initial ends a sentence only where the text ends or, after some, a capital follows.
        if before.lower() in ("etc", "jr", "sr", "inc", "ltd", "co"):
            return "" if following and not following[0].isupper() else "."
        initial = len(before) == 1 and before.isupper() and before != "I"
        if following and (following[0].isalpha() or following in ",;:") and (before.lower() in ABBREVIATIONS or initial):
            return ""
    if piece[0] == "-":
        return ","
    return "." if piece.startswith("..") else _MARK_OF.get(piece, piece)


def _word(piece: str, following: str, *, first: bool, shouted: bool) -> list[str]:
    lower = piece.lower().strip("'")
    if not lower:
        return []
    if lower in ABBREVIATIONS and (following == "." or lower not in ONLY_WITH_DOT):
        return ABBREVIATIONS[lower].split()
    if len(lower) == 1 and (lower not in "ai" or (piece == "A" and not first and not shouted and not following[:1].islower())):
        return [f"{lower}."]
    plural = len(piece) > 2 and piece.endswith("s") and piece[:-1].isupper()
    stem = piece[:-1] if plural else piece
    if stem.isupper() and not shouted and (stem in SPELLED or not re.search("[AEIOUY]", stem)):
        letters = [f"{letter.lower()}." for letter in stem if letter.isalpha()]
        return [*letters[:-1], letters[-1] + "s"] if plural else letters
    return [lower]
