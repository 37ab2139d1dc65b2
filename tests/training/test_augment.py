"""Distortions for training do what they say, and leave the time of the sound alone."""

import numpy as np
import pytest
import scipy.signal
from numpy.typing import NDArray

from codec.describe.pitch import track
from codec.train.recogniser.augment import warp_formants
from codec.train.recogniser.lossy_codecs import CODECS, through, through_any
from codec.units.rates import SAMPLE_RATE


def vowel(hz: float, formants: tuple[float, ...]) -> NDArray[np.float32]:
    """A second of a pulse train through resonators of 80 Hz."""
    sound = np.zeros(SAMPLE_RATE)
    sound[np.unique(np.arange(0, SAMPLE_RATE, SAMPLE_RATE / hz).astype(int))] = 1
    for formant in formants:
        radius = np.exp(-np.pi * 80 / SAMPLE_RATE)
        sound = scipy.signal.lfilter([1], [1, -2 * radius * np.cos(2 * np.pi * formant / SAMPLE_RATE), radius**2], sound)
    return np.asarray(sound / np.abs(sound).max() * 0.5, np.float32)


def peaks(pcm: NDArray[np.float32]) -> NDArray[np.float64]:
    """The formants below 4 kHz: maxima of a spectrum smoothed over the harmonics."""
    hz, power = scipy.signal.welch(pcm, SAMPLE_RATE, nperseg=4096)
    smooth = np.convolve(np.log(power + 1e-12), np.hanning(61) / np.hanning(61).sum(), "same")
    found, _ = scipy.signal.find_peaks(smooth[hz < 4500], prominence=1.0)
    return np.asarray(hz[found])


@pytest.mark.parametrize("factor", [0.87, 1.15])
def test_formants_move_and_pitch_stays(factor: float) -> None:
    plain = vowel(120, (600, 1500, 2700))
    warped = warp_formants(plain, factor)
    assert warped.shape == plain.shape
    assert warped.dtype == np.float32
    assert peaks(plain) == pytest.approx([600, 1500, 2700], abs=60)
    assert peaks(warped) == pytest.approx([600 * factor, 1500 * factor, 2700 * factor], abs=90)
    f0 = [np.median(found[found > 0]) for found in (track(sound).f0 for sound in (plain, warped))]
    assert f0[1] == pytest.approx(f0[0], rel=0.01)


def test_no_warp_is_no_change() -> None:
    plain = vowel(150, (500, 1500))
    assert np.abs(warp_formants(plain, 1.0) - plain).max() < 1e-4


@pytest.mark.parametrize("name", CODECS)
def test_codecs_change_the_sound_but_neither_its_time_nor_its_level(name: str) -> None:
    random = np.random.default_rng(2)
    pcm = np.asarray(vowel(110, (600, 1500, 2700)) * np.repeat(random.uniform(0.1, 1, 40), SAMPLE_RATE // 40), np.float32)
    heard = through(pcm, CODECS[name], min(CODECS[name].bit_rates, default=None))
    assert heard.shape == pcm.shape
    assert not np.array_equal(heard, pcm)
    lag = scipy.signal.correlate(heard, pcm, method="fft").argmax() - len(pcm) + 1
    assert abs(lag) <= SAMPLE_RATE // 500
    assert abs(10 * np.log10(np.mean(heard**2) / np.mean(pcm**2))) < 3


def test_any_codec_is_drawn_by_the_generator() -> None:
    pcm = vowel(200, (500, 1500))
    twice = [through_any(pcm, np.random.default_rng(3)) for _ in range(2)]
    assert np.array_equal(*twice)
