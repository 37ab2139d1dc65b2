"""What synthesiser and detail layer are taught beyond the mean: to look like speech (adversary) and to sound like its speaker (GE2E)."""

import numpy as np
import torch
from torch import Tensor, nn

from codec.speak.mel import LOG_PER_DB, N_FFT, mel_filters
from codec.speak.synthesiser import TokenBatch
from codec.train.run import bfloat16, device
from codec.train.synthesis.token_data import Target
from codec.units.rates import SAMPLE_RATE
from codec.voice.embedding import VoiceEncoder
from codec.voice.embedding import mel_filters as voice_filters

VOICE_FRAMES = 160
"""Frames of one GE2E window."""
_WINDOW_GAIN = 0.367
"""Power of GE2E's front end over ours, fitted on real speech: cosine .97 between both ways to an embedding."""


def _band_matrix() -> Tensor:
    """Power in our 80 bands -> power in GE2E's 40: (80, 40)."""
    theirs, ours = voice_filters(), mel_filters().numpy()
    fine = np.arange(N_FFT // 2 + 1) * SAMPLE_RATE / N_FFT
    coarse = np.linspace(0, SAMPLE_RATE / 2, theirs.shape[1])
    resampled = np.stack([np.interp(fine, coarse, row) for row in theirs])
    # The power of a bin is taken to be the mean of the bands that see it.
    share = ours / np.maximum(ours.sum(axis=0, keepdims=True), 1e-9)
    return torch.from_numpy((_WINDOW_GAIN * resampled @ share.T).T.astype(np.float32))


class VoiceLoss(nn.Module):
    """How far predicted frames are from their speaker: GE2E, frozen, read straight from log-mel frames.

    Wan et al. 2018. Its 40 bands of power from 25 ms windows are computed from our 80 bands of amplitude from 32 ms.
    """

    bands: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.encoder = VoiceEncoder.load().requires_grad_(False)
        self.register_buffer("bands", _band_matrix())

    def embed(self, mel: Tensor) -> Tensor:
        """mel (batch, VOICE_FRAMES, 80) natural log -> (batch, 256) of unit length."""
        out: Tensor = self.encoder(torch.exp(2 * mel.clamp_max(6)) @ self.bands)
        return out

    def forward(self, said: Tensor, true: Tensor, embedding: Tensor) -> Tensor:
        """1 - cosine to the speaker's embedding (batch, 256), and to what the true frames give; mels of one window each."""
        heard = self.embed(said)
        with torch.no_grad():
            should = self.embed(true)
        return 1 - 0.5 * ((heard * embedding).sum(1) + (heard * should).sum(1)).mean()


class Adversary(nn.Module):
    """Tells true from predicted mel patches (least squares GAN, Mao 2017), level taken out."""

    def __init__(self, channels: int = 24) -> None:
        super().__init__()
        norm = nn.utils.parametrizations.weight_norm
        self.layers = nn.ModuleList(
            (
                norm(nn.Conv2d(1, channels, (3, 5), (1, 2), (1, 2))),
                norm(nn.Conv2d(channels, channels, (5, 5), (2, 2), (2, 2))),
                norm(nn.Conv2d(channels, 2 * channels, (3, 5), (2, 2), (1, 2))),
                norm(nn.Conv2d(2 * channels, 2 * channels, (3, 3), 1, 1)),
                norm(nn.Conv2d(2 * channels, 1, (3, 3), 1, 1)),
            )
        )

    def forward(self, mel: Tensor, level: Tensor, weight: Tensor) -> list[Tensor]:
        """mel (batch, T, 80), level (batch, T) dB, weight (batch, T) -> features of each layer, the verdict last."""
        x = (((mel - LOG_PER_DB * level[..., None]) / 2) * (weight[..., None] > 0))[:, None]
        found = []
        for layer in self.layers[:-1]:
            x = nn.functional.leaky_relu(layer(x), 0.2)
            found.append(x)
        return [*found, self.layers[-1](x)]


def adversary_loss(real: list[Tensor], false: list[Tensor]) -> Tensor:
    return ((real[-1] - 1) ** 2).mean() + (false[-1] ** 2).mean()


def deceit_loss(real: list[Tensor], false: list[Tensor]) -> tuple[Tensor, Tensor]:
    """How far the adversary is from being deceived; mean difference of what its layers see (feature matching)."""
    matching = torch.stack([(a.detach() - b).abs().mean() for a, b in zip(real[:-1], false[:-1], strict=True)])
    return ((false[-1] - 1) ** 2).mean(), matching.mean()


class Polish:
    """The second half of training: an adversary that learns along, and the likeness to the speaker."""

    def __init__(self, rate: float, seed: int) -> None:
        self.adversary = Adversary().to(device())
        self.optimizer = torch.optim.AdamW(self.adversary.parameters(), lr=rate, betas=(0.5, 0.9))
        self.voice_loss = VoiceLoss().to(device())
        self._rng = np.random.default_rng(seed)

    def likeness(self, mel: Tensor, target: Target) -> Tensor:
        """Voice loss on one window of each example that is long enough and knows its speaker."""
        lengths = (target.weight > 0).sum(1)
        rows = [r for r in range(len(mel)) if lengths[r] >= VOICE_FRAMES and target.speaker[r].any()]
        if not rows:
            return mel.new_zeros(())
        starts = [int(self._rng.integers(int(lengths[r]) - VOICE_FRAMES + 1)) for r in rows]
        said = torch.stack([mel[r, at : at + VOICE_FRAMES] for r, at in zip(rows, starts, strict=True)])
        true = torch.stack([target.mel[r, at : at + VOICE_FRAMES] for r, at in zip(rows, starts, strict=True)])
        loss: Tensor = self.voice_loss(said, true, target.speaker[rows])
        return loss

    def teach(self, mel: Tensor, batch: TokenBatch, target: Target) -> tuple[Tensor, Tensor]:
        """One step of the adversary; then what it says of the predicted mel: deceit and feature matching."""
        with bfloat16(mel.device):
            real = self.adversary(target.mel, batch.level, target.weight)
            false = self.adversary(mel.detach(), batch.level, target.weight)
            lesson = adversary_loss(real, false)
        self.optimizer.zero_grad()
        torch.autograd.backward(lesson.float())
        self.optimizer.step()
        with bfloat16(mel.device):
            false = self.adversary(mel, batch.level, target.weight)
            deceit, matching = deceit_loss(real, false)
        return deceit.float(), matching.float()
