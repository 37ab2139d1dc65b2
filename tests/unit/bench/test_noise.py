"""Noise: as loud as asked, the same each time, never clipped."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from codec.units import audio_file
from softphone import paths
from softphone.bench.instruments.noise import Noise, NoiseError, pink
from softphone.bench.instruments.speech import speech_power


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return audio_file.read(paths.demo_recording()[0])[: 5 * 16000]


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
def test_noise_is_so_far_below_the_speech(speech: np.ndarray, snr_db: float) -> None:
    quiet = (speech // 4).astype(np.int16)
    noise = Noise().under(quiet, "one", snr_db).astype(np.float64) - quiet
    assert 10 * np.log10(speech_power(quiet, 16000) / np.mean(noise**2)) == pytest.approx(snr_db, abs=0.1)


def test_noise_depends_on_the_name_alone(speech: np.ndarray) -> None:
    one, again, other = (Noise().under(speech, name, 10.0) for name in ("one", "one", "other"))
    assert np.array_equal(one, again) and not np.array_equal(one, other)


def test_noise_that_is_louder_than_full_scale_is_not_clipped(speech: np.ndarray) -> None:
    loud = np.clip(speech.astype(np.float64) * 32767 / np.abs(speech).max(), -32767, 32767).astype(np.int16)
    mixed = Noise().under(loud, "one", -10.0)
    assert (np.abs(mixed.astype(int)) >= 32766).sum() <= 2


def test_noise_comes_from_a_folder_of_any_depth(speech: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(NoiseError, match="--noise-from"):
        Noise(tmp_path)
    (tmp_path / "rain").mkdir()
    tone = np.sin(np.arange(8000) * 2 * np.pi * 2500 / 16000) * 5000
    audio_file.write(tmp_path / "rain" / "tone.flac", tone.astype(np.int16))
    added = Noise(tmp_path).under(speech, "one", 10.0).astype(np.float64) - speech
    power = np.abs(np.fft.rfft(added)) ** 2
    at = round(2500 * len(added) / 16000)
    assert power[at - 50 : at + 50].sum() > 0.95 * power.sum()


def test_silence_stays_silence() -> None:
    silence = np.zeros(16000, np.int16)
    assert not Noise().under(silence, "one", 10.0).any()


def test_pink_noise_falls_three_decibels_an_octave() -> None:
    power = np.abs(np.fft.rfft(pink(np.random.default_rng(1), 160000))) ** 2
    octave = [float(power[low * 10 : 2 * low * 10].mean()) for low in (250, 500, 1000, 2000)]
    steps = [10 * np.log10(a / b) for a, b in itertools.pairwise(octave)]
    assert steps == pytest.approx([3, 3, 3], abs=0.7)


def test_noise_that_cannot_be_read_is_passed_over(speech: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "torn.opus").write_bytes(b"OggS")
    with pytest.raises(NoiseError, match="none can be read"):
        Noise(tmp_path).under(speech, "one", 10.0)
