"""The measuring instruments are measured: known delays, known word errors, known costs."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from codec.units.rates import SAMPLE_RATE
from softphone import paths, sound_file
from softphone.bench.instruments.asr import Asr, AsrError, model_folder
from softphone.bench.instruments.delay import find_lag
from softphone.bench.instruments.opus_cost import WireCost, opus_cost
from softphone.bench.instruments.speech import speech_seconds
from softphone.bench.instruments.wer import WerError, normalise, word_error_rate


@pytest.fixture(scope="module")
def recording() -> np.ndarray:
    return sound_file.read(paths.demo_recording()[0])


@pytest.mark.parametrize("delay_ms", [0, 33, 250, 1200])
def test_a_known_delay_is_found_in_noise_and_another_level(recording: np.ndarray, delay_ms: int) -> None:
    noise = np.random.default_rng(1).normal(0, 60, len(recording) + delay_ms * 16)
    heard = noise
    heard[delay_ms * 16 :] += recording * 0.3
    lag = find_lag(recording, heard.astype(np.int16), SAMPLE_RATE, -500, 3000)
    assert lag is not None
    assert lag.ms == pytest.approx(delay_ms, abs=3)
    assert lag.likeness > 0.9


def test_silence_has_no_delay(recording: np.ndarray) -> None:
    assert find_lag(recording, np.zeros_like(recording), SAMPLE_RATE, -500, 3000) is None
    assert find_lag(recording[:100], recording, SAMPLE_RATE, -500, 3000) is None


def test_seconds_of_speech_leave_long_pauses_out(recording: np.ndarray) -> None:
    alone = speech_seconds(recording, SAMPLE_RATE)
    assert 13 < alone < len(recording) / SAMPLE_RATE
    pause = np.zeros(4 * SAMPLE_RATE, dtype=np.int16)
    assert speech_seconds(np.concatenate([recording, pause, recording]), SAMPLE_RATE) == pytest.approx(2 * alone, abs=0.2)
    assert speech_seconds(pause, SAMPLE_RATE) == 0


def test_opus_costs_what_the_wire_says(recording: np.ndarray) -> None:
    seconds = speech_seconds(recording, SAMPLE_RATE)
    slow, fast = opus_cost(recording, 6000, 60), opus_cost(recording, 6000, 20)
    # shared knowledge: about 11 and 22 kbit/s with headers
    assert 9_000 < slow.ip_bps(seconds) < 12_500
    assert 19_000 < fast.ip_bps(seconds) < 23_500
    assert opus_cost(np.zeros(10 * SAMPLE_RATE, dtype=np.int16), 6000, 20).packets < 50
    assert WireCost(2, 20).ip_bps(1) == 8 * (20 + 80)


def test_word_errors_are_counted_after_normalisation() -> None:
    assert normalise("It's 21 o’clock – “really”?") == "it's twenty one o'clock really"
    assert word_error_rate("The rain, has stopped.", "the rain has stopped") == 0
    assert word_error_rate("one two three four", "one too three") == 0.5
    with pytest.raises(WerError, match="no word"):
        word_error_rate(" ... ", "something")


def test_the_recogniser_understands_the_original(recording: np.ndarray) -> None:
    words = paths.demo_recording()[1].read_text()
    assert word_error_rate(words, Asr().transcribe(recording)) < 0.1


def test_without_its_packages_the_recogniser_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(AsrError, match="make bench-setup"):
        Asr()


def test_the_model_in_the_cache_is_private_and_repaired_when_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    model = model_folder() / "model.bin"
    size = model.stat().st_size
    assert model.stat().st_mode & 0o777 == 0o600
    with model.open("r+b") as file:
        file.truncate(1000)
    assert (model_folder() / "model.bin").stat().st_size == size
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc")
    with pytest.raises(AsrError, match="XDG_CACHE_HOME"):
        model_folder()
