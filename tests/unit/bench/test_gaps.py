"""Holes in speech, in sound whose holes are known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from codec.units.rates import SAMPLE_RATE
from softphone import paths, sound_file
from softphone.bench.codec.gaps import find_gaps


def voice(*spans: tuple[float, float], seconds: float = 4.0) -> NDArray[np.int16]:
    """A buzz that rises and falls as syllables do in these spans (begin, end in seconds), silence elsewhere."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    syllables = 0.6 + 0.2 * np.sin(2 * np.pi * 3.1 * time) + 0.2 * np.sin(2 * np.pi * 4.7 * time + 1)
    buzz = 9000 * syllables * np.sign(np.sin(2 * np.pi * 120 * time)) * np.sin(2 * np.pi * 700 * time)
    inside = np.zeros(len(time), bool)
    for begin, end in spans:
        inside |= (time >= begin) & (time < end)
    return np.where(inside, buzz, 0).astype(np.int16)


def hole(pcm: NDArray[np.int16], begin_s: float, end_s: float) -> NDArray[np.int16]:
    pierced = pcm.copy()
    pierced[int(begin_s * SAMPLE_RATE) : int(end_s * SAMPLE_RATE)] = 0
    return pierced


def test_what_comes_whole_has_no_gaps_however_late_and_quiet_it_is() -> None:
    said = voice((0.5, 1.5), (2.0, 3.5))
    assert find_gaps(said, said, SAMPLE_RATE, 0).count == 0
    late = np.concatenate([np.zeros(SAMPLE_RATE, np.int16), said // 8])
    assert find_gaps(said, late, SAMPLE_RATE, 1000).count == 0


@pytest.mark.parametrize(("ms", "count"), [(80, 0), (120, 1), (160, 1), (400, 1)])
def test_a_hole_counts_once_when_it_is_longer_than_100_ms(ms: int, count: int) -> None:
    said = voice((0.5, 3.5))
    found = find_gaps(said, hole(said, 1.5, 1.5 + ms / 1000), SAMPLE_RATE, 0)
    assert found.count == count
    assert found.silent_s == pytest.approx(count * ms / 1000, abs=0.015)


def test_each_hole_counts() -> None:
    said = voice((0.5, 3.5))
    assert find_gaps(said, hole(hole(said, 1.0, 1.2), 2.0, 2.3), SAMPLE_RATE, 0).count == 2


def test_pauses_of_the_speaker_are_no_gaps_even_when_they_come_a_little_early() -> None:
    said, heard = voice((0.5, 1.5), (2.0, 3.5)), voice((0.5, 1.44), (2.06, 3.5))
    assert find_gaps(said, heard, SAMPLE_RATE, 0).count == 0


def test_a_pause_that_playout_stretched_is_none_and_a_hole_beside_it_is_one() -> None:
    said = sound_file.read(paths.demo_recording()[0])[: 6 * SAMPLE_RATE]
    quiet = (
        int(np.argmin(np.convolve(np.abs(said.astype(float)), np.ones(3200), "same")[2 * SAMPLE_RATE : 4 * SAMPLE_RATE])) + 2 * SAMPLE_RATE
    )
    heard = np.concatenate([said[:quiet], np.zeros(int(0.3 * SAMPLE_RATE), np.int16), said[quiet:]])
    assert find_gaps(said, heard, SAMPLE_RATE, 0).count == 0
    assert find_gaps(said, heard, SAMPLE_RATE, 300).count == 0
    level = np.abs(said.astype(float)).reshape(-1, 320).max(1)
    loud = max(range(240, 280), key=lambda n: level[n : n + 10].min()) * 0.02
    assert find_gaps(said, hole(heard, loud + 0.3, loud + 0.5), SAMPLE_RATE, 0).count == 1


def test_a_lost_beginning_and_a_lost_end_are_gaps() -> None:
    said = voice((0.5, 3.5))
    assert find_gaps(said, voice((1.5, 3.5)), SAMPLE_RATE, 0).count == 1
    assert find_gaps(said, voice((0.5, 3.0)), SAMPLE_RATE, 0).count == 1
    # The same recording, cut off instead of silent.
    assert find_gaps(said, said[: 3 * SAMPLE_RATE], SAMPLE_RATE, 0).count == 1


def test_where_nothing_is_heard_each_stretch_of_speech_is_a_gap() -> None:
    found = find_gaps(voice((0.5, 1.5), (2.0, 3.5)), np.zeros(4 * SAMPLE_RATE, np.int16), SAMPLE_RATE, 0)
    assert found.count == 2 and found.silent_s == pytest.approx(found.speech_s) and found.speech_s == pytest.approx(2.2, abs=0.2)


def test_noise_that_is_not_heard_again_is_no_gap() -> None:
    said = voice((1.0, 2.0), (2.6, 3.5))
    noisy = (said + np.random.default_rng(4).normal(0, 500, len(said))).astype(np.int16)
    assert find_gaps(noisy, said, SAMPLE_RATE, 0).count == 0
    assert find_gaps(noisy, hole(said, 1.4, 1.6), SAMPLE_RATE, 0).count == 1


def test_holes_in_real_speech_are_found_and_real_pauses_are_not() -> None:
    said = sound_file.read(paths.demo_recording()[0])[: 6 * SAMPLE_RATE]
    assert find_gaps(said, said, SAMPLE_RATE, 0).count == 0
    level = np.abs(said.astype(float)).reshape(-1, 320).max(1)
    loud = [n for n in range(10, 285) if (level[n : n + 10] > 0.1 * level.max()).all()]
    assert loud
    begin = loud[0] * 0.02
    assert find_gaps(said, hole(said, begin, begin + 0.2), SAMPLE_RATE, 0).count == 1
