"""How long, how high and how loud a phone was: measured the same way for training and for sending."""

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from codec.units.phones import UNVOICED
from codec.units.rates import FRAME_SAMPLES
from codec.units.token import MAX_FRAMES, Token

SILENCE_DB = -96.0
DEFAULT_MEAN_F0 = 150.0
"""Hz; taken until anything voiced was heard."""


def frame_levels(pcm: NDArray[np.int16]) -> NDArray[np.float32]:
    """RMS level of each whole frame of 160 samples, dB relative to full scale, -96..0: (samples // 160,)."""
    frames = len(pcm) // FRAME_SAMPLES
    scaled = pcm[: frames * FRAME_SAMPLES].reshape(frames, FRAME_SAMPLES).astype(np.float32) / 32768
    power = np.mean(scaled * scaled, axis=1)
    return np.asarray(np.maximum(SILENCE_DB, 10 * np.log10(power + 1e-12)), dtype=np.float32)


def mean_f0(f0_track: NDArray[np.float32]) -> float:
    """Mean F0 of a speaker in Hz: geometric mean of the voiced frames (F0 > 0)."""
    voiced = f0_track[f0_track > 0]
    return float(np.exp(np.mean(np.log(voiced)))) if len(voiced) else DEFAULT_MEAN_F0


_RESUMED_FRAMES = 200


class RunningMeanF0:
    """The same mean, kept up during a call: plain mean for `memory` voiced frames, then an exponential one."""

    def __init__(self, memory: int = 1000) -> None:
        self._memory = memory
        self._frames = 0
        self._mean_log = float(np.log(DEFAULT_MEAN_F0))

    @property
    def hz(self) -> float:
        return float(np.exp(self._mean_log))

    def resume(self, hz: float) -> None:
        """Continue from the mean of earlier calls, which weighs as much as two seconds of voice."""
        self._mean_log, self._frames = float(np.log(hz)), _RESUMED_FRAMES

    def reset_speaker(self) -> None:
        """Another speaker: the mean stays until a voiced frame of theirs is heard."""
        self._frames = 0

    def push(self, f0_track: NDArray[np.float32]) -> None:
        """f0_track: Hz per frame, 0 where unvoiced."""
        for f0 in f0_track[f0_track > 0]:
            self._frames = min(self._frames + 1, self._memory)
            self._mean_log += (float(np.log(f0)) - self._mean_log) / self._frames


def pieces(start_frame: int, end_frame: int) -> Iterator[tuple[int, int]]:
    """Cut a span of frames into nearly equal spans of at most MAX_FRAMES, each fit for one token."""
    count = -(-(end_frame - start_frame) // MAX_FRAMES)
    edges = [start_frame + (end_frame - start_frame) * i // max(count, 1) for i in range(count + 1)]
    yield from itertools.pairwise(edges)


def measure(
    phone: int,
    start_frame: int,
    end_frame: int,
    f0_track: NDArray[np.float32],
    level_track: NDArray[np.float32],
    mean_f0: float,
    confidence: float = 1.0,
) -> Token:
    """The token of one phone that was heard in frames start_frame..end_frame (end excluded, at most MAX_FRAMES).

    f0_track: Hz per frame, 0 where unvoiced (`codec.describe.pitch`); level_track: dB per frame (`frame_levels`); both indexed
    by the same frame numbers. mean_f0: Hz. F0 is read at 25 % and 75 % of the phone, from the nearest voiced frames;
    a phone of an unvoiced class, or one with fewer than a fifth of its frames voiced, carries none.
    """
    if end_frame <= start_frame:
        raise ValueError(f"a phone needs at least one frame, got {start_frame}..{end_frame}")
    frames = min(end_frame - start_frame, MAX_FRAMES)
    f0 = np.asarray(f0_track[start_frame:end_frame])
    voiced = np.flatnonzero(f0 > 0)
    semitones = None
    if phone not in UNVOICED and len(voiced) * 5 >= len(f0) and len(voiced):
        heights = 12 * np.log2(f0[voiced] / mean_f0)
        low, high = np.interp((0.25 * len(f0) - 0.5, 0.75 * len(f0) - 0.5), voiced, heights)
        semitones = (float(low), float(high))
    level = np.asarray(level_track[start_frame:end_frame], dtype=np.float64)
    power = np.mean(10 ** (level / 10)) if len(level) else 0.0
    loudness = float(np.clip(10 * np.log10(power + 1e-12), SILENCE_DB, 0))
    return Token(phone, frames, semitones, loudness, confidence)
