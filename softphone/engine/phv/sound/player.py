"""Sound that arrives inside x-phv: Opus packets into PJMEDIA's jitter buffer, 20 ms of sound out of it each time it is asked.

What is lost is restored by libopus: from the redundancy of the next packet where there is some, else made up (`engine/codecs/opus.py`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from codec.units.errors import PayloadError
from codec.units.rates import CHUNK_SAMPLES, SAMPLE_RATE
from codec.wire.packet import TIME_MODULO
from softphone.codecs.implementation import OpenRequest
from softphone.engine.codecs import libopus
from softphone.engine.codecs.opus import RTP_CLOCK, OpusInstance, OpusSettings
from softphone.engine.pjsip.errors import CodecSetupError
from softphone.engine.pjsip.jitter_buffer import FrameKind, JitterBuffer

FRAME_MS = 20
LONGEST_PACKET_MS = 120
_FRAME_BYTES = 5
_MOST_FRAMES = 100
_BACKWARD_TICKS = 100
_KNOWN_PACKETS = 64
"""A time up to 2 s back is late rather than new."""
MADE_UP_FRAMES = 5
"""Where nothing comes sound is made up for 100 ms; what comes then is silence, or tokens."""
_TICK_STAMPS = RTP_CLOCK * FRAME_MS // 1000
_STAMPS = 2**32


@dataclass(frozen=True, slots=True)
class SoundFrame:
    """20 ms. tick: when it was said, by the sender's clock modulo 256; real: False where it was made up."""

    pcm: bytes
    tick: int
    real: bool


class SoundPlayer:
    """One direction of one call. Not thread-safe. Raises CodecSetupError where libopus or PJMEDIA refuse."""

    def __init__(self) -> None:
        self._opus = OpusInstance(OpusSettings(), OpenRequest({}, {}, SAMPLE_RATE, 1, FRAME_MS))
        self._buffer = JitterBuffer(_FRAME_BYTES, FRAME_MS, _MOST_FRAMES)
        self._clock = 0
        self._newest: tuple[int, int] | None = None  # tick, and our clock when it came
        self._next_tick = 0
        self._missing = MADE_UP_FRAMES
        self._known: deque[int] = deque(maxlen=_KNOWN_PACKETS)
        self.packets = 0
        self.unreadable = 0
        """Frames that libopus refused."""
        self.lost = 0
        """Frames that were made up or restored while others came."""

    @property
    def waiting_ms(self) -> float:
        """Sound that is here."""
        return float(FRAME_MS * self._buffer.waiting)

    def put(self, time: int, packet: bytes) -> None:
        """An Opus packet and the 8 bits of its time, in the moment it arrives. Raises PayloadError where it is none, or too long."""
        try:
            samples = libopus.packet_samples(packet, SAMPLE_RATE)
        except CodecSetupError as error:
            raise PayloadError(str(error)) from None
        if samples % CHUNK_SAMPLES or not 0 < samples <= SAMPLE_RATE * LONGEST_PACKET_MS // 1000:
            raise PayloadError(f"The Opus packet has {samples} samples; whole 20 ms are sent, 120 ms at most.")
        tick = self._unfold(time)
        if tick in self._known:
            return  # a copy of what is here already
        self._known.append(tick)
        self.packets += 1
        for place, frame in enumerate(self._opus.parse(packet, tick * _TICK_STAMPS % _STAMPS)):
            self._buffer.put(frame.data, tick + place)

    def take(self) -> SoundFrame | None:
        """The next 20 ms; None while there is nothing to be heard."""
        self._clock += 1
        kind, data = self._buffer.take()
        tick = self._next_tick
        if kind is FrameKind.NORMAL:
            stamp = int.from_bytes(data[:4], "little")
            # 2^32 is no multiple of the stamps of a tick, so ticks are kept below that.
            tick = (stamp // _TICK_STAMPS + data[4]) % TIME_MODULO
            self._missing = 0
            pcm = self._decoded(lambda: self._opus.decode(data, CHUNK_SAMPLES))
        elif self._missing >= MADE_UP_FRAMES or kind is FrameKind.PREFETCHING:
            return None
        else:
            self._missing += 1
            self.lost += kind is FrameKind.MISSING
            pcm = self._decoded(lambda: self._opus.recover(CHUNK_SAMPLES))
        self._next_tick = (tick + 1) % TIME_MODULO
        return SoundFrame(pcm.ljust(2 * CHUNK_SAMPLES, b"\0"), tick, kind is not FrameKind.EMPTY)

    def _decoded(self, decode: Callable[[], bytes]) -> bytes:
        """What libopus refuses is silence: the outside of a packet may be right, and what is in it not."""
        try:
            return decode()
        except CodecSetupError:
            self.unreadable += 1
            return b""

    def _unfold(self, time: int) -> int:
        if self._newest is None:
            tick = time + TIME_MODULO
        else:
            expected = self._newest[0] + self._clock - self._newest[1]
            tick = expected + (time - expected + _BACKWARD_TICKS) % TIME_MODULO - _BACKWARD_TICKS
        if self._newest is None or tick > self._newest[0]:
            self._newest = (tick, self._clock)
        return tick
