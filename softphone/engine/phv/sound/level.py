"""How finely sound is sent inside x-phv: rate and packet time of Opus, how often packets are repeated, and what that costs on the wire."""

from __future__ import annotations

from dataclasses import dataclass

from codec.units.rates import CHUNK_MS
from softphone.engine.phv.rate_model import HEADER_BITS

FRAMING_BYTES = 4
"""Of a payload of sound beside Opus: time, flags, mark, now and then a report;"""
COPY_BYTES = 2
"""and of each copy."""
ENOUGH_LOST = 0.03
"""What libopus makes up of single packets is hardly heard; a form that loses no more is protected enough."""
MOST_SPACING = 2
"""Each packet more is heard as delay."""


@dataclass(frozen=True, slots=True)
class SoundLevel:
    """bit_rate: of Opus, bit/s; packet_ms: 20, 40 or 60; copies: how often each packet is sent again in later ones; spacing: so many
    packets lie between copies."""

    bit_rate: int
    packet_ms: int
    copies: int = 0
    spacing: int = 1

    @property
    def ip_bps(self) -> float:
        """While somebody speaks, 40 bytes of headers a packet, RTCP and tokens not counted."""
        framing = 8 * (FRAMING_BYTES + COPY_BYTES * self.copies)
        return self.bit_rate * (1 + self.copies) + (HEADER_BITS + framing) * 1000 / self.packet_ms

    @property
    def spacing_ticks(self) -> int:
        return self.spacing * self.packet_ms // CHUNK_MS

    def lost(self, loss: float, burst: float) -> float:
        """Share of the sound that does not come. loss: of packets; burst: lost in a row on average, 0 where unknown (Gilbert's model)."""
        if not 0 < loss < 1:
            return loss
        longest = max(burst, 1 / (1 - loss))
        memory = max(0.0, 1 - 1 / longest - loss / ((1 - loss) * longest))
        return float(loss * (loss + (1 - loss) * memory**self.spacing) ** self.copies)


LEVELS = (SoundLevel(6000, 60), SoundLevel(8000, 40), SoundLevel(16000, 40), SoundLevel(24000, 20))
"""From the cheapest to the best: 11.9, 16.8, 24.8 and 41.6 kbit/s."""
PROTECTED: tuple[tuple[SoundLevel, ...], ...] = (
    (),
    (SoundLevel(6000, 60, 1),),
    (SoundLevel(8000, 40, 1), SoundLevel(6000, 60, 2)),
    (SoundLevel(16000, 40, 1), SoundLevel(11000, 40, 2), SoundLevel(8000, 40, 3)),
)
"""For the same rates, within 3 %, the second within 10: forms for paths that lose packets."""


def form(level: int, loss: float, burst: float, most_bps: int = LEVELS[-1].bit_rate, ceiling_bps: float = 0) -> SoundLevel:
    """What is sent at a level on a path that loses so much: see `SoundLevel.lost`. most_bps: of Opus, what the far end takes;
    ceiling_bps: IP bit/s without RTCP, 0 for none."""
    spacing = max(1, min(MOST_SPACING, round(burst)))
    forms = [LEVELS[level]]
    for each in PROTECTED[level]:
        if each.bit_rate <= most_bps and (not ceiling_bps or each.ip_bps <= ceiling_bps):
            forms.append(SoundLevel(each.bit_rate, each.packet_ms, each.copies, spacing))
    best = min(forms, key=lambda each: each.lost(loss, burst))
    return next((each for each in forms if each.lost(loss, burst) <= ENOUGH_LOST), best)
