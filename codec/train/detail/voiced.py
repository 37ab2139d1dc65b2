"""Log-mel frames as a listener gets them: through the vocoder, which adds the grain of noise and the lines of the pitch."""

import torch
from torch import Tensor, nn

from codec.speak.mel import log_mel
from codec.speak.synthesiser import TokenBatch
from codec.speak.vocoder import LAG_SAMPLES, NOISE_SAMPLES, Vocoder
from codec.units.weights import load_weights
from codec.units.weights_files import weights_directory

_SEMITONES = 7
"""Place of the pitch among the numbers that `codec.speak.token_features` gives of a frame: semitones over _SCALE."""
_SCALE = 6
_BEYOND = 3
"""Frames after the end, so that the last window is full."""


class Voiced(nn.Module):
    """The shipped vocoder, frozen; gradients flow through it."""

    def __init__(self) -> None:
        super().__init__()
        self.vocoder = Vocoder.from_weights(load_weights(weights_directory() / "vocoder.safetensors")[0]).requires_grad_(False)
        self.vocoder.train()  # or cuDNN's GRU gives no gradients; nothing in it is random

    def forward(self, mel: Tensor, f0: Tensor, spoken: Tensor) -> Tensor:
        """mel (batch, T, 80); f0 (batch, T) Hz, 0 where unvoiced; spoken (batch, T) bool, False beyond the end of a row -> mel of the sound
        (batch, T, 80)."""
        last = (spoken.sum(1, keepdim=True) - 1).clamp_min(0)
        place = torch.arange(mel.shape[1] + _BEYOND, device=mel.device)[None].minimum(last)
        mel = torch.gather(mel, 1, place[..., None].expand(-1, -1, mel.shape[2]))
        f0 = torch.gather(f0, 1, place)
        state = self.vocoder.stream(len(mel))
        state.phase = torch.rand(len(mel), dtype=torch.float64, device=mel.device)
        state.noise_at = torch.randint(NOISE_SAMPLES, (len(mel),), device=mel.device)
        sound = self.vocoder(state, mel, f0)[:, LAG_SAMPLES:]
        return log_mel(nn.functional.pad(sound, (0, LAG_SAMPLES)))[:, : spoken.shape[1]]


def pitch(batch: TokenBatch, voicing: Tensor) -> Tensor:
    """F0 in Hz (batch, T) as the receiver has it, 0 where it speaks without voice; voicing (batch, T): the synthesiser's logit."""
    mean_f0 = 150 * 2 ** (batch.voice[:, -1:] / 2)
    f0 = mean_f0 * 2 ** (batch.frames[..., _SEMITONES] * _SCALE / 12)
    return torch.where(voicing > 0, f0, 0.0)
