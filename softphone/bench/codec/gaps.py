"""Gaps in speech: the far end hears silence where the recording has speech."""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from softphone.bench.instruments.delay import find_lag

GAP_MS = 100
_HOP_MS, _WINDOW_MS = 5, 15
_SAID_DB, _HEARD_DB = -25.0, -35.0
"""Under the loudest. The distance keeps faint sounds, which one codec makes fainter than another, from being counted."""
_OVER_NOISE_DB, _NOISIEST_DB = 8.0, -8.0
"""In a noisy recording speech is what is so much louder than its quietest tenth; noise need not be heard."""
_BRIDGED_MS = 150
"""Shorter pauses in what was said belong to speech: closures of stops."""
_WINDOW_S, _STEP_S = 2.0, 0.5
_SLACK_MS = 300.0
"""So much later or earlier than the rest a stretch may be. A lost end up to so long looks just like a late one."""
_LIKE, _BETTER = 0.6, 0.1
"""Correlation of loudness from which on a stretch is taken to be the same, and by how much more than where it should be."""
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

    Playout may stretch a pause or squeeze it, so each second has a delay of its own, not far from lag_ms. A lost beginning, middle or end
    counts once, however long it is; where nothing at all is heard each stretch of speech between two pauses is one gap.
    """
    level = _level(said, rate)
    loud = level > max(_SAID_DB, min(float(np.percentile(level, 10)) + _OVER_NOISE_DB, _NOISIEST_DB)) if level.size else level > _SAID_DB
    speaking = _speaking(loud)
    sounding = _level(heard, rate) > _HEARD_DB
    place = np.arange(len(speaking)) + _lags(said, heard, rate, lag_ms, len(speaking))
    inside = (place >= 0) & (place < len(sounding))
    silent = np.ones(len(speaking), bool)
    silent[inside] = ~sounding[place[inside]]
    # A closure that lasts a little longer is no gap: half of one must have been sound.
    runs = [(start, end) for start, end in _runs(speaking & silent) if 2 * loud[start:end].sum() >= end - start]
    missing = [length for start, end in runs if (length := _ms(end - start)) > GAP_MS]
    return Gaps(len(missing), sum(missing) / 1000, sum(_ms(end - start) for start, end in _runs(speaking)) / 1000)


def _lags(said: NDArray[np.int16], heard: NDArray[np.int16], rate: int, lag_ms: float, hops: int) -> NDArray[np.int64]:
    """In hops, for each hop of `said`: lag_ms, or near it where the loudness of the two seconds around fits much better there."""
    lags = np.full(hops, round(lag_ms / _HOP_MS))
    half, step, slack = (round(seconds * rate) for seconds in (_WINDOW_S / 2, _STEP_S, _SLACK_MS / 1000))
    late = round(lag_ms * rate / 1000)
    padded = np.concatenate([np.zeros(slack, np.int16), heard, np.zeros(len(said) + slack, np.int16)])
    for middle in range(step // 2, len(said), step):
        begin, end = max(middle - half, 0), min(middle + half, len(said))
        around = padded[max(begin + late, 0) : end + late + 2 * slack]
        found = find_lag(said[begin:end], around, rate, 0, 2 * _SLACK_MS)
        straight = find_lag(said[begin:end], around, rate, _SLACK_MS, _SLACK_MS)
        if found is not None and found.likeness > max(_LIKE, (straight.likeness if straight is not None else 0.0) + _BETTER):
            hop = rate * _HOP_MS // 1000
            first, last = (middle - step // 2) // hop, (middle + step // 2) // hop
            lags[first:last] = round((lag_ms + found.ms - _SLACK_MS) / _HOP_MS)
    return lags


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
    """Length of a stretch that fills that many windows entirely."""
    return (hops - 1) * _HOP_MS + _WINDOW_MS


def _runs(active: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, one past the last) hop of each stretch."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], active, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]
