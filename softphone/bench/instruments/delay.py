"""Mouth-to-ear delay: by how much the loudness of what was heard lags the loudness of what was said.

Samples of a parametric codec do not resemble each other, but the rise and fall of loudness does.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

HOP_MS = 5
_WINDOW_MS = 20
_FLOOR_DB = -45.0
_SMOOTHING_HOPS = 3.0
_MIN_OVERLAP_SECONDS = 1.0


@dataclass(frozen=True)
class Lag:
    """`ms` is positive when the second recording is late; `likeness` is the correlation of the envelopes there, at most 1."""

    ms: float
    likeness: float


def envelope(pcm: NDArray[np.int16], rate: int) -> NDArray[np.float64]:
    """Loudness in dB over the floor (45 dB under the loudest window), one value every 5 ms."""
    window, hop = rate * _WINDOW_MS // 1000, rate * HOP_MS // 1000
    power = np.concatenate([[0.0], np.cumsum(pcm.astype(np.float64) ** 2)])
    starts = np.arange(0, max(len(pcm) - window, 0), hop)
    mean = (power[starts + window] - power[starts]) / window
    if not mean.size or mean.max() <= 0:
        return np.zeros(len(starts))
    level = 10 * np.log10(np.maximum(mean / mean.max(), 10 ** (_FLOOR_DB / 10)))
    return np.asarray(gaussian_filter1d(level - _FLOOR_DB, _SMOOTHING_HOPS))


def find_lag(said: NDArray[np.int16], heard: NDArray[np.int16], rate: int, lowest_ms: float, highest_ms: float) -> Lag | None:
    """The lag of `heard` behind `said` (int16 mono at `rate`) between two limits; None when either is silent or too short."""
    first, second = envelope(said, rate), envelope(heard, rate)
    if not first.any() or not second.any():
        return None
    lags = np.arange(int(np.floor(lowest_ms / HOP_MS)), int(np.ceil(highest_ms / HOP_MS)) + 1)
    likeness = np.array([_likeness(first, second, int(lag)) for lag in lags])
    best = int(np.argmax(likeness))
    if likeness[best] <= 0:
        return None
    return Lag(float(lags[best] + _peak_offset(likeness, best)) * HOP_MS, float(likeness[best]))


def _likeness(first: NDArray[np.float64], second: NDArray[np.float64], lag: int) -> float:
    """Correlation of first[t] with second[t + lag] over the hops that both have."""
    begin, end = max(0, -lag), min(len(first), len(second) - lag)
    if (end - begin) * HOP_MS < _MIN_OVERLAP_SECONDS * 1000:
        return -1.0
    a, b = first[begin:end], second[begin + lag : end + lag]
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    # Little overlap correlates well by chance, so what is not shared counts against it.
    shared = (end - begin) / min(len(first), len(second))
    return float(a @ b) / norm * min(1.0, shared) if norm > 0 else -1.0


def _peak_offset(values: NDArray[np.float64], index: int) -> float:
    """Vertex of the parabola through a peak and its neighbours, in steps from the peak."""
    if not 0 < index < len(values) - 1:
        return 0.0
    left, peak, right = values[index - 1 : index + 2]
    curve = left - 2 * peak + right
    return float((left - right) / (2 * curve)) if curve < 0 else 0.0
