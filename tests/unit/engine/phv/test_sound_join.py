"""Sound and tokens of one call become one voice: nothing is left out, nothing but a word that was cut is heard twice, and what was late
catches up.

Each tick of 20 ms is said as a constant level that names it, so that what is heard can be read back.
"""

import random
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from softphone.engine.phv.sound import join as sound_join
from softphone.engine.phv.sound.join import BACK_TICKS, SILENT, SoundJoin
from softphone.engine.phv.sound.player import SoundFrame

STEP, FIRST, NAMES = 40, 600, 700
"""Levels rise and fall over 700 ticks each."""
TOKENS_LATE = 35
"""Ticks: 700 ms."""


def pcm(tick: int) -> bytes:
    return np.full(320, FIRST + STEP * min(tick % (2 * NAMES), 2 * NAMES - tick % (2 * NAMES)), np.int16).tobytes()


def tick_of(sound: bytes) -> int | None:
    samples = np.frombuffer(sound, np.int16)
    level = int(np.median(samples))  # 0 too where only a rest of a tick is in it
    return round((level - FIRST) / STEP) if level else None


class Call:
    """A sender who speaks all the time. sound: the ticks that arrive as sound; tokens: those that arrive as tokens."""

    def __init__(
        self,
        sound: range | tuple[int, ...],
        tokens: range,
        sound_late: int = 3,
        pause: range = range(0),
        tokens_late: int = TOKENS_LATE,
        lull: range = range(0),
        alone: bool = True,
        held: bool = False,
    ) -> None:
        """held: tokens stand still where that is wanted, and are not earlier again later on, as they would be in the next pause."""
        self._sound, self._tokens, self._late, self._pause, self._tokens_late = sound, tokens, sound_late, pause, tokens_late
        self._lull, self._alone, self._held = lull, alone, held
        self.join = SoundJoin()

    def heard(self, ticks: int) -> Iterator[int | None]:
        spoken = -self._tokens_late - 1
        for now in range(ticks):
            said = now - self._late
            spoken += not (self._held and self.join.holds_tokens)
            sound = SoundFrame(self._pcm(said), said % 256, True) if said in self._sound else None
            if self._alone and now in self._tokens and now not in self._sound:
                self.join.expect(now % 256)  # a packet with it, before it is spoken
            speaks = spoken in self._tokens and spoken not in self._pause
            yield tick_of(self.join.next(self._pcm(spoken) if speaks else bytes(640), spoken % 256 if speaks else SILENT, sound))

    def _pcm(self, tick: int) -> bytes:
        if tick in self._lull:
            return (np.frombuffer(pcm(tick), np.int16) // 10).tobytes()
        return np.full(320, 2, np.int16).tobytes() if tick in self._pause else pcm(tick)


def begun_again(heard: list[int]) -> list[tuple[int, int]]:
    """(tick that was reached, tick from which it went on) for each place where something is heard again; nothing else is out of order."""
    places = [(before, after) for before, after in pairwise(heard) if after < before]
    assert all(after - before <= 2 for before, after in pairwise(heard)), "no jump ahead"
    assert all(before - after <= BACK_TICKS for before, after in places), places
    return places


def test_sound_alone_is_heard_as_it_comes() -> None:
    heard = [tick for tick in Call(range(100), range(0)).heard(110) if tick is not None]
    assert heard == list(range(100))


def test_tokens_alone_are_heard_as_they_come() -> None:
    heard = [tick for tick in Call(range(0), range(100)).heard(140) if tick is not None]
    assert heard == list(range(100))


def test_where_sound_ends_in_a_pause_the_tokens_go_on_with_the_next_word() -> None:
    heard = [tick for tick in Call(range(100), range(200), pause=range(90, 100)).heard(240) if tick is not None]
    assert [tick for tick in heard if tick > 0] == [*range(1, 90), *range(100, 200)]


def test_where_sound_ends_in_mid_word_the_tokens_begin_with_the_syllable() -> None:
    call = Call(range(100), range(200), lull=range(96, 97))
    heard = [tick for tick in call.heard(240) if tick is not None and tick > 0]
    assert begun_again(heard) == [(99, 97)]
    assert heard[-1] == 199


def test_no_more_than_100_ms_is_heard_again() -> None:
    heard = [tick for tick in Call(range(100), range(200)).heard(240) if tick is not None]
    assert begun_again(heard) == [(99, 100 - BACK_TICKS)]


@pytest.mark.parametrize("begins", [7, 60, 130])
def test_where_sound_begins_it_waits_for_the_tokens_and_then_catches_up(begins: int) -> None:
    call = Call(range(begins, 400), range(200))
    heard = [tick for tick in call.heard(440) if tick is not None]
    assert set(range(begins + 1)) <= set(heard), "nothing that was said before is left out"
    assert all(0 <= after - before <= 2 for before, after in pairwise(heard)), "in order, no jump"
    assert len(heard) == len(set(heard)), "nothing is heard twice"
    assert call.join.late_ms < 50, "it has caught up"


def test_there_and_back_and_there_again() -> None:
    sound = (*range(60), *range(140, 240), *range(330, 420))
    call = Call(sound, range(500))
    heard = [tick for tick in call.heard(560) if tick is not None]
    assert len(begun_again(heard)) == 3, "where sound ends"
    assert heard[0] == 0 and heard[-1] == 499
    assert call.join.changes == 5


def test_in_a_pause_sound_takes_over() -> None:
    # Tokens until 100, a pause until 150, sound from 120 on: nobody has to wait.
    call = Call(range(120, 300), range(300), pause=range(100, 150))
    heard = {tick: now for now, tick in enumerate(call.heard(320)) if tick is not None and tick > 0}
    assert set(range(1, 100)) <= set(heard)
    after = [tick for tick in heard if tick >= 150]
    assert after[0] == 150 and after[-1] >= 289 and len(after) > 128, "WSOLA makes up for the rest of the wait,"
    assert all(0 < later - earlier <= 2 for earlier, later in pairwise(after)), "and never leaves out more than a tick at a time"
    assert all(now - tick <= 6 for tick, now in heard.items() if tick >= 200), "as early as sound is"


def test_a_hole_that_is_shorter_than_the_tokens_are_late_is_no_change() -> None:
    sound = (*range(100), *range(120, 200))
    call = Call(sound, range(200), alone=False)
    heard = [tick for tick in call.heard(240) if tick is not None]
    assert heard == [*range(100), *range(120, 200)]
    assert call.join.changes == 0


def test_tokens_of_another_clock_are_heard_after_a_while() -> None:
    join = SoundJoin()
    join.next(bytes(640), SILENT, SoundFrame(pcm(100), 100, True))
    heard = [tick_of(join.next(pcm(20), (100 - 50 + now // 200) % 256, None)) for now in range(400)]
    assert heard.index(20) <= 200


def test_after_a_pause_tokens_that_follow_sound_are_heard_from_the_first() -> None:
    for pause in (40, 80, 120, 170, 210, 250, 300):
        call = Call(range(100), range(100 + pause, 200 + pause))
        heard = [tick for tick in call.heard(260 + pause) if tick is not None]
        assert heard == [*range(100), *range(100 + pause, 200 + pause)], pause


def test_the_last_tokens_before_the_sound_are_waited_for() -> None:
    """Those of 95 to 99 come 0.3 s later than they should."""
    join = SoundJoin()
    heard = []
    for now in range(300):
        at = now - TOKENS_LATE if now < 95 + TOKENS_LATE else now - TOKENS_LATE - 15
        silent = not (0 <= at < 95 if now < 95 + TOKENS_LATE else 95 <= at < 100)
        sound = SoundFrame(pcm(now - 3), (now - 3) % 256, True) if now >= 103 else None
        heard.append(tick_of(join.next(bytes(640) if silent else pcm(at), SILENT if silent else at % 256, sound)))
    assert set(range(100)) <= set(heard)


def test_tokens_stand_still_while_late_sound_is_heard() -> None:
    """The sound that waited for tokens is over before it has caught up."""
    call = Call(range(60, 130), range(400), tokens_late=75, held=True)
    heard = [tick for tick in call.heard(560) if tick is not None]
    assert begun_again(heard) == [(129, 130 - BACK_TICKS)]
    assert set(range(0, 60)) <= set(heard) and set(range(130, 400)) <= set(heard)


def test_tokens_that_still_come_are_waited_for_whatever_they_lack() -> None:
    """Of the last 60 ticks before the sound, which wait for their words, nothing is there when it begins; they come a moment later."""
    join = SoundJoin()
    heard = []
    for now in range(300):
        stops, again = 40 + TOKENS_LATE, 55 + TOKENS_LATE
        at = now - TOKENS_LATE - (15 if now >= again else 0)
        silent = stops <= now < again or not 0 <= at < 100
        if now % 8 == 0 and now < 100 + TOKENS_LATE:
            join.expect(max(0, at - 20) % 256, alone=now < 70)  # repeats what was heard already
        sound = SoundFrame(pcm(now - 3), (now - 3) % 256, True) if now >= 103 - 30 else None
        heard.append(tick_of(join.next(bytes(640) if silent else pcm(at), SILENT if silent else at % 256, sound)))
    assert set(range(70)) <= set(heard)


@pytest.mark.parametrize(("seed", "tokens_late"), [(0, TOKENS_LATE), (1, TOKENS_LATE), (2, 90), (3, 130)])
def test_a_hundred_changes_lose_and_repeat_nothing(seed: int, tokens_late: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_join, "QUIET", 0.0)  # speech of even levels has no pauses
    monkeypatch.setattr(sound_join, "BACK_TICKS", 0)  # nor words that could begin again
    rng = random.Random(seed)
    end, sound = 0, set[int]()
    shortest = max(60, tokens_late + 20)
    for _ in range(56):
        begin = end + rng.randrange(shortest, shortest + 80)  # tokens alone
        end = begin + rng.randrange(shortest, shortest + 80)  # then sound, with tokens beside it
        sound |= set(range(begin, end))
    call = Call(tuple(sorted(sound)), range(end), tokens_late=tokens_late)
    heard = [tick for tick in call.heard(end + tokens_late + 25) if tick is not None]
    assert call.join.changes >= 100
    steps = [abs(after - before) for before, after in pairwise(heard)]
    # WSOLA leaves out 13 ms at a time, two thirds of a tick.
    assert max(steps) <= 2, "no jump"
    # What is left of a tick, or where levels turn, may be read twice; a word that is repeated would be read back tens of times.
    assert sum(step == 0 for step in steps) < 0.005 * len(heard)
    assert not any(before == after == 0 for before, after in pairwise(steps))
    assert sum(step == 2 for step in steps) < 0.3 * len(heard)
