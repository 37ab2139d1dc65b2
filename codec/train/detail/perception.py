"""What a listener would notice between two log-mel spectrograms: the distance inside Whisper's encoder.

Our mel frames (codec.speak.mel) are turned into Whisper's by a small linear map, fitted once on sound of the corpus; gradients flow
through.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.recognise.features import WINDOW
from codec.recognise.features import log_mel as whisper_mel
from codec.speak.mel import log_mel
from codec.train.corpus.packed import Corpus
from codec.train.recogniser.whisper_weights import recogniser_from_whisper
from codec.train.run import bfloat16
from codec.units.rates import FRAME_SAMPLES

BLOCKS = (1, 3)
_REACH = 1


class Perception(nn.Module):
    """Frozen. `forward(said, true, weight)` is the distance."""

    def __init__(self, corpus: Corpus, blocks: tuple[int, ...] = BLOCKS) -> None:
        super().__init__()
        self.whisper = recogniser_from_whisper("base").eval().requires_grad_(False)
        self._blocks = blocks
        self.register_buffer("map", self._fit(corpus), persistent=False)
        self.map: Tensor

    def _fit(self, corpus: Corpus) -> Tensor:
        ours, theirs = [], []
        for index in np.linspace(0, len(corpus) - 1, 40).astype(int):
            pcm = torch.from_numpy(corpus.pcm(int(index)) / np.float32(32768))[None]
            mine = log_mel(pcm)
            padded = functional.pad(pcm, (WINDOW // 2, WINDOW))
            other = whisper_mel(padded[:, : WINDOW + (mine.shape[1] - 1) * FRAME_SAMPLES], self.whisper.filters)
            ours.append(_context(mine)[0])
            theirs.append(other[0])
        x, y = torch.cat(ours).double(), torch.cat(theirs).double()
        ridge = x.T @ x + 1e-2 * len(x) * torch.eye(x.shape[1], dtype=torch.float64)
        found: Tensor = torch.linalg.solve(ridge, x.T @ y).float()
        off = float((x.float() @ found - y.float()).abs().mean())
        print(f"our mel frames give Whisper's within {off:.3f} (of a range of 2)", flush=True)
        return found

    def hidden(self, mel: Tensor) -> list[Tensor]:
        """mel (batch, T, 80) natural log -> outputs of some blocks, and of the last norm."""
        x = self.whisper.convolve(_context(mel) @ self.map)
        x = x + self.whisper.positions[: x.shape[1]]
        kept = []
        for index, block in enumerate(self.whisper.blocks):
            x, _ = block(x, None, None)
            if index in self._blocks:
                kept.append(x)
        return [*kept, self.whisper.norm(x)]

    def forward(self, said: Tensor, true: Tensor, weight: Tensor) -> Tensor:
        """said, true (batch, T, 80); weight (batch, T), 0 beyond the end."""
        with bfloat16(said.device):
            ours = self.hidden(said)
            with torch.no_grad():
                theirs = self.hidden(true)
        pooled = functional.avg_pool1d(weight[:, None], 2, ceil_mode=True)[:, 0, : ours[0].shape[1]] > 0.25
        distances = []
        for x, y in zip(ours, theirs, strict=True):
            a, b = x.float()[pooled], y.float()[pooled]
            spread = b.std(0).clamp_min(1e-3)
            distances.append(functional.smooth_l1_loss(a / spread, b / spread, beta=0.5))
        return torch.stack(distances).mean()


def _context(mel: Tensor) -> Tensor:
    """Each frame with its neighbours and a constant: (batch, T, 80) -> (batch, T, 3 * 80 + 1)."""
    padded = functional.pad(mel, (0, 0, _REACH, _REACH), mode="replicate")
    frames = mel.shape[1]
    around = [padded[:, shift : shift + frames] for shift in range(2 * _REACH + 1)]
    return torch.cat((*around, torch.ones_like(mel[..., :1])), 2)
