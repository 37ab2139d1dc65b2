"""Whether the codec worker keeps up with a call: sound that it did not take, and sound that it did not give, in time."""

from __future__ import annotations

from codec.units.rates import SAMPLE_RATE
from softphone.link.messages import CHUNK_BYTES, StreamStatistics

STEPS = 2 * SAMPLE_RATE / CHUNK_BYTES
"""Of 20 ms, in a second."""
LATE_SHARE = 0.2
"""Of a second's sound: with so much missing few words are understood."""
HOLDS_S = 5.0
"""A machine that is too busy is so for a while."""


class WorkerPace:
    """One stream. Looked at each second."""

    def __init__(self) -> None:
        self._before = (0, 0, 0)
        self._cannot_make_until = self._cannot_speak_until = float("-inf")

    def look(self, now: float, counters: StreamStatistics, underruns: int) -> None:
        """underruns: steps in which tokens should have been heard and the worker gave nothing."""
        counts = counters.encoder_pcm_dropped, counters.decoder_samples_not_made, underruns
        dropped, not_made, missed = (max(0, new - old) for new, old in zip(counts, self._before, strict=True))
        self._before = counts
        if dropped > LATE_SHARE * STEPS:
            self._cannot_make_until = now + HOLDS_S
        if not_made > LATE_SHARE * SAMPLE_RATE or missed > LATE_SHARE * STEPS:
            self._cannot_speak_until = now + HOLDS_S

    def makes_tokens(self, now: float) -> bool:
        return now >= self._cannot_make_until

    def speaks_tokens(self, now: float) -> bool:
        return now >= self._cannot_speak_until
