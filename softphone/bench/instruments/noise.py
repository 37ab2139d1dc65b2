"""Noise under speech at a given ratio, the same in every run: from a folder of recordings, or pink noise where there is none."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.units import audio_file
from codec.units.errors import AudioFileError
from codec.units.rates import SAMPLE_RATE
from softphone.bench.instruments.speech import speech_power
from softphone.errors import SoftphoneError

_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".opus"})
_PINK_FROM_HZ = 50.0
_DRAWS = 20


class NoiseError(SoftphoneError):
    """No noise can be had."""


class Noise:
    """Chooses the noise of a recording by the recording's name alone, so that lists of any length or order get the same."""

    def __init__(self, folder: Path | None = None) -> None:
        """folder: searched with what lies in it for WAV, FLAC, Ogg and Opus files; None: pink noise. Raises NoiseError."""
        self._files: list[Path] = []
        if folder is not None:
            self._files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
            if not self._files:
                raise NoiseError(f"there is no sound file in {folder}; name a folder of noise with --noise-from")

    def under(self, pcm: NDArray[np.int16], name: str, snr_db: float) -> NDArray[np.int16]:
        """pcm (samples,) int16 at 16 kHz with noise: its mean power is `snr_db` below that of the speech while somebody speaks."""
        rng = np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))
        noise = self._recorded(rng, len(pcm)) if self._files else pink(rng, len(pcm))
        power, wanted = float(np.mean(noise**2)), speech_power(pcm, SAMPLE_RATE) / 10 ** (snr_db / 10)
        if not power:
            return pcm
        mixed = pcm + noise * np.sqrt(wanted / power)
        # Never clipped: a codec should not be judged by the mixing.
        gain = min(1.0, 32767 / max(1.0, float(np.abs(mixed).max())))
        return np.asarray(np.round(mixed * gain), np.int16)

    def _recorded(self, rng: np.random.Generator, samples: int) -> NDArray[np.float64]:
        """A random file from a random place on, again and again from its beginning; one that cannot be read, or is silent, is passed over.

        Raises NoiseError when that is so of all that were drawn.
        """
        for _ in range(_DRAWS):
            path = self._files[int(rng.integers(len(self._files)))]
            try:
                sound = audio_file.read(path).astype(np.float64)
            except AudioFileError:
                continue
            if sound.any():
                return np.resize(np.roll(sound, -int(rng.integers(len(sound)))), samples)
        raise NoiseError(f"{_DRAWS} files of noise were tried, {path} last, and none can be read; convert them to WAV or FLAC")


def pink(rng: np.random.Generator, samples: int) -> NDArray[np.float64]:
    """Noise whose power falls by 3 dB an octave above 50 Hz: (samples,)."""
    hertz = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    spectrum = rng.standard_normal((2, len(hertz))).T @ np.array([1, 1j]) / np.sqrt(np.maximum(hertz, _PINK_FROM_HZ))
    return np.fft.irfft(spectrum, samples)
