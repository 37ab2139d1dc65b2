"""The modified rhyme test with the real instrument and its recordings."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from codec.units import audio_file
from softphone.bench.codec.rhyme_bench import bench
from softphone.bench.instruments.noise import Noise
from softphone.bench.instruments.rhyme_test import RhymeTest, RhymeTestError, Word
from softphone.cli.main import main


@pytest.fixture(scope="module")
def rhyme_test() -> RhymeTest:
    return RhymeTest()


@pytest.fixture(scope="module")
def words(rhyme_test: RhymeTest) -> list[Word]:
    return rhyme_test.words(1)


def test_few_words_are_spread_over_the_talkers(rhyme_test: RhymeTest, words: list[Word]) -> None:
    many = rhyme_test.words(25)
    assert many[:4] == words and len({word.name for word in many}) == 100
    assert [[word.talker for word in many].count(talker) for talker in ("F1", "F3", "M3", "M4")] == [25] * 4
    assert len({word.name for word in rhyme_test.words(300)}) == 1200
    for number in (0, 301):
        with pytest.raises(RhymeTestError, match=f"1 to 300 words a talker, not {number}"):
            rhyme_test.words(number)


def test_clean_words_are_told_apart_and_noise_and_rivals_are_not_taken_for_them(rhyme_test: RhymeTest, words: list[Word]) -> None:
    sounds = [audio_file.read(word.file) for word in words]
    clean = [rhyme_test.score(sound, word) for sound, word in zip(sounds, words, strict=True)]
    assert min(clean) > 0.9 and rhyme_test.intelligibility(clean) > 0.95
    noisy = [rhyme_test.score(Noise().under(sound, word.name, -5.0), word) for sound, word in zip(sounds, words, strict=True)]
    assert rhyme_test.intelligibility(noisy) < 0.7
    for sound, word in zip(sounds, words, strict=True):
        rival = (word.number - 1) // 6 * 6 + word.number % 6 + 1
        assert rival != word.number and rhyme_test.score(sound, Word(rival, word.name, word.talker, word.file)) < 0.2


def test_a_late_and_quiet_word_is_understood_and_silence_is_not(rhyme_test: RhymeTest, words: list[Word]) -> None:
    sound = audio_file.read(words[0].file)
    assert rhyme_test.score(np.pad(sound // 4, (12345, 40000)), words[0]) > 0.9
    assert rhyme_test.score(np.zeros(16000, np.int16), words[0]) == 0
    assert rhyme_test.score(np.zeros(0, np.int16), words[0]) == 0
    assert rhyme_test.intelligibility([1 / 6]) == pytest.approx(0)


def test_codecs_are_compared_on_the_same_words(rhyme_test: RhymeTest) -> None:
    original, opus, codec2 = bench(rhyme_test, ["opus-6k-60ms", "codec2-700C"], 2, lambda _line: None)
    assert original["words"] == opus["words"] == codec2["words"] == 8
    assert isinstance(original["scores"], dict) and isinstance(opus["scores"], dict) and set(original["scores"]) == set(opus["scores"])
    assert original["payload_bps"] is None and float(str(codec2["payload_bps"])) < 1200 < float(str(opus["payload_bps"])) < 6500
    assert float(str(codec2["intelligibility"])) < float(str(opus["intelligibility"])) <= float(str(original["intelligibility"])) == 1


def test_the_command_writes_its_table_and_section(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = tmp_path / "figures.json"
    assert main(["bench", "rhyme", "--systems", "codec2-3200", "--words", "1", "--json", str(figures), "--docs", str(tmp_path)]) == 0
    told = capsys.readouterr()
    assert "| codec2-3200 |" in told.out and "codec2-3200, 1 words of" in told.err
    assert [one["system"] for one in json.loads(figures.read_text())] == ["original", "codec2-3200"]
    assert "## Rhyme test" in (tmp_path / "benchmarks.md").read_text()


def test_what_is_missing_is_named_with_its_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rhyme_test: RhymeTest
) -> None:
    monkeypatch.setattr(rhyme_test, "_folder", tmp_path)
    with pytest.raises(RhymeTestError, match="_orig.wav is missing; install mcvqoe-intelligibility"):
        rhyme_test.words(1)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "abcmrt", None)
        with pytest.raises(RhymeTestError, match="abcmrt16 is missing.*make rhyme-setup"):
            RhymeTest()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert main(["bench", "rhyme"]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "mcvqoe-intelligibility" in told and "make rhyme-setup" in told
