"""Fixed-lag Viterbi search over a phone loop: posteriors every 20 ms in, phones with their times out.

A state is a phone and the phone before it, in its first frame or in a later one, so that a phone trigram stands between phones and a
least duration can be asked for. Hybrid scaling of posteriors by priors: Bourlard and Morgan, Connectionist Speech Recognition, 1994,
section 7.3.
"""

import itertools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from codec.phones import PHONE_INDEX, PHONES, SILENCE

Array = NDArray[np.float32]

_COUNT = len(PHONES)

SHORT_PHONES = frozenset(PHONE_INDEX[label] for label in ("B", "D", "DH", "G", "K", "P", "T", "HH", "AH", "IH", "L", "R", "N", "V", "SIL"))
"""Phones that may last one frame of 20 ms; the others last at least two."""


LONGEST = 12
"""Frames of a phone that may wait for its end: 240 ms."""


@dataclass(frozen=True, slots=True)
class SearchTables:
    """What the search knows of the language. log_prior (phones,); trigram (phones, phones, phones) log P(last | first, middle)."""

    log_prior: Array
    trigram: Array


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """Weights of the parts, tuned on the validation set; lag in frames of 20 ms, at least 1."""

    prior_scale: float = 0.4
    trigram_scale: float = 0.8
    acoustic_scale: float = 0.9
    phone_penalty: float = -0.2
    lag: int = 3


@dataclass(frozen=True, slots=True)
class FoundPhone:
    """A phone from frame `start` until before frame `end` (20 ms each); confidence: its mean posterior, 0..1."""

    phone: int
    start: int
    end: int
    confidence: float


class _State(NamedTuple):
    """On a path: `phone` since frame `start`, after the phone `before`."""

    before: int
    phone: int
    start: int


class PhoneSearch:
    """One stream of the search. A phone is given out when the best path has left it `lag` frames ago; then it stands.

    What lasts longer than `LONGEST` is given out in parts, so that nothing waits for the end of a pause or of a long vowel.
    """

    def __init__(self, tables: SearchTables, settings: SearchSettings | None = None) -> None:
        self._settings = settings = settings or SearchSettings()
        self._prior = settings.prior_scale * tables.log_prior
        self._step = settings.trigram_scale * tables.trigram - settings.phone_penalty
        self._step[:, range(_COUNT), range(_COUNT)] = -np.inf  # a phone followed by itself is one longer phone
        self._long = np.array([phone not in SHORT_PHONES for phone in range(_COUNT)])
        self._now = 0
        self._base = 0  # frame of row 0 in the three histories
        self._posteriors: list[Array] = []
        self._entered_from: list[NDArray[np.intp]] = []  # [before, phone] -> the phone before `before`
        self._entered_start: list[NDArray[np.intp]] = []  # [before, phone] -> first frame of `before`
        self._first = np.full((_COUNT, _COUNT), -np.inf, np.float32)  # [before, phone] score of paths in the phone's first frame
        self._later = np.full((_COUNT, _COUNT), -np.inf, np.float32)
        self._later_start = np.zeros((_COUNT, _COUNT), np.intp)
        self._given = 0  # everything before this frame has been given out

    def push(self, log_posteriors: Array) -> list[FoundPhone]:
        """log_posteriors (frames, phones) -> phones that are now certain, contiguous from frame 0."""
        for row in log_posteriors:
            self._advance(row)
        return self._commit(self._now - self._settings.lag)

    def flush(self) -> list[FoundPhone]:
        """The phones still open, for the end of a stream; the search begins anew after it."""
        found = self._commit(self._now)
        if self._now > self._given:
            found.append(self._found(self._best(), self._now))
        self._first[:] = self._later[:] = -np.inf
        self._given = self._now
        self._forget()
        return found

    def _advance(self, log_posterior: Array) -> None:
        score = self._settings.acoustic_scale * (log_posterior - self._prior)
        last = self._now - 1
        if self._now == self._given:  # nothing before: any phone may begin, as if after silence
            entry = np.full((_COUNT, _COUNT), -np.inf, np.float32)
            entry[SILENCE] = 0
            came_from = np.zeros((_COUNT, _COUNT), np.intp)
            came_start = np.full((_COUNT, _COUNT), -1, np.intp)
        else:
            short_exit = np.where(self._long, -np.inf, self._first)
            leaving = np.maximum(self._later, short_exit)
            start_of = np.where(self._later >= short_exit, self._later_start, last)
            paths = leaving[:, :, None] + self._step
            came_from = paths.argmax(0)
            entry = np.take_along_axis(paths, came_from[None], 0)[0]
            came_start = start_of[came_from, np.arange(_COUNT)[:, None]]
        self._later_start = np.where(self._first >= self._later, last, self._later_start)
        self._later = (np.maximum(self._first, self._later) + score).astype(np.float32)
        self._first = (entry + score).astype(np.float32)
        top = max(float(self._first.max()), float(self._later.max()))
        self._first -= top
        self._later -= top
        self._posteriors.append(log_posterior)
        self._entered_from.append(came_from)
        self._entered_start.append(came_start)
        self._now += 1

    def _best(self) -> _State:
        """The best state now."""
        first, later = int(self._first.argmax()), int(self._later.argmax())
        if self._first.flat[first] > self._later.flat[later]:
            return _State(first // _COUNT, first % _COUNT, self._now - 1)
        return _State(later // _COUNT, later % _COUNT, int(self._later_start.flat[later]))

    def _before(self, state: _State) -> _State:
        """The state that the path left to enter this one."""
        row = state.start - self._base
        earlier = int(self._entered_from[row][state.before, state.phone])
        return _State(earlier, state.before, int(self._entered_start[row][state.before, state.phone]))

    def _commit(self, until: int) -> list[FoundPhone]:
        if self._now <= self._given:
            return []
        path = [self._best()]
        while path[-1].start > self._given:
            path.append(self._before(path[-1]))
        states = path[::-1]
        certain = [(state, following.start) for state, following in itertools.pairwise(states) if following.start <= until]
        waiting = states[len(certain)]
        if until - max(waiting.start, certain[-1][1] if certain else self._given) >= LONGEST:
            certain.append((waiting, until))
        found = []
        for state, end in certain:
            found.append(self._found(state, end))
            self._given = end
        if certain:
            self._drop_others(certain[-1][0])
            self._forget()
        return found

    def _drop_others(self, last: _State) -> None:
        """Paths that were not in `last` until now given out can no longer win."""
        given = self._given
        entered_from, entered_start = np.stack(self._entered_from), np.stack(self._entered_start)
        for scores, starts in ((self._first, np.full((_COUNT, _COUNT), self._now - 1)), (self._later, self._later_start)):
            live = np.flatnonzero(np.isfinite(scores))
            before, phone, start = live // _COUNT, live % _COUNT, starts.flat[live]
            # One step back past `given`: the phone that a path was in just before it.
            while (open_ := start >= given).any():
                row = start[open_] - self._base
                earlier = entered_from[row, before[open_], phone[open_]]
                start[open_] = entered_start[row, before[open_], phone[open_]]
                before[open_], phone[open_] = earlier, before[open_]
            scores.flat[live[(phone != last.phone) | (start != last.start)]] = -np.inf

    def _found(self, state: _State, end: int) -> FoundPhone:
        """The part of the phone of `state` that was not given out yet, until before `end`."""
        start = max(state.start, self._given)
        rows = self._posteriors[start - self._base : end - self._base]
        return FoundPhone(state.phone, start, end, float(np.exp([row[state.phone] for row in rows]).mean()))

    def _forget(self) -> None:
        drop = self._given - self._base
        del self._posteriors[:drop], self._entered_from[:drop], self._entered_start[:drop]
        self._base = self._given
