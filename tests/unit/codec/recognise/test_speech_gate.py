import numpy as np
import pytest

from codec.recognise.speech_gate import FLOOR_FRAMES, FLOOR_PERCENTILE, PAUSE_TICKS, WEAK_TICKS, SpeechGate
from codec.units.phones import SILENCE, phone_index
from codec.units.token import RecognisedPhone

AH, S, K = (phone_index(label) for label in ("AH", "S", "K"))


def gate(floor: float = -60.0) -> SpeechGate:
    made = SpeechGate()
    made.hear(np.full(200, floor, np.float32))
    return made


def phone(number: int, start: int, ticks: int = 4, level: float = -20.0, confidence: float = 0.9) -> tuple[RecognisedPhone, float]:
    return RecognisedPhone(number, start, start + ticks, confidence), level


@pytest.mark.parametrize("frames", [20, 21, 137, FLOOR_FRAMES, FLOOR_FRAMES + 211])
def test_the_floor_is_a_percentile_of_the_last_seconds(frames: int) -> None:
    levels = (np.random.default_rng(frames).normal(size=frames) * 10 - 50).astype(np.float32)
    made = SpeechGate()
    for at in range(0, frames, 2):
        made.hear(levels[at : at + 2])
    assert made.floor == pytest.approx(np.percentile(levels[-FLOOR_FRAMES:], FLOOR_PERCENTILE), abs=1e-4)


def test_speech_goes_through_at_once() -> None:
    made, first = gate(), phone(AH, 0)
    assert made.push(*first) == ([first[0]], False)
    assert made.speaking


def test_weak_beginnings_come_with_the_first_strong_phone() -> None:
    made, weak, strong = gate(), phone(K, 0, level=-59.0), phone(AH, 4)
    assert made.push(*weak) == ([], False)
    assert made.push(*strong) == ([weak[0], strong[0]], False)


@pytest.mark.parametrize(("level", "confidence"), [(-57.0, 0.9), (-20.0, 0.1)])
def test_noise_and_guesses_do_not_begin_speech(level: float, confidence: float) -> None:
    made = gate()
    for n in range(50):
        assert made.push(*phone(AH, 4 * n, level=level, confidence=confidence)) == ([], False)


def test_nothing_inaudible_is_speech() -> None:
    assert gate(-90.0).push(*phone(AH, 0, level=-70.0)) == ([], False)


def test_a_short_pause_comes_with_what_follows_it() -> None:
    made = gate()
    made.push(*phone(AH, 0))
    pause, after = phone(SILENCE, 4, PAUSE_TICKS, -60.0), phone(S, 4 + PAUSE_TICKS)
    assert made.push(*pause) == ([], False)
    assert made.push(*after) == ([pause[0], after[0]], False)


def test_a_long_pause_ends_the_talkspurt_at_once() -> None:
    made = gate()
    made.push(*phone(AH, 0))
    assert made.push(*phone(SILENCE, 4, PAUSE_TICKS + 1, -60.0)) == ([], True)
    assert not made.speaking
    after = phone(AH, 30)
    assert made.push(*after) == ([after[0]], False)


def test_what_only_the_recogniser_hears_ends_the_talkspurt() -> None:
    made = gate()
    made.push(*phone(AH, 0))
    ended = [made.push(*phone(S, 4 + 4 * n, level=-59.0))[1] for n in range(WEAK_TICKS // 4 + 3)]
    assert ended.count(True) == 1
    assert not made.speaking


def test_the_floor_follows_the_noise() -> None:
    made = SpeechGate()
    made.hear(np.full(400, -70.0, np.float32))
    assert made.floor == pytest.approx(-70)
    made.hear(np.full(400, -30.0, np.float32))
    assert made.floor == pytest.approx(-30)
