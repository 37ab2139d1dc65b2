"""Forced alignment: which of the ways to say a text fits phone posteriors best, and when each phone sounds.

Viterbi over the pronunciations of every word with an optional silence before, between and after the words.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codec.units.phones import SILENCE

Array = NDArray[np.float32]
Pronunciations = Sequence[Sequence[int]]
"""The ways to say one word, phone indices."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A phone from `start` until before `end`, in frames."""

    phone: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Alignment:
    """Contiguous segments over all frames; score: mean log posterior of a frame on the path, silence left out (0 is certain)."""

    segments: list[Segment]
    score: float


class _Graph:
    """States in the order of time; a state is one phone of one pronunciation, or a silence."""

    def __init__(self, words: Sequence[Pronunciations]) -> None:
        self.phones: list[int] = []
        self.before: list[list[int]] = []
        """States that may come before each state, besides itself."""
        self.begins: list[int] = []
        ends = [self._add(SILENCE, [])]
        self.begins.append(0)
        for place, variants in enumerate(words):
            new_ends = []
            for variant in dict.fromkeys(map(tuple, variants)):
                state = self._add(variant[0], ends)
                if place == 0:
                    self.begins.append(state)
                for phone in variant[1:]:
                    state = self._add(phone, [state])
                new_ends.append(state)
            ends = [*new_ends, self._add(SILENCE, new_ends)]
        self.ends = ends

    def _add(self, phone: int, before: Sequence[int]) -> int:
        self.phones.append(phone)
        self.before.append(list(before))
        return len(self.phones) - 1


def align(log_posteriors: Array, log_prior: Array, words: Sequence[Pronunciations], prior_scale: float = 0.4) -> Alignment | None:
    """log_posteriors (frames, phones), log_prior (phones,) -> the best path; None where the frames are too few for the words."""
    graph = _Graph(words)
    phones = np.array(graph.phones)
    states, frames = len(phones), len(log_posteriors)
    widest = max(len(before) for before in graph.before)
    # Column 0 is the state itself; the state past the last one is never reached.
    came = np.full((states, 1 + widest), states)
    came[:, 0] = np.arange(states)
    for state, before in enumerate(graph.before):
        came[state, 1 : 1 + len(before)] = before
    score = np.full(states + 1, -np.inf, np.float32)
    local = (log_posteriors - prior_scale * log_prior)[:, phones]
    score[graph.begins] = local[0, graph.begins] if frames else 0
    choices = np.zeros((frames, states), np.int16)
    for frame in range(1, frames):
        paths = score[came]
        choice = paths.argmax(1)
        choices[frame] = choice
        score[:states] = paths[np.arange(states), choice] + local[frame]
    last = graph.ends[int(np.argmax(score[graph.ends]))]
    if not frames or not np.isfinite(score[last]):
        return None
    path = [last]
    for frame in range(frames - 1, 0, -1):
        path.append(int(came[path[-1], choices[frame, path[-1]]]))
    path.reverse()
    edges = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), frames]
    segments = [Segment(int(phones[path[start]]), start, end) for start, end in itertools.pairwise(edges)]
    on_path = log_posteriors[np.arange(frames), phones[path]]
    spoken = phones[path] != SILENCE
    return Alignment(segments, float(on_path[spoken].mean()))
