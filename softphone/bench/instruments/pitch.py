"""How well pitch and voicing survive: two recordings compared frame by frame, where one lags the other."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from codec.describe.pitch import track
from codec.units.rates import FRAME_MS

_LEAST_FRAMES = 30
"""Voiced in both; fewer say nothing about a correlation."""


class PitchLikeness(NamedTuple):
    """correlation: of log F0 over the frames that are voiced in both, None where they are too few; voicing_error: share of the frames in
    which anything is voiced in either that are voiced in one alone, None where there are none."""

    correlation: float | None
    voicing_error: float | None


def compare(said: NDArray[np.int16], heard: NDArray[np.int16], lag_ms: float) -> PitchLikeness:
    """(samples,) int16 at 16 kHz each; heard is late by lag_ms."""
    first, second = track(said).f0, track(heard).f0
    lag = round(lag_ms / FRAME_MS)
    begin, end = max(0, -lag), min(len(first), len(second) - lag)
    if end <= begin:
        return PitchLikeness(None, None)
    a, b = first[begin:end], second[begin + lag : end + lag]
    either, both = (a > 0) | (b > 0), (a > 0) & (b > 0)
    error = float(1 - both.sum() / either.sum()) if either.any() else None
    if both.sum() < _LEAST_FRAMES:
        return PitchLikeness(None, error)
    x, y = np.log(a[both]), np.log(b[both])
    spread = float(x.std() * y.std())
    return PitchLikeness(float(((x - x.mean()) * (y - y.mean())).mean() / spread) if spread else None, error)
