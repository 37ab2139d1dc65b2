"""The last seconds of sound with their pitch and level, from which a phone is measured once the recogniser is sure of it."""

import numpy as np
from numpy.typing import NDArray

from codec.describe.pitch import PitchTracker
from codec.describe.prosody import frame_levels, measure
from codec.units.rates import FRAME_SAMPLES
from codec.units.token import Token

HISTORY_FRAMES = 600
"""Six seconds: longer than any phone waits for the recogniser, silence aside."""


class SoundHistory:
    """Frames of 10 ms are numbered from the start of the stream."""

    def __init__(self) -> None:
        self._pitch = PitchTracker()
        self._first = 0  # number of the first frame that is kept
        self._pcm = np.zeros(0, np.int16)
        self._levels = np.zeros(0, np.float32)
        self._f0 = np.zeros(0, np.float32)

    @property
    def frames(self) -> int:
        """Whole frames heard so far."""
        return self._first + len(self._levels)

    def push(self, pcm: NDArray[np.int16]) -> NDArray[np.float32]:
        """pcm (samples,) int16 -> levels of the frames that were completed, dB."""
        self._pcm = np.concatenate((self._pcm, pcm))
        self._f0 = np.concatenate((self._f0, self._pitch.push(pcm).f0))
        new = frame_levels(self._pcm[len(self._levels) * FRAME_SAMPLES :])
        self._levels = np.concatenate((self._levels, new))
        excess = min(len(self._levels), len(self._f0)) - HISTORY_FRAMES
        if excess > 0:
            self._first += excess
            self._levels, self._f0 = self._levels[excess:], self._f0[excess:]
            self._pcm = self._pcm[excess * FRAME_SAMPLES :]
        return new

    def finish(self) -> None:
        """End of the sound: decides the last frames of pitch."""
        self._f0 = np.concatenate((self._f0, self._pitch.flush().f0))

    def _span(self, start: int, end: int) -> slice:
        return slice(max(0, start - self._first), max(0, end - self._first))

    def token(self, phone: int, start: int, end: int, mean_f0: float, confidence: float) -> Token:
        """Measure a phone in frames start..end (end excluded); what is older than the history is silent."""
        at = self._span(start, end)
        token = measure(phone, 0, end - start, self._f0[at], self._levels[at], mean_f0, confidence)
        return token

    def level(self, start: int, end: int) -> float:
        """Mean level of frames start..end in dB, -96 where nothing is known of them."""
        levels = self._levels[self._span(start, end)].astype(np.float64)
        return float(10 * np.log10(np.mean(10 ** (levels / 10)))) if len(levels) else -96.0

    def f0(self, start: int, end: int) -> NDArray[np.float32]:
        """Hz per frame, 0 where unvoiced: (frames,)."""
        return self._f0[self._span(start, end)]

    def around(self, start: int, end: int) -> NDArray[np.int16]:
        """The sound of frames start..end, zeros where nothing is known of it: (samples,) int16."""
        pcm = np.zeros((end - start) * FRAME_SAMPLES, np.int16)
        known = self.pcm(start, end)
        at = max(0, self._first - start) * FRAME_SAMPLES
        pcm[at : at + len(known)] = known[: len(pcm) - at]
        return pcm

    def pcm(self, start: int, end: int) -> NDArray[np.int16]:
        """The sound of frames start..end: (samples,) int16."""
        at = self._span(start, end)
        return self._pcm[at.start * FRAME_SAMPLES : at.stop * FRAME_SAMPLES]
