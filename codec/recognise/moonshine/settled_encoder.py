"""Moonshine's encoder over a window that moves with the sound: what was heard long enough ago is not encoded again.

A frame sees the whole window, but what it sees of sound a second and a half later hardly changes it. From then on its keys and values
are kept, and a look at the window encodes the newest frames alone, which see all kept ones.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.recognise.moonshine.network import (
    FRAME_SAMPLES,
    PART_SAMPLES,
    PARTS,
    RECEPTIVE_SAMPLES,
    SEEN_PARTS,
    WIDTH,
    Cache,
    EncoderBlock,
    MoonshineDecoder,
    MoonshineEncoder,
    rotations,
)

SETTLED_FRAMES = 60
"""So many frames of 24 ms after a frame, and it is kept as it is."""


class SettledEncoder:
    """One stream. Differs a little from the encoding of a whole window: frames that are kept do not see what comes after them."""

    def __init__(self, encoder: MoonshineEncoder, decoder: MoonshineDecoder) -> None:
        self._encoder, self._decoder = encoder, decoder
        self._at = 0  # sample of the stream with which the window begins
        self._settled = 0  # so many frames are kept
        self._kept: Cache = []  # keys and values of each layer of the encoder
        self._parts = torch.zeros(1, WIDTH, 0)  # the first convolution of the window
        self._heard: Cache = []  # keys and values for each layer of the decoder

    @torch.inference_mode()
    def listen(self, pcm: Tensor, at: int) -> Cache | None:
        """pcm (samples,) in [-1, 1], the window; at: the stream's sample it begins with -> what the decoder listens to; None: too short."""
        if at != self._at:
            self._begin(at)
        before = self._settled
        count = (len(pcm) - RECEPTIVE_SAMPLES) // FRAME_SAMPLES + 1 - before
        if count <= 0:
            return None
        x = self._front(pcm, before, count)
        turn = rotations(torch.arange(before, before + count))
        self._settled = max(before, before + count - SETTLED_FRAMES)
        kept: Cache = []
        for number, block in enumerate(self._encoder.blocks):
            assert isinstance(block, EncoderBlock)
            x, own = block.continued(x, turn, self._kept[number] if self._kept else None)
            kept.append(_until(own, self._settled))
        new = self._decoder.listen(self._encoder.norm(x))
        heard = [_joined(old, own) for old, own in zip(self._heard, new, strict=True)] if self._heard else new
        self._kept, self._heard = kept, [_until(own, self._settled) for own in heard]
        return heard

    def _begin(self, at: int) -> None:
        """A window with another beginning is encoded from its first frame on: frames that remember what was cut off mislead the decoder."""
        self._at, self._settled = at, 0
        self._kept, self._heard = [], []
        self._parts = torch.zeros(1, WIDTH, 0)

    def _front(self, pcm: Tensor, first: int, count: int) -> Tensor:
        """`count` frames from number `first` on -> (1, count, WIDTH); levelled over the whole window, as in training."""
        encoder = self._encoder
        unknown = pcm[self._parts.shape[2] * PART_SAMPLES :]
        if len(unknown) >= encoder.conv1.kernel_size[0]:  # less than that is no part yet
            self._parts = torch.cat((self._parts, torch.tanh(encoder.conv1(unknown[None, None]))), 2)
        deviation, mean = torch.std_mean(self._parts, correction=0)
        norm: nn.GroupNorm = encoder.group_norm
        start = first * PARTS
        parts = (self._parts[:, :, start : start + (count - 1) * PARTS + SEEN_PARTS] - mean) / (deviation.square() + norm.eps).sqrt()
        x = parts * norm.weight[:, None] + norm.bias[:, None]
        return functional.gelu(encoder.conv3(functional.gelu(encoder.conv2(x)))).transpose(1, 2)


def _joined(old: tuple[Tensor, Tensor], new: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Keys and values (batch, heads, frames, HEAD) of earlier frames and of those that follow."""
    return torch.cat((old[0], new[0]), 2), torch.cat((old[1], new[1]), 2)


def _until(pair: tuple[Tensor, Tensor], frames: int) -> tuple[Tensor, Tensor]:
    """The first frames of keys and values."""
    return pair[0][:, :, :frames], pair[1][:, :, :frames]
