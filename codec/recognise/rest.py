"""A recognition that may rest: while nobody needs its phones, or while nobody speaks, the recogniser hears nothing.

What it has missed it hears when the rest ends: all of it, where that is not long ago, and else the last second or two. A recogniser takes
five times as much of the processor as everything else in the encoder.
"""

from __future__ import annotations

from dataclasses import replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from codec.describe.sound_history import SoundHistory
from codec.recognise.recogniser import PhoneRecogniser, WaitingPhoneStream
from codec.units.token import RecognisedPhone
from codec.wire.token import TICK_FRAMES

CONTEXT_TICKS = 20
"""Heard again before what is given out next: a recogniser begins badly."""
LONGEST_TICKS = 100
"""What was missed longer ago is not made up for: nobody waits for it."""
QUIET_TICKS = 50
"""Nobody speaks where nothing was loud for so long."""
BEFORE_SPEECH_TICKS = 30
"""Of sound before the first that is loud: a word may begin quietly."""


class Rest(IntEnum):
    """How far the recogniser may rest."""

    NEVER = 0
    IN_SILENCE = 1
    ALWAYS = 2


class RestingRecognition:
    """Phones with their ticks from the beginning of the sound, contiguous but for what a rest left out. history: what it is told is taken
    from there when a rest ends."""

    def __init__(self, recogniser: PhoneRecogniser, history: SoundHistory) -> None:
        self.may_rest = Rest.NEVER
        self.rests = False
        """Whether what was pushed last was not heard."""
        self._recogniser = recogniser
        self._history = history
        self.stream = recogniser.stream()
        """What hears now; replaced after each rest."""
        self._waiting = self.stream if isinstance(self.stream, WaitingPhoneStream) else None
        self._from = 0  # tick at which the stream began
        self._given = 0  # tick up to which phones were given out
        self._loud_at = self._loud_since = 0  # the newest that was loud, and where what it belongs to began

    def wait(self, on: bool) -> None:
        """Whether phones wait for their words, where the recogniser has words at all."""
        if self._waiting is not None:
            self._waiting.wait = on

    def push(self, step: NDArray[np.int16], loud: bool) -> list[RecognisedPhone]:
        """step: (samples,) of a whole number of ticks, the newest of the history; loud: whether somebody may be speaking in it."""
        now = self._history.frames // TICK_FRAMES
        quiet = now - self._loud_at > QUIET_TICKS
        if loud:
            if quiet:
                self._loud_since = now
            self._loud_at, quiet = now, False
        if self.may_rest == Rest.ALWAYS or (self.may_rest == Rest.IN_SILENCE and quiet):
            self.rests = True
            return []
        if self.rests:
            return self.wake(now)
        return self._placed(self.stream.push(step))

    def wake(self, now: int) -> list[RecognisedPhone]:
        """The rest is over: what was missed is heard now."""
        self.rests = False
        silent = now - self._loud_at > QUIET_TICKS
        since = max(self._given, now - LONGEST_TICKS + CONTEXT_TICKS, (now if silent else self._loud_since) - BEFORE_SPEECH_TICKS)
        before, self.stream = self._waiting, self._recogniser.stream()
        self._waiting = self.stream if isinstance(self.stream, WaitingPhoneStream) else None
        if before is not None and self._waiting is not None:
            self._waiting.wait, self._waiting.counters = before.wait, before.counters
        self._from, self._given = max(0, since - CONTEXT_TICKS), since
        return self._placed(self.stream.push(self._history.around(self._from * TICK_FRAMES, now * TICK_FRAMES)))

    def flush(self, rest: NDArray[np.int16]) -> list[RecognisedPhone]:
        """The end of the sound, after its last part of less than a tick."""
        last = self.wake(self._history.frames // TICK_FRAMES) if self.rests else []
        return [*last, *self._placed([*self.stream.push(rest), *self.stream.flush()])]

    def _placed(self, phones: list[RecognisedPhone]) -> list[RecognisedPhone]:
        found = []
        for phone in phones:
            start, end = phone.start + self._from, phone.end + self._from
            if end > self._given:
                found.append(replace(phone, start=max(start, self._given), end=end))
                self._given = end
        return found
