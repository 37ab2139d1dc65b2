"""Log-mel features of the recogniser: those of Whisper (arXiv 2212.04356, section 2.2), made streamable.

Whisper clips at the maximum of the whole file minus 8; here the floor is fixed, so that a frame never depends on later sound.
"""

from functools import cache

import torch
from torch import Tensor

WINDOW = 400
HOP = 160
BANDS = 80
LOG_FLOOR = -6.0
"""log10 of the smallest power that is told apart, about 60 dB under a loud voice."""


def log_mel(pcm: Tensor, filters: Tensor) -> Tensor:
    """pcm (batch, WINDOW + (frames - 1) * HOP) float in [-1, 1]; filters (BANDS, WINDOW // 2 + 1) -> (batch, frames, BANDS).

    Frame i sees samples i * HOP .. i * HOP + WINDOW of the input: the caller pads.
    """
    frames: Tensor = pcm.unfold(-1, WINDOW, HOP) * _hann().to(pcm.device)
    power = torch.fft.rfft(frames).abs().square()
    mel: Tensor = power @ filters.T
    return (mel.clamp_min(10.0**LOG_FLOOR).log10() + 2.0) / 4.0


@cache
def _hann() -> Tensor:
    # Kept for good, so it must serve gradients too, whoever asked first.
    with torch.inference_mode(False):
        return torch.hann_window(WINDOW)
