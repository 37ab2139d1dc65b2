"""The rhyme test around its instrument: words of a talker as one call, what is heard cut at them again, rows and their interval."""

from pathlib import Path

import numpy as np
import pytest

from codec.units import audio_file
from codec.units.rates import SAMPLE_RATE
from softphone import paths
from softphone.bench.codec.rhyme_bench import MARGIN, PAUSE, calls_of, cut, row, table
from softphone.bench.instruments.rhyme_test import Word


@pytest.fixture
def words(tmp_path: Path) -> list[Word]:
    """Of two talkers, in turn: pieces of the bundled recording, 1.5 s each and all different."""
    sound = audio_file.read(paths.demo_recording()[0])
    piece = 3 * SAMPLE_RATE // 2
    found = []
    for number in range(4):
        file = tmp_path / f"{number}.wav"
        audio_file.write(file, sound[number * piece : (number + 1) * piece])
        found.append(Word(number + 1, f"word {number}", "FM"[number % 2], file))
    return found


def test_each_talker_makes_one_call_of_his_words(words: list[Word]) -> None:
    first, second = calls_of(words)
    assert [word.name for word in first.words] == ["word 0", "word 2"] and {word.talker for word in second.words} == {"M"}
    for word, (begin, end) in zip(first.words, first.spans, strict=True):
        assert np.array_equal(first.pcm[begin:end], audio_file.read(word.file))
        assert not first.pcm[begin - PAUSE : begin].any() and not first.pcm[end : end + PAUSE].any()


@pytest.mark.parametrize("late_ms", [0, 60, 1450])
def test_what_is_heard_is_cut_at_the_words_however_late_it_is(words: list[Word], late_ms: int) -> None:
    call = calls_of(words)[0]
    late = np.concatenate([np.zeros(late_ms * 16, np.int16), call.pcm // 2])
    for word, part in zip(call.words, cut(call, late), strict=True):
        said = audio_file.read(word.file) // 2
        begin = int(np.argmax(np.correlate(part.astype(float), said.astype(float), "valid")))
        assert np.array_equal(part[begin : begin + len(said)], said)
        assert abs(begin - MARGIN) < SAMPLE_RATE * 5 // 1000
        assert np.count_nonzero(part) <= np.count_nonzero(said)  # nothing of its neighbours


def test_silence_is_cut_too_and_an_end_that_is_missing_is_empty(words: list[Word]) -> None:
    call = calls_of(words)[0]
    assert [len(part) for part in cut(call, np.zeros_like(call.pcm))] == [end - begin + 2 * MARGIN for begin, end in call.spans]
    assert [len(part) for part in cut(call, np.zeros(0, np.int16))] == [0, 0]


def test_a_row_has_its_rate_and_the_interval_of_what_is_corrected_for_guessing() -> None:
    found = row("some", [100, 200], 2.0, {"a": 1.0, "b": 0.5, "c": 0.75, "d": 0.75}, 0.7)
    assert found["payload_bps"] == 1200 and (found["words"], found["talkers"]) == (4, 2)
    # Standard deviation .2041, of the mean .1021; 6/5 of it, and 1.96 of those.
    assert found["interval"] == pytest.approx(0.2401, abs=1e-3)
    alone = row("original", [None], 2.0, {"a": 1.0}, 1.0)
    assert alone["payload_bps"] is None and alone["interval"] is None
    assert table([found, alone]).splitlines()[2:] == [
        "| some | 1200 | 0.700 | 0.240 |",
        "| original |  | 1.000 |  |",
        "",
        "4 words of 2 talkers.",
    ]
