"""The F0 tracker on voices that are made here, so that the truth is known."""

import itertools
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from codec.describe import pitch
from codec.describe.pitch import LAG_MS, PitchTracker
from codec.describe.prosody import frame_levels, mean_f0, measure, pieces
from codec.units.rates import FRAME_SAMPLES
from codec.units.token import MAX_FRAMES
from tests.unit.codec.describe.synthetic_voice import voice


def semitone_errors(found: NDArray[np.float32], true: NDArray[np.float64]) -> NDArray[np.float64]:
    voiced = found > 0
    return np.abs(12 * np.log2(found[voiced] / true[: len(found)][voiced]))


@pytest.mark.parametrize(("low", "high"), [(70, 95), (90, 180), (180, 300), (280, 440)])
@pytest.mark.parametrize("snr_db", [60, 10])
def test_follows_a_glide_without_octave_jumps(low: float, high: float, snr_db: float) -> None:
    sound, true = voice(low, high)
    noise = np.random.default_rng(1).standard_normal(len(sound)) * sound.std() * 10 ** (-snr_db / 20)
    found = pitch.track((sound + noise).astype(np.float32)).f0
    assert np.mean(found > 0) > 0.95
    errors = semitone_errors(found, true)
    assert np.median(errors) < 0.2
    assert np.mean(errors > 2) < 0.02


def test_silence_and_noise_are_unvoiced() -> None:
    assert not pitch.track(np.zeros(16000, dtype=np.int16)).f0.any()
    noise = np.random.default_rng(2).standard_normal(32000).astype(np.float32) * 0.1
    assert np.mean(pitch.track(noise).f0 > 0) < 0.05


def test_cutting_into_pushes_changes_nothing() -> None:
    sound, _ = voice(100, 220)
    pcm = (np.concatenate((np.zeros(3000), sound, np.zeros(1234))) * 32767).astype(np.int16)
    whole = pitch.track(pcm)
    assert len(whole.f0) == len(pcm) // FRAME_SAMPLES
    rng, tracker, at, parts = np.random.default_rng(3), PitchTracker(), 0, []
    while at < len(pcm):
        count = int(rng.integers(1, 900))
        parts.append(tracker.push(pcm[at : at + count]))
        at += count
    parts.append(tracker.flush())
    np.testing.assert_array_equal(np.concatenate([part.f0 for part in parts]), whole.f0)
    np.testing.assert_array_equal(np.concatenate([part.strength for part in parts]), whole.strength)


def test_lag_is_what_it_says() -> None:
    sound, _ = voice(120, 130, 1.0)
    tracker, given = PitchTracker(), 0
    for heard, at in enumerate(range(0, len(sound), FRAME_SAMPLES), 1):
        given += len(tracker.push(sound[at : at + FRAME_SAMPLES]).f0)
        assert (heard - given) * 10 <= LAG_MS
    assert LAG_MS <= 60


def test_costs_little() -> None:
    sound, _ = voice(120, 200, 4.0)
    tracker, started = PitchTracker(), time.process_time()
    for at in range(0, len(sound), 640):
        tracker.push(sound[at : at + 640])
    # 3 % of a core is the aim; ten times that is left for a loaded test machine.
    assert time.process_time() - started < 0.3 * 4.0


def test_measure_reads_the_glide_and_the_level() -> None:
    sound, true = voice(100, 200)
    f0, level = pitch.track(sound).f0, frame_levels((sound * 32767).astype(np.int16))
    mean = mean_f0(f0)
    assert mean == pytest.approx(np.sqrt(100 * 200), rel=0.03)
    token = measure(1, 40, 80, f0, level, mean)
    assert token.frames == 40
    assert token.semitones is not None
    for place, got in zip((0.25, 0.75), token.semitones, strict=True):
        want = 12 * np.log2(true[int(40 + place * 40)] / mean)
        assert got == pytest.approx(want, abs=0.5)
    power = np.mean(sound[40 * 160 : 80 * 160] ** 2)
    assert token.loudness_db == pytest.approx(10 * np.log10(power), abs=0.1)
    assert measure(0, 40, 80, f0, level, mean).semitones is None
    with pytest.raises(ValueError, match="at least one frame"):
        measure(1, 40, 40, f0, level, mean)


def test_pieces_fit_a_token() -> None:
    for frames in (1, MAX_FRAMES, MAX_FRAMES + 1, 1000):
        spans = list(pieces(5, 5 + frames))
        assert spans[0][0] == 5
        assert spans[-1][1] == 5 + frames
        assert all(0 < end - start <= MAX_FRAMES for start, end in spans)
        assert all(left[1] == right[0] for left, right in itertools.pairwise(spans))
