"""When each word was said, and whether the sound agrees: Viterbi over pronunciations and phone posteriors, open at the end.

Between words there may be silence, or phones that no word explains: a stretch in which each frame is its likeliest phone, at a price. What
the last frames hold need not be among the words yet.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codec.units.phones import SILENCE
from codec.units.token import RecognisedPhone

Floats = NDArray[np.float32]
Variants = Sequence[Sequence[int]]

FILLER_ENTRY = -6.0
FILLER_FRAME = -2.0
"""Price of phones outside of words: at their beginning, and for each frame."""
PRIOR_SCALE = 0.3
WORST_FRAME = -6.0
"""No frame speaks more against a word than this."""
LEAST_FRAMES = 2
"""A phone of a word lasts at least 40 ms: nobody hears a shorter one."""
LEAST_SCORE = -4.0
"""The same while paths are compared: a word that was said unclearly is not passed over for what no word explains."""

_SILENT, _FILLED = -1, -2


@dataclass(frozen=True, slots=True)
class AlignedWord:
    """number: which of the words; phones: contiguous, counted from the first posterior; whole: False where the sound ends within it.

    evidence: log P(phone) - log P(likeliest phone), mean over frames and then over phones; 0 is best. agreed: whether an earlier alignment
    had the word at the same time; log_probability: what the word recogniser gives it (both only the second pass can say).
    """

    number: int
    phones: tuple[RecognisedPhone, ...]
    evidence: float
    whole: bool
    agreed: bool = False
    log_probability: float = 0.0

    @property
    def start(self) -> int:
        return self.phones[0].start

    @property
    def end(self) -> int:
        return self.phones[-1].end


class _Graph:
    """States: phones of each pronunciation, and after each word a silence and a filler."""

    def __init__(self, words: Sequence[Variants]) -> None:
        self.phones: list[int] = []
        self.units: list[int] = []
        """The first state of the phone that a state belongs to."""
        self.lasting: list[bool] = []
        """Whether a state may last longer than a frame."""
        self.owners: list[int] = []
        """Number of the word a state belongs to, or _SILENT, _FILLED."""
        self.before: list[list[int]] = []
        ends = self._pause([])
        self.first = list(ends)
        begun = False
        for number, variants in enumerate(words):
            if not variants:
                continue
            new_ends = []
            for variant in variants:
                state = self._say(variant[0], number, ends)
                if not begun:
                    self.first.append(self.units[state])
                for phone in variant[1:]:
                    state = self._say(phone, number, [state])
                new_ends.append(state)
            begun, ends = True, [*new_ends, *self._pause(new_ends)]
        self.last = ends

    def _pause(self, before: Sequence[int]) -> list[int]:
        silent = self._add(SILENCE, _SILENT, before)
        filled = self._add(SILENCE, _FILLED, [*before, silent])
        self.lasting += [True, True]
        self.before[silent].append(filled)
        return [silent, filled]

    def _say(self, phone: int, owner: int, before: Sequence[int]) -> int:
        """A phone of at least LEAST_FRAMES, each of which is a state -> the last of them, in which it stays."""
        state = first = self._add(phone, owner, before)
        for _ in range(LEAST_FRAMES - 1):
            self.lasting.append(False)
            state = self._add(phone, owner, [state])
            self.units[state] = first
        self.lasting.append(True)
        return state

    def _add(self, phone: int, owner: int, before: Sequence[int]) -> int:
        self.units.append(len(self.phones))
        self.phones.append(phone)
        self.owners.append(owner)
        self.before.append(list(before))
        return len(self.phones) - 1


def align_words(log_posteriors: Floats, log_prior: Floats, words: Sequence[Variants], final: bool = False) -> list[AlignedWord]:
    """log_posteriors (frames, phones); words: the ways to say each; final: whether all of them must have been said by the end.

    -> the words that the best path reaches, in order; those that cannot be pronounced are left out.
    """
    frames = len(log_posteriors)
    if not frames or not any(words):
        return []
    graph = _Graph(words)
    phones, owners = np.array(graph.phones), np.array(graph.owners)
    states = len(phones)
    widest = max(map(len, graph.before))
    came = np.full((states, 1 + widest), states)
    came[:, 0] = np.arange(states)
    for state, before in enumerate(graph.before):
        came[state, 1 : 1 + len(before)] = before
    price = np.zeros((states, 1 + widest), np.float32)
    price[owners == _FILLED, 1:] = FILLER_ENTRY
    price[~np.array(graph.lasting), 0] = -np.inf
    scaled = log_posteriors - PRIOR_SCALE * log_prior
    local = np.maximum(scaled, scaled.max(1, keepdims=True) + LEAST_SCORE)[:, phones]
    local[:, owners == _FILLED] = (np.delete(scaled, SILENCE, 1).max(1) + FILLER_FRAME)[:, None]
    score = np.full(states + 1, -np.inf, np.float32)
    score[graph.first] = local[0, graph.first]
    score[[state for state in graph.first if owners[state] == _FILLED]] += FILLER_ENTRY
    choices = np.zeros((frames, states), np.int16)
    rows = np.arange(states)
    for frame in range(1, frames):
        paths = score[came] + price
        choice = paths.argmax(1)
        choices[frame] = choice
        score[:states] = paths[rows, choice] + local[frame]
    ends = np.array(graph.last) if final else rows
    state = int(ends[np.argmax(score[ends])])
    if not np.isfinite(score[state]):
        return [] if not final else align_words(log_posteriors, log_prior, words)
    closed = state in graph.last and owners[state] < 0
    path = [state]
    for frame in range(frames - 1, 0, -1):
        path.append(int(came[path[-1], choices[frame, path[-1]]]))
    path.reverse()
    return _words_on(path, phones, np.array(graph.units), owners, log_posteriors, closed or final)


def _words_on(
    path: list[int],
    phones: NDArray[np.int64],
    units: NDArray[np.int64],
    owners: NDArray[np.int64],
    log_posteriors: Floats,
    closed: bool,
) -> list[AlignedWord]:
    best = log_posteriors.max(1)
    found = []
    edges = [0, *(np.flatnonzero(np.diff(units[path])) + 1).tolist(), len(path)]
    parts = [(path[start], start, end) for start, end in itertools.pairwise(edges)]
    for number, group in itertools.groupby(parts, key=lambda part: int(owners[part[0]])):
        if number < 0:
            continue
        said = tuple(_phone(int(phones[state]), start, end, log_posteriors) for state, start, end in group)
        against = [log_posteriors[one.start : one.end, one.phone] - best[one.start : one.end] for one in said]
        evidence = float(np.mean([np.maximum(one, WORST_FRAME).mean() for one in against]))
        found.append(AlignedWord(number, said, evidence, closed or said[-1].end < len(path)))
    return found


def _phone(phone: int, start: int, end: int, log_posteriors: Floats) -> RecognisedPhone:
    return RecognisedPhone(phone, start, end, float(np.exp(log_posteriors[start:end, phone]).mean()))
