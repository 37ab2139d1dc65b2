"""A token as the wire knows it: integers only, so that every machine reads the same.

Pitch and level are sent at vowels, where they are heard; between vowels the receiver draws lines (`codec.speak.prosody_fill`).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from codec.units.phones import PHONES, SILENCE, VOWELS
from codec.units.rates import FRAME_MS
from codec.units.token import Token

TICK_FRAMES = 2
"""Durations and times on the wire are in ticks of 20 ms: the recogniser decides no finer."""

SegmentCodes = tuple[int, ...]
"""Codes of a segment, coarse first."""

SEGMENT_TICKS = 2

TICK_MS = TICK_FRAMES * FRAME_MS
MAX_TICKS = 32
"""Longest duration of one token: 640 ms."""

WIRE_F0 = 50.0
"""Pitch on the wire is in semitones above 50 Hz, not relative to the speaker: it can be read before anything is known of the voice."""

PITCHES = 42
"""Pitches 0..41 are 50 to 534 Hz."""

MAX_GLIDE = 4
GLIDE_STEP = 2
"""A glide of -4..4 is -8..8 semitones."""

LEVELS = 26
LEVEL_STEP_DB = 3
"""Levels 0..25 are -75 to 0 dB relative to full scale."""


@dataclass(frozen=True, slots=True)
class WireToken:
    """phone: index into `PHONES`; ticks: 1..32. Vowels only (0 for the others):

    pitch: at 25 % of the vowel, 0..41, or None where it was not voiced; glide: from there to 75 %, -4..4, 0 where not
    voiced; level: mean level, 0..25. details: codes of each segment (`codec.detail.layer`), or none at all. Raises ValueError.
    """

    phone: int
    ticks: int
    pitch: int | None = None
    glide: int = 0
    level: int = 0
    details: tuple[SegmentCodes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.phone < len(PHONES):
            raise ValueError(f"phone {self.phone} is not in the inventory of {len(PHONES)}")
        if not 1 <= self.ticks <= MAX_TICKS:
            raise ValueError(f"a token lasts 1 to {MAX_TICKS} ticks, got {self.ticks}")
        if self.pitch is not None and not 0 <= self.pitch < PITCHES:
            raise ValueError(f"pitch is 0 to {PITCHES - 1} semitones above {WIRE_F0:.0f} Hz, got {self.pitch}")
        if abs(self.glide) > MAX_GLIDE or (self.pitch is None and self.glide):
            raise ValueError(f"glide is {-MAX_GLIDE} to {MAX_GLIDE}, 0 without pitch, got {self.glide}")
        if not 0 <= self.level < LEVELS:
            raise ValueError(f"level is 0 to {LEVELS - 1}, got {self.level}")
        if self.details and len(self.details) != segment_count(self.phone, self.ticks):
            raise ValueError(f"a token of {self.ticks} ticks has {segment_count(self.phone, self.ticks)} segments, got {len(self.details)}")
        if self.phone not in VOWELS and (self.pitch is not None or self.level):
            raise ValueError(f"only vowels carry pitch and level, and {PHONES[self.phone]} is not one")


def segment_count(phone: int, ticks: int) -> int:
    """Segments of about 40 ms of which the detail layer tells something; silence has none."""
    return 0 if phone == SILENCE else -(-ticks // SEGMENT_TICKS)


def _clamp(value: float, low: int, high: int) -> int:
    return max(low, min(high, round(value)))


def wire_pitch(f0: float) -> float:
    """Hz -> semitones above WIRE_F0."""
    return 12 * math.log2(f0 / WIRE_F0)


def glide_end(token: WireToken) -> int | None:
    """Pitch at 75 % of the vowel, 0..41; None where not voiced."""
    return None if token.pitch is None else _clamp(token.pitch + GLIDE_STEP * token.glide, 0, PITCHES - 1)


def wire_level(loudness_db: float) -> float:
    """dB relative to full scale -> level."""
    return loudness_db / LEVEL_STEP_DB + LEVELS - 1


def level_db(level: float) -> float:
    """Level -> dB relative to full scale."""
    return (level - LEVELS + 1) * LEVEL_STEP_DB


def split_ticks(ticks: int) -> Iterator[int]:
    """Cut a long sound into nearly equal durations of at most MAX_TICKS; nothing for 0."""
    count = -(-ticks // MAX_TICKS)
    for index in range(count):
        yield ticks * (index + 1) // count - ticks * index // count


def to_wire(token: Token, mean_f0: float) -> WireToken:
    """Round a token to the wire. mean_f0: Hz, what the semitones of `token` are relative to."""
    ticks = _clamp(token.frames / TICK_FRAMES, 1, MAX_TICKS)
    if token.phone not in VOWELS:
        return WireToken(token.phone, ticks)
    level = _clamp(wire_level(token.loudness_db), 0, LEVELS - 1)
    if token.semitones is None:
        return WireToken(token.phone, ticks, level=level)
    first, second = token.semitones
    pitch = _clamp(first + wire_pitch(mean_f0), 0, PITCHES - 1)
    glide = _clamp((second + wire_pitch(mean_f0) - pitch) / GLIDE_STEP, -MAX_GLIDE, MAX_GLIDE)
    return WireToken(token.phone, ticks, pitch, glide, level)
