"""A phone as it is recognised, and the unit that is sent: one phone, how long, how high, how loud."""

from dataclasses import dataclass

MAX_FRAMES = 64
"""Longest duration of one token; a longer sound is sent as several tokens of the same phone."""


@dataclass(frozen=True, slots=True)
class RecognisedPhone:
    """phone: index into `codec.units.phones.PHONES`; start, end: ticks of 20 ms since the stream began, end exclusive.

    confidence: mean posterior, 0..1. sure: of a word that the sound confirms.
    """

    phone: int
    start: int
    end: int
    confidence: float
    sure: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """One spoken phone.

    phone: index into `codec.units.phones.PHONES`.
    frames: duration in frames of 10 ms, 1..MAX_FRAMES.
    semitones: F0 at 25 % and 75 % of the phone in semitones relative to the speaker's mean F0; None where unvoiced.
    loudness_db: mean level of the phone, dB relative to full scale (RMS of int16 / 32768), -96..0.
    confidence: posterior of the phone in the recogniser, 0..1; never sent.
    """

    phone: int
    frames: int
    semitones: tuple[float, float] | None
    loudness_db: float
    confidence: float = 1.0
