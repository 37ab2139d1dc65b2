"""Sound on its way out inside x-phv: 20 ms of sound each time, Opus packets out of it, at a level that may change with any packet."""

from __future__ import annotations

from collections import deque

from codec.units.rates import CHUNK_SAMPLES, SAMPLE_RATE
from codec.wire.sound import MAX_COPIES, MAX_COPY
from softphone.engine.codecs import libopus
from softphone.engine.phv.sound.level import MOST_SPACING, SoundLevel
from softphone.engine.pjsip.errors import CodecSetupError

CHUNK_BYTES = 2 * CHUNK_SAMPLES
FRAME_MS = 20
FEC_FROM_LOSS = 0.02
COMPLEXITY = 8
DTX_BYTES = 2
"""A packet of no more says that there is nothing to say."""
MOST_COPIED, LATEST_TICKS = 340, 3
"""Bytes of copies in a payload. Ticks by which a copy may be older than it should be."""
LONGEST_PACKET = 400
"""More does not go in one payload with tokens."""


class SoundSender:
    """One direction of one call. Not thread-safe."""

    def __init__(self) -> None:
        self._encoder: libopus.Encoder | None = None
        self._applied: tuple[int, int] | None = None
        self._pcm = b""
        self._first_tick = 0

        self._earlier: deque[tuple[int, bytes]] = deque(maxlen=MAX_COPIES * MOST_SPACING)

    def stop(self) -> None:
        """No more sound; what waits is forgotten."""
        self._encoder, self._applied, self._pcm = None, None, b""
        self._earlier.clear()

    def copies(self, packet: tuple[int, bytes], level: SoundLevel) -> tuple[tuple[int, bytes], ...]:
        """What `take` gave is about to be sent: packets sent earlier that go again with it, each with its distance in ticks."""
        found: list[tuple[int, bytes]] = []
        room = MOST_COPIED
        for number in range(1, level.copies + 1):
            wanted = number * level.spacing_ticks
            # The packet time may have changed meanwhile: what is nearest, and not nearer. Before a silence nobody waits for it any more.
            ages = [(packet[0] - tick, earlier) for tick, earlier in reversed(self._earlier)]
            near = next((each for each in ages if wanted <= each[0] <= wanted + LATEST_TICKS), None)
            if near is not None and near not in found and len(near[1]) <= min(room, MAX_COPY):
                found.append(near)
                room -= len(near[1])
        self._earlier.append(packet)
        return tuple(found)

    def take(self, pcm: bytes, tick: int, level: SoundLevel, loss: float) -> tuple[int, bytes] | None:
        """20 ms of sound that began at `tick`: (tick of its first sample, packet) where one is full. loss: expected share of packets."""
        if not self._pcm:
            self._first_tick = tick
        self._pcm += pcm
        if len(self._pcm) < CHUNK_BYTES * level.packet_ms // FRAME_MS:
            return None
        # The packet time may have become shorter meanwhile: what is whole goes.
        sound, self._pcm = self._pcm, b""
        try:
            packet = self._encode(sound, level, loss)
        except CodecSetupError:
            self.stop()  # a length that Opus does not know: the next packet is regular again
            return None
        return (self._first_tick, packet) if DTX_BYTES < len(packet) <= LONGEST_PACKET else None

    def _encode(self, sound: bytes, level: SoundLevel, loss: float) -> bytes:
        encoder = self._encoder
        if encoder is None:
            encoder = self._encoder = libopus.Encoder(SAMPLE_RATE)
            encoder.control(libopus.SET_MAX_BANDWIDTH, libopus.BANDWIDTHS[SAMPLE_RATE])
            encoder.control(libopus.SET_COMPLEXITY, COMPLEXITY)
            encoder.control(libopus.SET_DTX, 1)
        # What is sent again needs no redundancy inside Opus.
        percent = round(100 * loss) if loss >= FEC_FROM_LOSS and not level.copies else 0
        if self._applied != (level.bit_rate, percent):
            encoder.control(libopus.SET_BITRATE, level.bit_rate)
            encoder.control(libopus.SET_INBAND_FEC, int(percent > 0))
            encoder.control(libopus.SET_PACKET_LOSS_PERC, min(percent, 50))
            self._applied = (level.bit_rate, percent)
        return encoder.encode(sound)
