"""The GE2E embedding of synthesised sound, differentiable: the same front end as `codec.voice.embedding`, in torch."""

import numpy as np
import torch
from torch import Tensor

from codec.voice.embedding import FFT, HOP, WINDOW_FRAMES, VoiceEncoder, mel_filters

KNOTS, TILT, NOISE = 12, 0.35, 0.03
"""Of the random lines: points of the equaliser from 0 to 8 kHz, their deviation (natural log: 3 dB), and noise (-30 dB)."""


def through_a_line(waves: Tensor, rng: np.random.Generator) -> Tensor:
    """Each wave (batch, samples) with a random equaliser and noise: the likeness of a voice must not depend on one microphone."""
    spectrum = torch.fft.rfft(waves)
    knots = torch.from_numpy(rng.normal(0, TILT, (len(waves), 1, KNOTS)).astype(np.float32))
    gains = torch.nn.functional.interpolate(knots, spectrum.shape[1], mode="linear", align_corners=True)[:, 0]
    equalised = torch.fft.irfft(spectrum * torch.exp(gains), waves.shape[1])
    level = waves.detach().square().mean(1, keepdim=True).sqrt()
    noise = torch.from_numpy(rng.normal(0, NOISE, waves.shape).astype(np.float32))
    heard: Tensor = equalised + noise * level
    return heard


class HeardVoice:
    """Embeds waves. encoder: whose weights get no gradients."""

    def __init__(self, encoder: VoiceEncoder) -> None:
        self._encoder = encoder
        self._window = torch.hann_window(FFT)
        self._filters = torch.from_numpy(np.ascontiguousarray(mel_filters().T))

    def embed(self, windows: Tensor) -> Tensor:
        """windows (batch, WINDOW_SAMPLES) of sound, -1..1 -> (batch, 256), unit length, gradients included."""
        power = torch.stft(windows, FFT, HOP, window=self._window, center=True, pad_mode="constant", return_complex=True).abs().square()
        embedded: Tensor = self._encoder(power.transpose(1, 2)[:, :WINDOW_FRAMES] @ self._filters)
        return embedded
