"""Speech that the worker made of tokens, on its way to the loudspeaker: a little is kept ahead, and delay that has grown is given back."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

from codec.units.rates import CHUNK_SAMPLES
from softphone.link.messages import CHUNK_BYTES

FILL_CHUNKS = 3
"""60 ms of decoded sound are kept ahead of the playout: the time that the worker has for an answer."""
LONGEST_FILL_CHUNKS = 12
"""So much may wait after the worker was late; the next pause in speech brings it back to `FILL_CHUNKS`."""
SILENT = -1


class TokenSound:
    """Chunks of 20 ms, each with the tick of the sender's clock at which it was said. Its owner locks it.

    Where an answer comes after its turn was played as silence, delay has grown: silence in the answers is then left out, and beyond
    `LONGEST_FILL_CHUNKS` the oldest sound is.
    """

    def __init__(self, counters: Counter[str]) -> None:
        self._chunks: deque[tuple[bytes, int]] = deque()
        self._counters = counters

    def clear(self) -> None:
        self._chunks.clear()

    @property
    def waiting_ms(self) -> float:
        return float(sum(len(pcm) for pcm, _ in self._chunks) / 32)

    def put(self, pcm: bytes, ticks: Sequence[int]) -> None:
        """An answer of the worker."""
        for place, start in enumerate(range(0, len(pcm), CHUNK_BYTES)):
            chunk = pcm[start : start + CHUNK_BYTES]
            if len(self._chunks) >= FILL_CHUNKS and chunk.count(0) == len(chunk):
                self._counters["playout_silence_left_out"] += len(chunk) // 2
            else:
                self._chunks.append((chunk.ljust(CHUNK_BYTES, b"\0"), ticks[place] if place < len(ticks) else SILENT))
        while len(self._chunks) > LONGEST_FILL_CHUNKS:
            self._chunks.popleft()
            self._counters["playout_late_samples"] += CHUNK_SAMPLES

    def take(self) -> tuple[bytes, int] | None:
        """The next 20 ms and their tick; None where the worker is late."""
        return self._chunks.popleft() if self._chunks else None
