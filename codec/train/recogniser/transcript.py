"""Words that were heard, corrected by the transcript: what the word recogniser's adapters learn where it is known what was said."""

import difflib
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from codec.recognise.moonshine.network import END, Vocabulary
from codec.recognise.spelling import Spelling

MOST_WRONG = 0.5
"""Where more of the words differ, the transcript belongs to other sound."""
MARKS = ".,;:!?\"'()-"


class HeardWord(NamedTuple):
    """A word as it is written, its pieces, and its ticks of 20 ms."""

    text: str
    pieces: tuple[int, ...]
    start: int
    end: int


class PieceWriter:
    """Text -> the word pieces of a vocabulary whose numbers are the order of merges: byte pair encoding (Sennrich, arXiv 1508.07909)."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        # Pieces before the letters stand for single bytes.
        self._number = {piece: number for number, piece in enumerate(vocabulary.pieces) if number > END}

    def __call__(self, word: str) -> tuple[int, ...]:
        """word: without spaces; () where it has a letter that the vocabulary lacks."""
        parts = [letter.encode() for letter in f" {word}"]
        while True:
            joined = [self._number.get(first + second, len(self._number) * 2) for first, second in itertools.pairwise(parts)]
            best = min(joined, default=len(self._number) * 2)
            if best == len(self._number) * 2:
                break
            at = joined.index(best)
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        return tuple(self._number[part] for part in parts) if all(part in self._number for part in parts) else ()


def corrected(heard: Sequence[HeardWord], text: str, spelling: Spelling, write: Callable[[str], tuple[int, ...]]) -> list[HeardWord] | None:
    """The words of the transcript; where they sound like those heard, as they were heard. None where the two have too little in common.

    New words share the time of those that they replace.
    """
    said = text.split()
    matcher = difflib.SequenceMatcher(None, [_plain(word.text) for word in heard], [_plain(word) for word in said], autojunk=False)
    found: list[HeardWord] = []
    wrong = 0
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        old, new = heard[i1:i2], said[j1:j2]
        if kind == "equal" or _sounds([word.text for word in old], spelling) & _sounds(new, spelling):
            found += old
            continue
        wrong += max(len(old), len(new))
        if not old and i1 in (0, len(heard)):
            continue  # The sound may begin after the transcript, and end before it.
        start = old[0].start if old else found[-1].end if found else 0
        end = old[-1].end if old else heard[i2].start
        found += _replaced(old, new, start, max(start, end), write)
    return found if wrong <= MOST_WRONG * len(said) and all(word.pieces for word in found) else None


def _replaced(
    old: Sequence[HeardWord], new: Sequence[str], start: int, end: int, write: Callable[[str], tuple[int, ...]]
) -> Iterator[HeardWord]:
    letters = sum(map(len, new))
    before = 0
    for number, word in enumerate(new):
        # Transcripts in capitals, or without punctuation, take both from what was heard.
        text = word.lower() if word.isupper() else word
        if text == "i" or text.startswith("i'"):
            text = "I" + text[1:]
        if number == 0 and old and old[0].text[:1].isupper():
            text = text[:1].upper() + text[1:]
        if number == len(new) - 1 and old and text[-1:].isalnum():
            text += old[-1].text[len(old[-1].text.rstrip(MARKS)) :]
        times = [start + round((end - start) * share / letters) for share in (before, before + len(word))]
        before += len(word)
        yield HeardWord(text, write(text), *times)


def _plain(word: str) -> str:
    return word.lower().strip(MARKS)


def _sounds(words: Sequence[str], spelling: Spelling) -> set[tuple[int, ...]]:
    """How they may sound together: for each word its first pronunciation, or all of them where there is one word."""
    each = [spelling(word) for word in words]
    if not each or not all(each):
        return set()
    return set(each[0]) if len(each) == 1 else {tuple(phone for variants in each for phone in variants[0])}
