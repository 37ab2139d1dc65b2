"""Sound on its way out inside x-phv: 20 ms of sound each time, Opus packets out of it, at a level that may change with any packet."""

from __future__ import annotations

from codec.units.rates import CHUNK_SAMPLES, SAMPLE_RATE
from softphone.engine.codecs import libopus
from softphone.engine.phv.sound.level import SoundLevel
from softphone.engine.pjsip.errors import CodecSetupError

CHUNK_BYTES = 2 * CHUNK_SAMPLES
FRAME_MS = 20
FEC_FROM_LOSS = 0.02
COMPLEXITY = 8
DTX_BYTES = 2
"""A packet of no more says that there is nothing to say."""
LONGEST_PACKET = 400
"""More does not go in one payload with tokens."""


class SoundSender:
    """One direction of one call. Not thread-safe."""

    def __init__(self) -> None:
        self._encoder: libopus.Encoder | None = None
        self._applied: tuple[SoundLevel, int] | None = None
        self._pcm = b""
        self._first_tick = 0

    def stop(self) -> None:
        """No more sound; what waits is forgotten."""
        self._encoder, self._applied, self._pcm = None, None, b""

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
        percent = round(100 * loss) if loss >= FEC_FROM_LOSS else 0
        if self._applied != (level, percent):
            encoder.control(libopus.SET_BITRATE, level.bit_rate)
            encoder.control(libopus.SET_INBAND_FEC, int(percent > 0))
            encoder.control(libopus.SET_PACKET_LOSS_PERC, min(percent, 50))
            self._applied = (level, percent)
        return encoder.encode(sound)
