"""A voice whose pitch is known at every moment."""

import numpy as np
from numpy.typing import NDArray

from codec.units.rates import FRAME_SAMPLES, SAMPLE_RATE


def voice(low: float, high: float, seconds: float = 2.0, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Pulses that glide from `low` to `high` Hz through two resonances; also F0 per frame."""
    samples = int(seconds * SAMPLE_RATE)
    f0 = np.geomspace(low, high, samples)
    turns = np.cumsum(f0) / SAMPLE_RATE
    sound = np.diff(np.floor(turns), prepend=0.0)
    for hertz, width in ((500, 80), (1500, 120)):
        radius = np.exp(-np.pi * width / SAMPLE_RATE)
        a1, a2 = -2 * radius * np.cos(2 * np.pi * hertz / SAMPLE_RATE), radius**2
        out = np.zeros(samples + 2)
        for i in range(samples):
            out[i] = sound[i] - a1 * out[i - 1] - a2 * out[i - 2]
        sound = out[:samples]
    sound = 0.3 * sound / np.abs(sound).max()
    return sound.astype(np.float32), f0[FRAME_SAMPLES // 2 :: FRAME_SAMPLES]
