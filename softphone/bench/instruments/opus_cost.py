"""What Opus would have cost: the recording itself, encoded by libopus, counted packet by packet."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codec.units.rates import HEADER_BYTES, SAMPLE_RATE
from softphone.errors import SoftphoneError

_LONGEST_PACKET = 1275
_DTX_BYTES = 2
"""With DTX libopus returns at most this many bytes for a packet that need not be sent (opus_encoder.h)."""


class OpusCostError(SoftphoneError):
    """libopus is missing or refuses."""


@dataclass(frozen=True)
class WireCost:
    """Sum over a recording. Silent packets are not sent and not counted."""

    packets: int
    payload_bytes: int

    def payload_bps(self, seconds: float) -> float:
        """Payload in bit/s over `seconds` of speech."""
        return 8 * self.payload_bytes / seconds

    def ip_bps(self, seconds: float) -> float:
        """Payload and 40-byte headers in bit/s over `seconds` of speech."""
        return 8 * (self.payload_bytes + HEADER_BYTES * self.packets) / seconds


def opus_packets(pcm: NDArray[np.int16], bitrate: int, packet_ms: int) -> list[bytes]:
    """int16 mono PCM at 16 kHz in Opus (voice, VBR, DTX), one packet every 20, 40 or 60 ms, those that DTX leaves unsent included.

    Raises:
        OpusCostError: the package opuslib-next-bundled does not work here.
    """
    try:
        import opuslib_next  # noqa: PLC0415 - loads a shared library
        from opuslib_next.api import ctl, encoder  # noqa: PLC0415

        state = encoder.create_state(SAMPLE_RATE, 1, opuslib_next.APPLICATION_VOIP)
        encoder.encoder_ctl(state, ctl.set_bitrate, bitrate)
        encoder.encoder_ctl(state, ctl.set_dtx, 1)
    except Exception as error:
        raise OpusCostError(f"libopus does not work here ({error}); reinstall the package opuslib-next-bundled") from None
    size = SAMPLE_RATE * packet_ms // 1000
    padded = np.concatenate([pcm, np.zeros(-len(pcm) % size, dtype=np.int16)])
    try:
        return [encoder.encode(state, part.tobytes(), size, _LONGEST_PACKET) for part in padded.reshape(-1, size)]
    finally:
        encoder.destroy(state)


def wire_cost(packets: list[bytes]) -> WireCost:
    """The packets that are sent."""
    sent = [len(packet) for packet in packets if len(packet) > _DTX_BYTES]
    return WireCost(len(sent), sum(sent))


def opus_cost(pcm: NDArray[np.int16], bitrate: int, packet_ms: int) -> WireCost:
    """Cost of int16 mono PCM at 16 kHz in Opus. Raises OpusCostError."""
    return wire_cost(opus_packets(pcm, bitrate, packet_ms))
