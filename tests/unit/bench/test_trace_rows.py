"""What is said of a link that changes during a call, worked out by hand."""

from pathlib import Path

import pytest

from softphone.bench.codec.gaps import Gaps
from softphone.bench.codec.rows import Row
from softphone.bench.impairment.impairment import Impairment
from softphone.bench.instruments.manifest import Recording
from softphone.bench.network.conversation import Conversation, Turn, fill
from softphone.bench.network.live_call import SetUp
from softphone.bench.network.network_call import NetworkCall
from softphone.bench.network.network_judge import TurnVerdict
from softphone.bench.network.network_rows import KEYS, JudgedTurn, first_words
from softphone.bench.network.network_table import network_table
from softphone.bench.network.trace_rows import prompt_after_s, stretch_rows, understood_again_s, words_of

WORDS = "one two three four five"
RECORDING = Recording("u", Path("u.wav"), "s", WORDS)
TALK = fill(Conversation((Turn(RECORDING, "a", 0.5, 5.0),), 9.5), 22.0)


def judged(heard: str, *lags: tuple[float, float]) -> JudgedTurn:
    return JudgedTurn(RECORDING, 5.0, None, TurnVerdict(heard, 100.0, Gaps(0, 0.0, 5.0), lags))


def test_a_conversation_is_filled_with_its_turns() -> None:
    assert [turn.start_s for turn in TALK.turns] == pytest.approx([0.5, 6.1, 11.7, 17.3])


def test_a_conversation_is_filled_from_another_of_its_turns_on() -> None:
    other = Recording("v", Path("v.wav"), "t", "six")
    talk = Conversation((Turn(RECORDING, "a", 0.5, 5.0), Turn(other, "b", 6.0, 1.0)), 9.5)
    assert [turn.recording.name for turn in fill(talk, 8.0, 1).turns] == ["v", "u", "v"]


def test_words_are_understood_again_when_three_in_a_row_are_heard() -> None:
    turns = [judged(WORDS), judged("one two six four five"), judged("seven two three four five"), judged(WORDS)]
    words = words_of(TALK, turns, {"u": WORDS})
    assert len(words) == 20 and [word.right for word in words[5:10]] == [True, True, False, True, True]
    # From four of the second turn on (9.1 s); the run begins with two of the third, 3.6 s later, heard after 0.1 s.
    assert understood_again_s(words, 9.0, 20.0) == pytest.approx(12.7 - 9.1 + 0.1)
    assert understood_again_s(words, 0.0, 5.0) == pytest.approx(0.1)
    assert understood_again_s(words, 8.0, 10.0) is None


def test_a_word_that_nobody_understands_does_not_delay_that_words_are_understood_again() -> None:
    turns = [judged(WORDS), judged("one two six four five"), judged(WORDS), judged(WORDS)]
    words = words_of(TALK, turns, {"u": "one two six four five"})
    # From two of the second turn on: two, four and five are three in a row of those that can be understood.
    assert understood_again_s(words, 7.0, 20.0) == pytest.approx(0.1)


def test_what_was_not_understood_without_impairment_does_not_count() -> None:
    words = words_of(TALK, [judged(WORDS)] * 4, {"u": "one two six four five"})
    assert [word.kept for word in words[:5]] == [True, True, None, True, True]


def test_speech_is_prompt_again_when_it_is_heard_within_200_ms() -> None:
    assert prompt_after_s([(1.0, 100.0), (6.0, 900.0), (8.0, 150.0)], 5.0, 20.0) == 3.0
    assert prompt_after_s([(6.0, 900.0)], 5.0, 20.0) is None


def test_each_stretch_has_its_row() -> None:
    trace = Impairment(stretches=((11.0, Impairment(rate_bps=64000)), (11.0, Impairment(rate_bps=2400))))
    turns = [judged(WORDS, (0.0, 90.0), (1.0, 110.0)), judged(WORDS, (0.0, 100.0)), judged("one", (0.0, 2000.0)), judged("one two")]
    call = NetworkCall(SetUp(0.5, 1000, 4, 3000), bytes_by_second=(100,) * 24)
    first, second = stretch_rows("trace train", "phv", trace, [(TALK, call, turns)], {"u": WORDS})
    assert (first["words_kept"], first["words"], first["mouth_to_ear_ms"], first["ip_bytes"]) == (1.0, 10, 100.0, 1100)
    assert (second["words_kept"], second["again_s"], second["mouth_to_ear_ms"], second["ip_bytes"]) == (0.3, None, 2000.0, 1300)
    whole: Row = dict.fromkeys(KEYS)
    assert "| trace train | phv | 11 |" in network_table([whole | {"impairment": "none", "system": "phv"}, first, second])


def test_first_words_are_counted_by_themselves() -> None:
    assert first_words([judged(WORDS), judged("two three four five"), judged("one")]) == pytest.approx(2 / 3)
