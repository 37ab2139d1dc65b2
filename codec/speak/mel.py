"""Log-mel features of the synthesis side: what the synthesiser predicts and the vocoder speaks.

Frame t is centred on sample (t + 0.5) * 160 and reaches 256 samples to either side, so a frame needs 176 samples
(11 ms) after its own end. Amplitude (not power) mel, Slaney scale and area normalisation, natural logarithm.
"""

from functools import cache

import numpy as np
import torch
from torch import Tensor

from codec.units.rates import FRAME_SAMPLES, SAMPLE_RATE

MEL_BANDS = 80
WINDOW = 512
N_FFT = 1024
FLOOR = 1e-4
LOG_PER_DB = float(np.log(10) / 20)
"""A change of one decibel moves every log-mel value by this much."""


def _hz_to_mel(hz: np.ndarray) -> np.ndarray:
    return np.where(hz < 1000, hz * 3 / 200, 15 + np.log(np.maximum(hz, 1e-9) / 1000) * 27 / np.log(6.4))


def _mel_to_hz(mel: np.ndarray) -> np.ndarray:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))


def band_centres() -> np.ndarray:
    """Centre frequencies of the bands with the two outer edges: (MEL_BANDS + 2,) Hz."""
    top = _hz_to_mel(np.array(SAMPLE_RATE / 2.0))
    return np.asarray(_mel_to_hz(np.linspace(0, float(top), MEL_BANDS + 2)))


@cache
def mel_filters() -> Tensor:
    """Triangular filters (MEL_BANDS, N_FFT // 2 + 1) on the Slaney scale; each is a weighted mean over its bins."""
    edges = band_centres()
    bins = np.arange(N_FFT // 2 + 1) * SAMPLE_RATE / N_FFT
    rise = (bins[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins[None]) / (edges[2:] - edges[1:-1])[:, None]
    weights = np.maximum(0, np.minimum(rise, fall))
    weights /= weights.sum(axis=1, keepdims=True)
    # Kept for good, so it must serve gradients too, whoever asked first.
    with torch.inference_mode(False):
        return torch.from_numpy(weights.astype(np.float32))


@cache
def _hann() -> Tensor:
    with torch.inference_mode(False):
        return torch.hann_window(WINDOW)


def log_mel(pcm: Tensor) -> Tensor:
    """Log-mel frames of whole utterances.

    pcm: (..., samples) float32, full scale 1. Returns (..., samples // 160, 80) float32, not normalised:
    about -9.2 (floor) to 5.
    """
    frames = pcm.shape[-1] // FRAME_SAMPLES
    lead = WINDOW // 2 - FRAME_SAMPLES // 2
    padded = torch.nn.functional.pad(pcm, (lead, WINDOW))
    windows = padded.unfold(-1, WINDOW, FRAME_SAMPLES)[..., :frames, :]
    magnitude = torch.fft.rfft(windows * _hann().to(pcm.device), N_FFT).abs()
    mel = magnitude @ mel_filters().to(pcm.device).T
    return torch.log(mel.clamp_min(FLOOR))
