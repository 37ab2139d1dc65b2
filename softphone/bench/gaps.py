"""Holes in speech: where nothing is heard though something was said."""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from softphone.bench.delay import HOP_MS, envelope

GAP_MS = 100
_SAID_DB, _HEARD_DB = 20.0, 10.0
"""Over the envelope's floor, so 25 and 35 dB under the loudest. The distance keeps faint sounds, which one codec makes fainter than
another, from being counted."""
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
    speaking = _speaking(said, rate)
    sounding = _sounding(heard, rate)
    late = round(lag_ms / HOP_MS)
    place = np.arange(len(speaking)) + late
    inside = (place >= 0) & (place < len(sounding))
    silent = np.ones(len(speaking), bool)
    silent[inside] = ~sounding[place[inside]]
    # A gap may be heard through the margin at its edges, so the margin is taken off speech and not off what is missing.
    missing = [run for run in _runs(speaking & silent) if (run[1] - run[0]) * HOP_MS > GAP_MS]
    hops = sum(end - start for start, end in missing)
    return Gaps(len(missing), hops * HOP_MS / 1000, float(speaking.sum()) * HOP_MS / 1000)


def _speaking(pcm: NDArray[np.int16], rate: int) -> NDArray[np.bool_]:
    loud = envelope(pcm, rate) > _SAID_DB
    runs = _runs(loud)
    for (_, end), (start, _) in itertools.pairwise(runs):
        if (start - end) * HOP_MS < _BRIDGED_MS:
            loud[end:start] = True
    inner = np.zeros(len(loud), bool)
    margin = _MARGIN_MS // HOP_MS
    for start, end in _runs(loud):
        inner[start + margin : max(end - margin, start + margin)] = True
    return inner


def _sounding(pcm: NDArray[np.int16], rate: int) -> NDArray[np.bool_]:
    return envelope(pcm, rate) > _HEARD_DB


def _runs(active: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, one past the last) hop of each stretch."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], active, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]
