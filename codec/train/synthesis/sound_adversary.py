"""What teaches the vocoder beyond spectral distances: an adversary that sees spectrograms of several resolutions.

Multi-resolution discriminator of UnivNet (Jang et al. 2021), least squares GAN (Mao 2017), feature matching (Larsen 2016).
"""

import torch
from torch import Tensor, nn

from codec.train.run import bfloat16, device
from codec.train.synthesis.polish import adversary_loss, deceit_loss

FFT_SIZES = (1024, 512, 256)
POWER = 0.3
"""Of magnitudes, as loudness grows: what is faint counts too."""


class SpectrogramAdversary(nn.Module):
    """One resolution."""

    def __init__(self, size: int, channels: int) -> None:
        super().__init__()
        norm = nn.utils.parametrizations.weight_norm
        self._size = size
        self.layers = nn.ModuleList(
            (
                norm(nn.Conv2d(1, channels, (3, 9), (1, 2), (1, 4))),
                norm(nn.Conv2d(channels, channels, (3, 9), (1, 2), (1, 4))),
                norm(nn.Conv2d(channels, 2 * channels, (3, 9), (1, 2), (1, 4))),
                norm(nn.Conv2d(2 * channels, 2 * channels, (5, 5), (2, 2), (2, 2))),
                norm(nn.Conv2d(2 * channels, 1, 3, 1, 1)),
            )
        )
        self.register_buffer("window", torch.hann_window(size), persistent=False)
        self.window: Tensor

    def forward(self, sound: Tensor) -> list[Tensor]:
        """(batch, samples) -> features of each layer, the verdict last."""
        magnitude = torch.stft(sound, self._size, self._size // 4, window=self.window, return_complex=True, center=False).abs()
        x = (magnitude.clamp_min(1e-4) ** POWER).mT[:, None]
        found = []
        with bfloat16(sound.device):
            for layer in self.layers[:-1]:
                x = nn.functional.leaky_relu(layer(x), 0.2)
                found.append(x)
            return [*found, self.layers[-1](x)]


class SoundAdversary:
    """All resolutions, and their optimiser."""

    def __init__(self, rate: float, channels: int = 16) -> None:
        self.networks = nn.ModuleList(SpectrogramAdversary(size, channels) for size in FFT_SIZES).to(device())
        self.optimizer = torch.optim.AdamW(self.networks.parameters(), lr=rate, betas=(0.8, 0.99))

    def teach(self, said: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, samples) both. One step of the adversary; then what it says of `said`: deceit and feature matching."""
        lesson = torch.stack([adversary_loss(network(true), network(said.detach())) for network in self.networks]).float().mean()
        self.optimizer.zero_grad()
        torch.autograd.backward(lesson)
        self.optimizer.step()
        deceits, matchings = [], []
        for network in self.networks:
            with torch.no_grad():
                real = network(true)
            deceit, matching = deceit_loss(real, network(said))
            deceits.append(deceit.float())
            matchings.append(matching.float())
        return torch.stack(deceits).mean(), torch.stack(matchings).mean()
