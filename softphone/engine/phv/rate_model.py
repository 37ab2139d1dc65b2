"""What a profile of x-phv costs on the wire, and how well it is understood: figures measured on the dev set.

Costs are those of `python -m tools.measure_rates --data LIST --limit 7`; shares of words are word errors beyond those of the recordings
themselves.

A call corrects the costs by what it measures itself (`adaptation.Adaptation`).
"""

from dataclasses import dataclass, replace

from codec.units.rates import HEADER_BYTES
from codec.wire.settings import EncoderSettings

HEADER_BITS = 8 * HEADER_BYTES
RTCP_INTERVAL_S = 14.0
"""5 % of 2400 bit/s are for RTCP, and half of that for each end (RFC 3550, 6.2): a report in so many seconds at most."""
RTCP_BPS = 58.0
"""In each direction: a sender report with one report block and SDES, 108 bytes with IP and UDP, each third time that PJMEDIA makes one, as
it does every five seconds."""

PACKET_BITS = 16
"""Of a payload, whatever is in it: time, flags, counts, the first phones without context."""
TOKEN_BPS = 119.0
DETAIL_BPS = (0.0, 147.0, 273.0, 387.0, 546.0, 698.0, 849.0, 1011.0, 1175.0)
"""Of speech: tokens, and none, one and more codes of detail."""
REPEATED_TOKEN_BPS = 119.0
REPEATED_DETAIL_BPS = (0.0, 134.0, 276.0, 396.0, 557.0, 710.0, 868.0, 1032.0, 1204.0)
"""Of each earlier group."""
TALKSPURTS_PER_S = 0.3
"""Each ends with a packet that only repeats, and begins and ends in the middle of an interval."""

MISHEARD = (0.22, 0.17, 0.13, 0.098, 0.08, 0.07, 0.06, 0.055, 0.05)
"""Share of words lost to the codec itself, by codes of detail;"""
MISHEARD_CLEAR = (0.083, 0.08, 0.075, 0.073, 0.06, 0.053, 0.048, 0.046, 0.044)
"""the same where what is said waits for its words: both as `bench codec` has them over 50 utterances, mean of its two judges, of none,
three and eight codes, and without waiting of five; the others lie between these,"""
WORDS_WAIT_S = 0.8
"""so much longer."""
MISHEARD_AGAIN = (0.28, 0.17, 0.13, 0.098, 0.08, 0.07, 0.06, 0.055, 0.05)
"""Of groups that came by redundancy, among others that came whole: what changes all the time is understood worse;"""
MISHEARD_AGAIN_CLEAR = (0.14, 0.1, 0.08, 0.073, 0.06, 0.053, 0.048, 0.046, 0.044)
"""estimated: as much worse as without waiting, in proportion."""
LIKENESS = (0.74, 0.79, 0.83, 0.858, 0.87, 0.88, 0.886, 0.89, 0.893)
"""Of the voice that is heard to the speaker's, by codes of detail;"""
LIKENESS_CLEAR = (0.74, 0.74, 0.745, 0.859, 0.873, 0.88, 0.885, 0.89, 0.893)
"""where what is said waits for its words, few codes go only where these are in doubt."""
LOST = 2.0
"""Words for each word's length of speech that did not come at all: a group of 160 ms that is missing spoils the words on both sides."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What is sent: the fields of `codec.wire.settings.EncoderSettings` that may change during a call."""

    interval_ms: int
    redundancy: int
    detail: int
    repeated_detail: int

    @classmethod
    def of(cls, settings: EncoderSettings) -> "Profile":
        return cls(settings.interval_ms, settings.redundancy, settings.detail, settings.repeated_detail)

    def applied_to(self, settings: EncoderSettings) -> EncoderSettings:
        """The settings, with what this profile says."""
        return replace(
            settings,
            interval_ms=self.interval_ms,
            redundancy=self.redundancy,
            detail=self.detail,
            repeated_detail=self.repeated_detail,
        )

    def ip_bps(self) -> float:
        """IP bit/s of one direction while somebody speaks, RTCP not counted."""
        packets = 1000 / self.interval_ms + TALKSPURTS_PER_S * max(1, self.redundancy) * (self.redundancy > 0)
        payload = TOKEN_BPS + DETAIL_BPS[self.detail]
        payload += self.redundancy * (REPEATED_TOKEN_BPS + REPEATED_DETAIL_BPS[self.repeated_detail])
        return packets * (HEADER_BITS + PACKET_BITS) + payload

    def words_lost(self, loss: float, again: float, waits: bool) -> float:
        """Share of words that are not understood. loss: share of packets that are lost; again: of those after a lost one; waits: whether
        what is said waits for its words."""
        gone = loss * again**self.redundancy
        recovered = loss - gone
        misheard = (MISHEARD_CLEAR if waits else MISHEARD)[self.detail]
        repeated = (MISHEARD_AGAIN_CLEAR if waits else MISHEARD_AGAIN)[self.repeated_detail]
        misheard_again = repeated if self.repeated_detail < self.detail else misheard
        return gone * LOST + recovered * misheard_again + (1 - loss) * misheard

    def likeness(self, loss: float, again: float, waits: bool) -> float:
        """How like the speaker's the voice is that is heard, 0..1; see `words_lost`."""
        gone, likeness = loss * again**self.redundancy, LIKENESS_CLEAR if waits else LIKENESS
        return (1 - loss) * likeness[self.detail] + (loss - gone) * likeness[min(self.detail, self.repeated_detail)]

    def delay_s(self, loss: float, again: float) -> float:
        """How much later a word is heard because of the profile: it waits for its packet, and where packets are lost for the next ones,
        until one word in fifty at most comes too late."""
        waits, late = 0, loss
        while waits < self.redundancy and late > 0.02:
            waits, late = waits + 1, late * again
        return self.interval_ms / 1000 * (1 + waits)
