"""Holes in speech: where nothing is heard though something was said."""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GAP_MS = 100
_HOP_MS, _WINDOW_MS = 5, 15
_SAID_DB, _HEARD_DB = -25.0, -35.0
"""Under the loudest. The distance keeps faint sounds, which one codec makes fainter than another, from being counted."""
_BRIDGED_MS = 150
"""Shorter pauses in what was said belong to speech: closures of stops."""
_MARGIN_MS = 80
"""So much next to a pause is not looked at: speech may begin and end a little earlier or later than it did."""


@dataclass(frozen=True)
class Gaps:
    """count: holes longer than 100 ms; silent_s: seconds in them; speech_s: seconds of speech looked at."""

    count: int
    silent_s: float
    speech_s: float


def find_gaps(said: NDArray[np.int16], heard: NDArray[np.int16], rate: int, lag_ms: float) -> Gaps:
    """Stretches longer than 100 ms in which `heard` (late by lag_ms) is silent while `said` is not. Both int16 mono at `rate`.

    A lost beginning, middle or end counts once, however long it is; where nothing at all is heard each stretch of speech between two
    pauses is one gap.
    """
    loud = _level(said, rate) > _SAID_DB
    speaking = _speaking(loud)
    sounding = _level(heard, rate) > _HEARD_DB
    place = np.arange(len(speaking)) + round(lag_ms / _HOP_MS)
    inside = (place >= 0) & (place < len(sounding))
    silent = np.ones(len(speaking), bool)
    silent[inside] = ~sounding[place[inside]]
    # A closure that lasts a little longer is no gap: half of one must have been sound.
    runs = [(start, end) for start, end in _runs(speaking & silent) if 2 * loud[start:end].sum() >= end - start]
    missing = [length for start, end in runs if (length := _ms(end - start)) > GAP_MS]
    return Gaps(len(missing), sum(missing) / 1000, sum(_ms(end - start) for start, end in _runs(speaking)) / 1000)


def _speaking(loud: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where somebody speaks, short pauses included, margins next to long ones not."""
    loud = loud.copy()
    for (_, end), (start, _) in itertools.pairwise(_runs(loud)):
        if (start - end) * _HOP_MS < _BRIDGED_MS:
            loud[end:start] = True
    inner = np.zeros(len(loud), bool)
    margin = _MARGIN_MS // _HOP_MS
    for start, end in _runs(loud):
        inner[start + margin : max(end - margin, start + margin)] = True
    return inner


def _level(pcm: NDArray[np.int16], rate: int) -> NDArray[np.float64]:
    """dB under the loudest window of 15 ms, one every 5 ms. Not smoothed as `delay.envelope` is, which would fill holes from both sides."""
    window, hop = rate * _WINDOW_MS // 1000, rate * _HOP_MS // 1000
    power = np.concatenate([[0.0], np.cumsum(pcm.astype(np.float64) ** 2)])
    starts = np.arange(0, max(len(pcm) - window + 1, 0), hop)
    energy = power[starts + window] - power[starts]
    loudest = energy.max(initial=0.0)
    return np.asarray(10 * np.log10(np.maximum(energy, 1e-9) / loudest)) if loudest > 0 else np.full(len(starts), -np.inf)


def _ms(hops: int) -> int:
    """Length of what fills so many windows wholly."""
    return (hops - 1) * _HOP_MS + _WINDOW_MS


def _runs(active: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, one past the last) hop of each stretch."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], active, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]
