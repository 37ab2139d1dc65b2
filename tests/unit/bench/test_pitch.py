"""Pitch and voicing of what was heard against what was said."""

import numpy as np
import pytest

from softphone.bench.instruments.pitch import compare

RATE = 16_000


def tone(f0: np.ndarray) -> np.ndarray:
    """A buzz whose pitch follows f0, Hz per 10 ms, silent where it is 0."""
    hertz = np.repeat(f0, 160)
    turns = np.cumsum(hertz) / RATE
    sound = sum(np.sin(2 * np.pi * k * turns) / k for k in range(1, 8)) * (hertz > 0)
    return (4000 * sound).astype(np.int16)


RISE = np.concatenate((np.zeros(20), np.linspace(110, 180, 120), np.zeros(40), np.linspace(170, 100, 120), np.zeros(20)))


def test_the_same_sound_late_is_alike() -> None:
    said = tone(RISE)
    found = compare(said, np.concatenate((np.zeros(3200, np.int16), said)), 200.0)
    assert found.correlation == pytest.approx(1.0, abs=0.01) and found.voicing_error == pytest.approx(0.0, abs=0.03)


def test_a_melody_upside_down_is_its_opposite() -> None:
    found = compare(tone(RISE), tone(np.where(RISE > 0, 285 - RISE, 0)), 0.0)
    assert found.correlation is not None and found.correlation < -0.9


def test_what_is_voiced_in_one_alone_counts() -> None:
    half = RISE.copy()
    half[180:] = 0
    assert compare(tone(RISE), tone(half), 0.0).voicing_error == pytest.approx(0.5, abs=0.06)


def test_silence_says_nothing() -> None:
    assert compare(np.zeros(RATE, np.int16), np.zeros(RATE, np.int16), 0.0) == (None, None)
