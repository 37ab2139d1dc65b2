"""Moonshine's encoder made streaming: it works in chunks, with a look-ahead that may be chosen, and says phones as well.

Attention works in chunks with copied look-ahead (Emformer, arXiv 2010.10759), as in `codec.recognise.network`; sizes of chunk, look-ahead
and context are free, so that one network serves whoever waits and whoever does not. The level of the sound is taken from what was heard
so far instead of the whole recording.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.recognise.moonshine.network import PARTS, WIDTH, MoonshineEncoder, rotations
from codec.units.phones import PHONES

REACH = 2
"""Frames on either side that the phone head sees, where they are there."""
HEAD_WIDTH = 256

MEMORY_FRAMES = 125.0
"""Frames after which an e-th of the level is still remembered: 3 s."""
PRIOR_FRAMES = 20.0
"""So many frames weighs the level that is expected before anything was heard."""


class PhoneHead(nn.Module):
    """Frames -> phone logits."""

    def __init__(self) -> None:
        super().__init__()
        self.around = nn.Conv1d(WIDTH, HEAD_WIDTH, 2 * REACH + 1)
        self.out = nn.Linear(HEAD_WIDTH, len(PHONES))

    def forward(self, frames: Tensor) -> Tensor:
        """frames (batch, REACH + n + REACH, WIDTH) -> logits (batch, n, phones)."""
        logits: Tensor = self.out(functional.gelu(self.around(frames.transpose(1, 2)).transpose(1, 2)))
        return logits


class StreamingEncoder(MoonshineEncoder):
    """Begins as Moonshine's encoder; `codec.train.streaming_encoder` teaches it to work in chunks."""

    prior: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.head = PhoneHead()
        self.register_buffer("prior", torch.tensor([0.0, 0.05]))
        """Mean and variance of the first convolution's output that are expected."""

    def levelled_front(self, pcm: Tensor) -> Tensor:
        """As `front`, levelled by what was heard until each frame."""
        x = torch.tanh(self.conv1(pcm[:, None]))
        frames = x.shape[2] // PARTS
        with torch.autocast(x.device.type, enabled=False):
            parts = x[:, :, : frames * PARTS].float().view(x.shape[0], -1, frames, PARTS)
            moments = torch.stack((parts.mean((1, 3)), parts.square().mean((1, 3))))
            place = torch.arange(frames, device=x.device)
            age = place[:, None] - place[None, :]
            weight = torch.where(age >= 0, torch.exp(-age.clamp_min(0) / MEMORY_FRAMES), 0.0)
            prior = PRIOR_FRAMES * torch.exp(-(place + 1) / MEMORY_FRAMES)
            expected = torch.stack((self.prior[0], self.prior[1] + self.prior[0].square()))
            mean, square = (moments @ weight.T + prior * expected[:, None, None]) / (weight.sum(1) + prior)
            deviation = (square - mean.square()).clamp_min(1e-6).sqrt()
        mean, deviation = (functional.pad(each, (0, 1), mode="replicate").repeat_interleave(PARTS, 1) for each in (mean, deviation))
        mean, deviation = (each[:, None, : x.shape[2]] for each in (mean, deviation))
        x = (x - mean) / deviation * self.group_norm.weight[:, None] + self.group_norm.bias[:, None]
        return functional.gelu(self.conv3(functional.gelu(self.conv2(x)))).transpose(1, 2)

    def chunked(self, pcm: Tensor, chunk: int, look_ahead: int, context: int, keep: Sequence[int] = ()) -> tuple[Tensor, list[Tensor]]:
        """pcm (batch, samples) -> (hidden (batch, chunks, chunk + look_ahead, WIDTH), outputs of the blocks in `keep`, in the same shape).

        Sizes in frames; context: how far back a chunk sees, rounded up to whole chunks. Whole chunks only; the rest is look-ahead.
        """
        x = self.levelled_front(pcm)
        chunks, span = (x.shape[1] - look_ahead) // chunk, chunk + look_ahead
        x = x.unfold(1, span, chunk)[:, :chunks].transpose(2, 3).flatten(1, 2)
        place = torch.arange(chunks * span, device=x.device)
        number, within = place // span, place % span
        age = number[:, None] - number[None, :]
        mask = (age >= 0) & (age <= -(-context // chunk)) & ((within[None, :] < chunk) | (age == 0))
        turn = rotations(number * chunk + within)
        kept = []
        for index, block in enumerate(self.blocks):
            x = block(x, turn, mask)
            if index in keep:
                kept.append(x.unflatten(1, (chunks, span)))
        return self.norm(x).unflatten(1, (chunks, span)), kept

    def classify(self, hidden: Tensor, chunk: int) -> Tensor:
        """What `chunked` gives -> phone logits (batch, chunks * chunk, phones)."""
        main = hidden[:, :, :chunk]
        before = functional.pad(main[:, :-1, -REACH:], (0, 0, REACH - min(REACH, chunk), 0, 1, 0))
        after = hidden[:, :, chunk : chunk + REACH]
        after = functional.pad(after, (0, 0, 0, REACH - after.shape[2]))
        logits: Tensor = self.head(torch.cat((before, main, after), 2).flatten(0, 1)).unflatten(0, hidden.shape[:2]).flatten(1, 2)
        return logits
