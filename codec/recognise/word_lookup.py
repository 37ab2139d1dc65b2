"""Phones -> the words that they most likely are, for people to read: a Viterbi search over the recogniser's own lexicon.

Phones that arrive are no posteriors but what another recogniser decided, so a word fits as it is pronounced, or with one phone that
is another one. What no word explains stays phones: `/Z IH G/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codec.recognise.lexicon import Lexicon
from codec.units.errors import ModelError
from codec.units.phones import PHONES
from codec.units.weights import load_weights
from codec.units.weights_files import weights_directory

SPELLINGS = "lexicon-words.txt"
"""Word number n of the lexicon stands in line n, written by `codec.train.recogniser.word_lexicon` beside the lexicon."""
SUBSTITUTION = -6.0
"""Log probability of a phone that was heard as another one,"""
LEAST_PHONES = 3
"""which only words of so many phones may have: shorter ones would fit everything."""
UNKNOWN = -9.0
"""Log probability of a phone that is of no word."""
LONGEST_WORD = 18
KEPT = 12
"""Hypotheses, by their last word, that go on from each phone."""


@dataclass(frozen=True, slots=True)
class _Path:
    """The best way to explain all phones before a place, with this last word; word: its number, or that of no word."""

    score: float
    word: int
    phones: tuple[int, int]
    before: _Path | None = None


class WordLookup:
    """`words`: the spelling of each word of the lexicon."""

    def __init__(self, lexicon: Lexicon, words: Sequence[str]) -> None:
        if len(words) != len(lexicon.unigram):
            raise ModelError(f"{SPELLINGS} does not belong to this lexicon: reinstall the package.")
        self._lexicon = lexicon
        self._words = words
        self._none = len(words)

    @classmethod
    def load(cls, directory: Path | None = None) -> WordLookup:
        """From the shipped weights. Raises ModelError."""
        directory = directory or weights_directory()
        try:
            words = (directory / SPELLINGS).read_text("utf-8").split()
        except OSError as error:
            raise ModelError(f"The words {error.filename} cannot be read: reinstall the softphone package.") from error
        return cls(Lexicon.from_weights(load_weights(directory / "lexicon.safetensors")[0]), words)

    def __call__(self, phones: Sequence[int]) -> str:
        """phones: indices of one stretch of speech, without silence -> words, and phones between slashes; "" for none."""
        ends: list[dict[int, _Path]] = [{self._none: _Path(0.0, self._none, (0, 0))}, *({} for _ in phones)]
        for at in range(len(phones)):
            begun = sorted(ends[at].values(), key=lambda path: -path.score)[:KEPT]
            if not begun:
                continue
            for path in begun:
                _offer(ends[at + 1], _Path(path.score + UNKNOWN, self._none, (at, at + 1), path))
            before = np.array([path.word for path in begun])
            for word, length, wrong in self._words_at(phones, at):
                told = self._lexicon.log_probability(before, np.full(len(begun), word))
                for path, score in zip(begun, told.tolist(), strict=True):
                    _offer(ends[at + length], _Path(path.score + score + wrong * SUBSTITUTION, word, (at, at + length), path))
        best = max(ends[-1].values(), key=lambda path: path.score, default=None)
        return self._text(phones, best)

    def _words_at(self, phones: Sequence[int], at: int) -> Iterator[tuple[int, int, int]]:
        """(word, how many phones, how many of them are others) of the words that may begin at a place."""
        tree = self._lexicon
        open_ = [(0, 0, 0)]  # node, length, wrong
        while open_:
            node, length, wrong = open_.pop()
            if not wrong or length >= LEAST_PHONES:
                for place in range(int(tree.word_start[node]), int(tree.word_start[node + 1])):
                    yield int(tree.words[place]), length, wrong
            if length == LONGEST_WORD or at + length == len(phones):
                continue
            begin, end = int(tree.child_start[node]), int(tree.child_start[node + 1])
            said = tree.phone[begin:end] == phones[at + length]
            for child in range(begin, end):
                other = not said[child - begin]
                if wrong + other <= 1:
                    open_.append((child, length + 1, wrong + int(other)))

    def _text(self, phones: Sequence[int], path: _Path | None) -> str:
        parts: list[str] = []
        unknown: list[str] = []
        while path is not None and path.before is not None:
            if path.word == self._none:
                unknown.insert(0, PHONES[phones[path.phones[0]]])
            else:
                parts = [self._words[path.word], *_slashes(unknown), *parts]
                unknown = []
            path = path.before
        return " ".join([*_slashes(unknown), *parts])


def _slashes(labels: Sequence[str]) -> list[str]:
    return [f"/{' '.join(labels)}/"] if labels else []


def _offer(ends: dict[int, _Path], path: _Path) -> None:
    known = ends.get(path.word)
    if known is None or path.score > known.score:
        ends[path.word] = path
