"""A CodecStream that needs no worker: it sends how loud and how high each 20 ms were, and plays a sine of that height.

A stand-in for the codec worker at the boundary it really has, so that calls can be tested without torch. Real sound goes in, is measured,
travels as a few bytes, and comes out as sound that can be measured again.
"""

import itertools
import math
import struct
import threading
import time
from array import array
from collections import deque
from collections.abc import Mapping

FRAME = 320
GROUP = 8
"""Frames a payload: 160 ms."""


class ToneStream:
    """Payload: 4-byte counter, then per 20 ms the level (RMS, 16 bit) and zero crossings (8 bit). Silence sends nothing."""

    def __init__(self, fmtp: Mapping[str, str], tail_frames: int = 0) -> None:
        self.fmtp = dict(fmtp)
        self.counts = {"put_pcm": 0, "take_payload": 0, "put_payload": 0, "take_pcm": 0, "sent": 0, "closed": 0}
        self.pull_sizes: set[int] = set()
        self.waits: list[float] = []
        """Seconds from the arrival of a payload, when nothing else waits to be played, to the first pull of its sound."""
        self._arrived: float | None = None
        self._tail_frames = tail_frames
        self._lock = threading.Lock()
        self._pcm = deque[tuple[int, int]]()
        self._ready = deque[bytes]()
        self._play = deque[tuple[int, int]]()
        self._phase = 0.0

    def put_pcm(self, pcm: bytes) -> None:
        samples = array("h", pcm)
        level = math.isqrt(sum(s * s for s in samples) // len(samples))
        crossings = sum((a < 0) != (b < 0) for a, b in itertools.pairwise(samples))
        with self._lock:
            self.counts["put_pcm"] += 1
            self._pcm.append((level, min(crossings, 255)))
            if len(self._pcm) == GROUP:
                if any(level > 100 for level, _ in self._pcm):
                    body = b"".join(struct.pack("<HB", *frame) for frame in self._pcm)
                    self._ready.append(struct.pack("<I", self.counts["sent"]) + body)
                    self.counts["sent"] += 1
                self._pcm.clear()

    def take_payload(self) -> bytes | None:
        with self._lock:
            self.counts["take_payload"] += 1
            return self._ready.popleft() if self._ready else None

    def put_payload(self, payload: bytes, timestamp: int) -> None:
        frames = [struct.unpack_from("<HB", payload, at) for at in range(4, len(payload), 3)]
        with self._lock:
            self.counts["put_payload"] += 1
            if not self._play:
                self._arrived = time.monotonic()
            self._play.extend(frames)
            # A tail that outlives its packet, as a synthesiser with look-ahead has it.
            self._play.extend([max(frames)] * self._tail_frames)

    def take_pcm(self, samples: int) -> bytes:
        with self._lock:
            self.counts["take_pcm"] += 1
            self.pull_sizes.add(samples)
            if not self._play:
                return bytes(2 * samples)
            level, crossings = self._play.popleft()
            if self._arrived is not None:
                self.waits.append(time.monotonic() - self._arrived)
                self._arrived = None
        step = math.pi * crossings / FRAME
        out = array("h", bytes(2 * samples))
        for i in range(samples):
            out[i] = int(min(level * 1.414, 32000) * math.sin(self._phase + step * i))
        self._phase += step * samples
        return out.tobytes()

    def close(self) -> None:
        with self._lock:
            self.counts["closed"] += 1
