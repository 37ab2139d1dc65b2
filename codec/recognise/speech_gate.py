"""Which recognised phones are speech: noise alone is not sent, however much a recogniser hears in it."""

import numpy as np
from numpy.typing import NDArray

from codec.units.phones import SILENCE
from codec.units.token import RecognisedPhone

FLOOR_FRAMES = 400
"""The noise floor is the tenth percentile of the frames of the last 4 s."""

FLOOR_PERCENTILE = 10
_FEWEST_FRAMES = 20
LOUDER_DB = 6.0
"""Speech stands out of the floor by so much somewhere,"""
AUDIBLE_DB = -58.0
"""and is not quieter than this."""

SURE = 0.4
"""Least confidence of the phone that opens a talkspurt."""

PAUSE_TICKS = 15
"""A longer silence than 300 ms ends the talkspurt; a shorter one is part of it."""

WEAK_TICKS = 30
"""600 ms without a phone that stands out are no speech."""

MAX_LEAD = 4
"""So many weak phones before the first strong one belong to the talkspurt."""


class SpeechGate:
    """Phones in, phones of talkspurts out; silence within a talkspurt comes with the phone that ends it."""

    def __init__(self) -> None:
        self._recent = np.zeros(0, np.float32)
        self._floor = -80.0
        self._speaking = False
        self._held: list[RecognisedPhone] = []  # a pause, or weak phones that may be the beginning of speech
        self._strong_end = 0

    @property
    def speaking(self) -> bool:
        return self._speaking

    def hear(self, levels: NDArray[np.float32]) -> None:
        """Levels of new frames, dB, for the noise floor."""
        self._recent = np.concatenate((self._recent, levels))[-FLOOR_FRAMES:]
        if len(self._recent) >= _FEWEST_FRAMES:
            self._floor = _percentile(self._recent, FLOOR_PERCENTILE)

    @property
    def floor(self) -> float:
        """dB; low until a little was heard."""
        return self._floor

    def push(self, phone: RecognisedPhone, level: float) -> tuple[list[RecognisedPhone], bool]:
        """One more phone; level in dB -> phones to be sent, in order and without gaps; whether a talkspurt ended before them."""
        strong = phone.phone != SILENCE and self.loud(level)
        if not self._speaking:
            return self._outside(phone, strong), False
        if strong:
            self._strong_end = phone.end
        if phone.phone == SILENCE:
            self._held.append(phone)
        else:
            sent = [*self._held, phone]
            if phone.end - self._strong_end <= WEAK_TICKS and self._pause() <= PAUSE_TICKS:
                self._held = []
                return sent, False
            self._close()
            return self._outside(phone, strong), True
        if self._pause() > PAUSE_TICKS:
            self._close()
            return [], True
        return [], False

    def _pause(self) -> int:
        return sum(held.end - held.start for held in self._held)

    def _outside(self, phone: RecognisedPhone, strong: bool) -> list[RecognisedPhone]:
        if phone.phone == SILENCE:
            self._held = []
            return []
        self._held = [*self._held[-MAX_LEAD:], phone]
        if not strong or phone.confidence < SURE:
            return []
        sent, self._held = self._held, []
        self._speaking, self._strong_end = True, phone.end
        return sent

    def loud(self, level: float) -> bool:
        """Whether a frame of this level, dB, stands out so far that somebody may be speaking."""
        return level >= max(AUDIBLE_DB, self.floor + LOUDER_DB)

    def close(self) -> bool:
        """No phones come for a while: whether a talkspurt ended by that."""
        was_speaking = self._speaking
        self._close()
        return was_speaking

    def _close(self) -> None:
        self._speaking = False
        self._held = []


def _percentile(values: NDArray[np.float32], percent: float) -> float:
    """As np.percentile, whose checks take far longer than this for a few hundred values."""
    place = (len(values) - 1) * percent / 100
    below = int(place)
    near = np.partition(values, (below, below + 1))
    return float(near[below] + (near[below + 1] - near[below]) * (place - below))
