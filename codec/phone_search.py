"""Fixed-lag Viterbi search over a phone loop: posteriors every 20 ms in, phones with their times out.

Each phone is two states, the first frame and the frames after it, so that a least duration can be asked for; between phones stands a
phone bigram. Hybrid scaling of posteriors by priors: Bourlard and Morgan, Connectionist Speech Recognition, 1994, section 7.3.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codec.phones import PHONE_INDEX, PHONES

Array = NDArray[np.float32]

SHORT_PHONES = frozenset(PHONE_INDEX[label] for label in ("B", "D", "DH", "G", "K", "P", "T", "HH", "AH", "IH", "L", "R", "N", "V", "SIL"))
"""Phones that may last one frame of 20 ms; the others last at least two."""


@dataclass(frozen=True, slots=True)
class SearchTables:
    """What the search knows of the language. log_prior (phones,); bigram (phones, phones) log P(column | row), -inf never."""

    log_prior: Array
    bigram: Array


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """Weights of the parts, tuned on the validation set; lag in frames of 20 ms."""

    prior_scale: float = 0.5
    bigram_scale: float = 0.7
    acoustic_scale: float = 0.7
    phone_penalty: float = 0.0
    lag: int = 6


@dataclass(frozen=True, slots=True)
class FoundPhone:
    """A phone from frame `start` until before frame `end` (20 ms each); confidence: its mean posterior, 0..1."""

    phone: int
    start: int
    end: int
    confidence: float


class PhoneSearch:
    """One stream of the search. A phone is given out when the best path has left it `lag` frames ago; then it stands."""

    def __init__(self, tables: SearchTables, settings: SearchSettings | None = None) -> None:
        self._settings = settings = settings or SearchSettings()
        self._prior = settings.prior_scale * tables.log_prior
        self._step = settings.bigram_scale * tables.bigram - settings.phone_penalty
        np.fill_diagonal(self._step, -np.inf)  # a phone followed by itself is one longer phone
        count = len(PHONES)
        self._long = np.array([phone not in SHORT_PHONES for phone in range(count)])
        self._now = 0
        self._base = 0  # frame of row 0 in the three histories
        self._posteriors: list[Array] = []
        self._previous_phone: list[NDArray[np.intp]] = []
        self._previous_start: list[NDArray[np.intp]] = []
        self._first = np.full(count, -np.inf, np.float32)  # score of paths in a phone's first frame
        self._later = np.full(count, -np.inf, np.float32)
        self._later_start = np.zeros(count, np.intp)
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
            phone, start = self._best()
            found.append(self._found(phone, start, self._now))
        self._first[:] = self._later[:] = -np.inf
        self._given = self._now
        self._forget()
        return found

    def _advance(self, log_posterior: Array) -> None:
        score = self._settings.acoustic_scale * (log_posterior - self._prior)
        last = self._now - 1
        if self._now == self._given:  # nothing before: any phone may begin
            entry = np.zeros(len(PHONES), np.float32)
            came_from = np.zeros(len(PHONES), np.intp)
            came_start = np.full(len(PHONES), -1, np.intp)
        else:
            short_exit = np.where(self._long, -np.inf, self._first)
            leaving = np.maximum(self._later, short_exit)
            start_of = np.where(self._later >= short_exit, self._later_start, last)
            paths = leaving[:, None] + self._step
            came_from = paths.argmax(0)
            entry = paths[came_from, np.arange(len(PHONES))]
            came_start = start_of[came_from]
        stays_first = self._first >= self._later
        self._later_start = np.where(stays_first, last, self._later_start)
        self._later = (np.maximum(self._first, self._later) + score).astype(np.float32)
        self._first = (entry + score).astype(np.float32)
        top = max(float(self._first.max()), float(self._later.max()))
        self._first -= top
        self._later -= top
        self._posteriors.append(log_posterior)
        self._previous_phone.append(came_from)
        self._previous_start.append(came_start)
        self._now += 1

    def _best(self) -> tuple[int, int]:
        """(phone, its first frame) of the best state now."""
        first, later = int(self._first.argmax()), int(self._later.argmax())
        if self._first[first] > self._later[later]:
            return first, self._now - 1
        return later, int(self._later_start[later])

    def _trace(self, phone: int, start: int) -> list[tuple[int, int]]:
        """(phone, first frame) from the oldest phone not given out to the one that is open."""
        path = [(phone, start)]
        while start > self._given:
            row = start - self._base
            phone, start = int(self._previous_phone[row][phone]), int(self._previous_start[row][phone])
            path.append((phone, start))
        return path[::-1]

    def _commit(self, until: int) -> list[FoundPhone]:
        if self._now <= self._given:
            return []
        path = self._trace(*self._best())
        found = []
        for (phone, start), (_, end) in itertools.pairwise(path):
            if end > until:
                break
            found.append(self._found(phone, start, end))
        if found:
            self._given = found[-1].end
            self._drop_others(found[-1])
            self._forget()
        return found

    def _drop_others(self, last: FoundPhone) -> None:
        """Paths that disagree with what was given out can no longer win."""
        for scores, starts in ((self._first, np.full(len(PHONES), self._now - 1)), (self._later, self._later_start)):
            for phone in np.flatnonzero(np.isfinite(scores)):
                if not self._agrees(int(phone), int(starts[phone]), last):
                    scores[phone] = -np.inf

    def _agrees(self, phone: int, start: int, last: FoundPhone) -> bool:
        while start > last.end:
            row = start - self._base
            phone, start = int(self._previous_phone[row][phone]), int(self._previous_start[row][phone])
        if start != last.end:
            return False
        row = start - self._base
        return int(self._previous_phone[row][phone]) == last.phone and int(self._previous_start[row][phone]) == last.start

    def _found(self, phone: int, start: int, end: int) -> FoundPhone:
        rows = self._posteriors[start - self._base : end - self._base]
        return FoundPhone(phone, start, end, float(np.exp([row[phone] for row in rows]).mean()))

    def _forget(self) -> None:
        drop = self._given - self._base
        del self._posteriors[:drop], self._previous_phone[:drop], self._previous_start[:drop]
        self._base = self._given
