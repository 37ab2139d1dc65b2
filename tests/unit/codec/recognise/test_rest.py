"""A recogniser that rests: what is said meanwhile is not heard, and what was said lately is made up for."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from codec.describe.sound_history import SoundHistory
from codec.recognise.rest import BEFORE_SPEECH_TICKS, CONTEXT_TICKS, LONGEST_TICKS, QUIET_TICKS, Rest, RestingRecognition
from codec.units.phones import SILENCE
from codec.units.token import RecognisedPhone

TICK = 320
LAG = 7


class Levels:
    """A recogniser whose phone is the loudness of each tick in hundreds, given out seven ticks late."""

    def __init__(self) -> None:
        self.heard = 0

    def stream(self) -> "_Stream":
        return _Stream(self)


class _Stream:
    def __init__(self, owner: Levels) -> None:
        self._owner, self._ticks, self._given = owner, list[int](), 0

    def push(self, pcm: NDArray[np.int16]) -> list[RecognisedPhone]:
        for at in range(0, len(pcm), TICK):
            self._ticks.append(int(np.abs(pcm[at : at + TICK]).max()) // 100)
        self._owner.heard += len(pcm) // TICK
        return self._out(len(self._ticks) - LAG)

    def flush(self) -> list[RecognisedPhone]:
        return self._out(len(self._ticks))

    def _out(self, until: int) -> list[RecognisedPhone]:
        found = [RecognisedPhone(self._ticks[at], at, at + 1, 0.9) for at in range(self._given, max(until, self._given))]
        self._given = max(until, self._given)
        return found


class Call:
    def __init__(self) -> None:
        self.recogniser, self.history = Levels(), SoundHistory()
        self.recognition = RestingRecognition(self.recogniser, self.history)
        self.phones: list[RecognisedPhone] = []
        self.said: list[int] = []

    def say(self, ticks: int, *phones: int, rest: Rest = Rest.NEVER) -> None:
        self.recognition.may_rest = rest
        for _, phone in zip(range(ticks), itertools.cycle(phones or (SILENCE,)), strict=False):
            step = np.full(TICK, 100 * phone, np.int16)
            self.said.append(phone)
            self.history.push(step)
            self.phones += self.recognition.push(step, phone != SILENCE)

    def end(self) -> None:
        self.phones += self.recognition.flush(np.zeros(0, np.int16))

    def check(self) -> None:
        """Every phone is the one of its tick, and none came twice or before another."""
        for phone in self.phones:
            assert {self.said[tick] for tick in range(phone.start, phone.end)} == {phone.phone}
        assert all(before.end <= after.start for before, after in itertools.pairwise(self.phones))

    def missing(self) -> set[int]:
        return set(range(len(self.said))) - {tick for phone in self.phones for tick in range(phone.start, phone.end)}


def test_without_rest_all_is_heard_once() -> None:
    call = Call()
    call.say(200, 1, 2, 3, 4, 5)
    call.say(100)
    call.end()
    call.check()
    assert not call.missing() and call.recogniser.heard == 300


@pytest.mark.parametrize("ticks", [1, 5, 40, LONGEST_TICKS - CONTEXT_TICKS - LAG - 1])
def test_a_short_rest_while_somebody_speaks_costs_no_phone(ticks: int) -> None:
    call = Call()
    call.say(150, 1, 2, 3, 4, 5)
    call.say(ticks, 6, 7, 8, rest=Rest.ALWAYS)
    assert call.recognition.rests
    call.say(100, 9, 10, 11)
    call.end()
    call.check()
    assert not call.missing()


def test_a_long_rest_costs_all_but_the_last_two_seconds() -> None:
    call = Call()
    call.say(100, 1, 2, 3)
    heard = call.recogniser.heard
    call.say(1000, 4, 5, 6, rest=Rest.ALWAYS)
    assert call.recogniser.heard == heard
    call.say(50, 7, 8)
    call.end()
    call.check()
    assert call.recogniser.heard <= heard + LONGEST_TICKS + 50
    missing = call.missing()
    assert max(missing) < 1100 - LONGEST_TICKS + CONTEXT_TICKS + 1
    assert len(missing) == pytest.approx(1000 - LONGEST_TICKS + CONTEXT_TICKS + LAG, abs=2)


def test_in_silence_it_rests_and_the_first_word_is_whole() -> None:
    call = Call()
    call.say(200, 1, 2, 3, rest=Rest.IN_SILENCE)
    heard = call.recogniser.heard
    assert heard == 200
    call.say(500, rest=Rest.IN_SILENCE)
    assert call.recogniser.heard <= heard + QUIET_TICKS + 1
    before = call.recogniser.heard
    call.say(100, 4, 5, 6, rest=Rest.IN_SILENCE)
    assert call.recogniser.heard <= before + 100 + BEFORE_SPEECH_TICKS + CONTEXT_TICKS
    call.end()
    call.check()
    assert all(call.said[tick] == SILENCE for tick in call.missing())


def test_silence_after_a_rest_is_not_heard_again_for_long() -> None:
    call = Call()
    call.say(100, 1, 2)
    call.say(300, rest=Rest.ALWAYS)
    before = call.recogniser.heard
    call.say(1)
    assert call.recogniser.heard <= before + 1 + BEFORE_SPEECH_TICKS + CONTEXT_TICKS
