"""How finely sound is sent inside x-phv: rate and packet time of Opus, and what that costs on the wire."""

from __future__ import annotations

from dataclasses import dataclass

from softphone.engine.phv.rate_model import HEADER_BITS

FRAMING_BYTES = 4
"""Of a payload of sound beside Opus: time, flags, mark, now and then a report."""


@dataclass(frozen=True, slots=True)
class SoundLevel:
    """bit_rate: of Opus, bit/s; packet_ms: 20, 40 or 60."""

    bit_rate: int
    packet_ms: int

    @property
    def ip_bps(self) -> float:
        """While somebody speaks, 40 bytes of headers a packet, RTCP and tokens not counted."""
        return self.bit_rate + (HEADER_BITS + 8 * FRAMING_BYTES) * 1000 / self.packet_ms


LEVELS = (SoundLevel(6000, 60), SoundLevel(8000, 40), SoundLevel(16000, 40), SoundLevel(24000, 20))
"""From the cheapest to the best: 11.9, 16.8, 24.8 and 41.6 kbit/s."""
