"""Pitch and level between the vowels, which the wire leaves out: drawn as lines from vowel to vowel."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from codec.units.phones import UNVOICED, VOWELS
from codec.units.token import Token
from codec.wire.token import GLIDE_STEP, TICK_FRAMES, WireToken, level_db, to_wire, wire_pitch

LOOK_AHEAD = 6
"""Tokens looked at for the next vowel; English has no longer run of consonants."""

_DEFAULT_LEVEL_DB = -26.0


@dataclass
class ProsodyFill:
    """Where the last vowel left pitch and level. level_offset: (phones,) dB, `Entropy.level_offset`."""

    level_offset: NDArray[np.float64]
    level: float | None = None
    """dB of the last vowel, its own offset taken away."""
    pitch: float | None = None
    """Semitones above WIRE_F0 at the end of the last voiced vowel."""
    ticks_since: int = 0

    def token(self, wire: WireToken, following: Iterable[WireToken], mean_f0: float) -> Token:
        """The next token in physical units.

        following: what is known of the tokens after it; mean_f0: Hz, what semitones shall be relative to.
        """
        if wire.phone in VOWELS:
            return self._vowel(wire, mean_f0)
        ahead, next_level, next_pitch = wire.ticks, None, None
        for other in islice(following, LOOK_AHEAD):
            if other.phone in VOWELS:
                next_level = level_db(other.level) - self.level_offset[other.phone]
                next_pitch = None if other.pitch is None else float(other.pitch)
                break
            ahead += other.ticks
        share = (self.ticks_since + wire.ticks / 2) / (self.ticks_since + ahead)
        level = _between(self.level, next_level, share, _DEFAULT_LEVEL_DB) + self.level_offset[wire.phone]
        semitones = None
        if wire.phone not in UNVOICED and (self.pitch is not None or next_pitch is not None):
            pitch = _between(self.pitch, next_pitch, share, 0.0) - wire_pitch(mean_f0)
            semitones = (pitch, pitch)
        self.ticks_since += wire.ticks
        return Token(wire.phone, wire.ticks * TICK_FRAMES, semitones, float(np.clip(level, -96, 0)))

    def _vowel(self, wire: WireToken, mean_f0: float) -> Token:
        loudness = level_db(wire.level)
        self.level = loudness - self.level_offset[wire.phone]
        self.ticks_since = 0
        if wire.pitch is None:
            return Token(wire.phone, wire.ticks * TICK_FRAMES, None, loudness)
        glide = wire.glide * GLIDE_STEP
        self.pitch = float(wire.pitch + glide)
        start = wire.pitch - wire_pitch(mean_f0)
        return Token(wire.phone, wire.ticks * TICK_FRAMES, (start, start + glide), loudness)


def _between(before: float | None, after: float | None, share: float, default: float) -> float:
    if before is None and after is None:
        return default
    if before is None or after is None:
        return float(before if after is None else after)  # type: ignore[arg-type]
    return before + (after - before) * share


def wire_round_trip(tokens: Sequence[Token], mean_f0: float, level_offset: NDArray[np.float64]) -> list[Token]:
    """What the listener's synthesiser is given for these tokens of one talkspurt: for training on what really arrives."""
    wire = [to_wire(token, mean_f0) for token in tokens]
    fill = ProsodyFill(level_offset)
    return [fill.token(token, wire[place + 1 :], mean_f0) for place, token in enumerate(wire)]
