"""GE2E's view of sound that networks made, open to gradients: the same front end as `codec.voice`, in torch."""

import numpy as np
import torch
from torch import Tensor

from codec.voice import FFT, HOP, WINDOW_FRAMES, VoiceEncoder, mel_filters


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
