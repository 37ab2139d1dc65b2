"""Tones as voices: a phone that sends one can be told from the others in what arrives, by frequency and over time."""

import struct
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from codec.units.rates import SAMPLE_RATE

SILENCE_DB = -50.0
HEARD_DB = -35.0
"""Of a tone sent at -8 dBFS, through any codec that carries tones and a bridge that mixes three."""


def write_tone(path: Path, hertz: float, seconds: float = 60) -> Path:
    """A WAV file of 16 kHz."""
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    soundfile.write(path, 0.4 * np.sin(2 * np.pi * hertz * t), SAMPLE_RATE, subtype="PCM_16")
    return path


def tone_db(sound: np.ndarray, hertz: float) -> float:
    """Level of one frequency (+-10 Hz) in dBFS of a sine; the sound has some tenths of a second at least."""
    if len(sound) < SAMPLE_RATE // 5:
        return -120.0
    window = np.hanning(len(sound))
    spectrum = np.abs(np.fft.rfft(sound * window)) * 2 / window.sum()
    hertz_of = np.arange(len(spectrum)) * SAMPLE_RATE / len(sound)
    return float(20 * np.log10(max(spectrum[np.abs(hertz_of - hertz) < 10].max(), 1e-6)))


def read_growing(path: Path) -> np.ndarray:
    """What has been written so far into a WAV file that is not finished, so that its header lies about the length; or into a raw one.

    At 16 kHz, the first channel of those there are; from 48 kHz every third sample, which does for tones.
    """
    data = path.read_bytes() if path.exists() else b""
    channels, rate = 1, SAMPLE_RATE
    if len(data) < 44:
        return np.zeros(0)
    if data[:4] == b"RIFF":
        channels, rate = struct.unpack("<HI", data[22:28])
        data = data[44:]
    sound = np.frombuffer(data[: len(data) // (2 * channels) * 2 * channels], dtype="<i2")[::channels]
    return sound[:: rate // SAMPLE_RATE].astype(float) / 32768


def wait_levels(path: Path, wanted: Callable[[Callable[[float], float]], bool], seconds: float = 20, stretch_s: float = 0.6) -> None:
    """Until `wanted` holds of the newest stretch of a recording that goes on; it is given a function from hertz to dBFS.

    The file grows while it is looked at, so old sound does not count: each look waits for new samples.
    """
    deadline = time.monotonic() + seconds
    seen = len(read_growing(path))
    levels: dict[float, float] = {}
    while time.monotonic() < deadline:
        sound = read_growing(path)
        if len(sound) - seen >= stretch_s * SAMPLE_RATE:
            new, seen = sound[seen:], len(sound)
            levels = {}

            def level(hertz: float, new: np.ndarray = new, levels: dict[float, float] = levels) -> float:
                levels[hertz] = tone_db(new, hertz)
                return levels[hertz]

            if wanted(level):
                return
        time.sleep(0.05)
    raise AssertionError(f"the tones in {path.name} did not become what they should; last levels {levels}, {seen} samples so far")
