"""Sound in, phone posteriors out, by a `StreamingEncoder` in chunks: the same interface as `codec.recognise.network.PosteriorStream`.

The encoder's frames last 24 ms, the search's 20 ms; posteriors are interpolated between them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from codec.recognise.moonshine.network import (
    FRAME_SAMPLES,
    PART_SAMPLES,
    PART_WINDOW,
    PARTS,
    RECEPTIVE_SAMPLES,
    SEEN_PARTS,
    WIDTH,
    EncoderBlock,
    rotations,
)
from codec.recognise.streaming_encoder import MEMORY_FRAMES, PRIOR_FRAMES, REACH, StreamingEncoder
from codec.units.phones import PHONES
from codec.units.rates import SAMPLE_RATE

ROW_SAMPLES = SAMPLE_RATE // 50
"""A row of posteriors: 20 ms."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ChunkSizes:
    """In frames of 24 ms; context: how far back a chunk sees, a multiple of `chunk`."""

    chunk: int = 7
    look_ahead: int = 3
    context: int = 126


@dataclass
class _Level:
    """Running moments of the first convolution, an e-th forgotten after MEMORY_FRAMES."""

    mean: Tensor
    square: Tensor
    weight: float
    decay: float = field(default=math.exp(-1 / MEMORY_FRAMES))

    def take(self, part: Tensor) -> tuple[Tensor, Tensor]:
        """part (width, PARTS) of one frame -> mean and standard deviation, that frame included."""
        self.mean = self.mean * self.decay + part.mean()
        self.square = self.square * self.decay + part.square().mean()
        self.weight = self.weight * self.decay + 1
        return self.now()

    def now(self) -> tuple[Tensor, Tensor]:
        mean = self.mean / self.weight
        return mean, (self.square / self.weight - mean.square()).clamp_min(1e-6).sqrt()


class EncoderStream:
    """One stream. Equal to `StreamingEncoder.chunked` over the whole sound, but for the level of the newest frames."""

    def __init__(self, network: StreamingEncoder, sizes: ChunkSizes | None = None) -> None:
        self._network, self._sizes = network, sizes or ChunkSizes()
        prior = network.prior
        first = PRIOR_FRAMES
        self._level = _Level(prior[0] * first, (prior[1] + prior[0].square()) * first, first)
        self._pcm = np.zeros(0, np.float32)
        self._parts = torch.zeros(WIDTH, 0)  # levelled, from the next frame on
        self._raw = torch.zeros(WIDTH, 0)  # of a frame that is not whole
        self._frames = torch.zeros(1, 0, WIDTH)
        self._past: list[tuple[Tensor, Tensor] | None] = [None] * len(network.blocks)
        self._before = torch.zeros(1, REACH, WIDTH)
        self._last: Floats | None = None  # probabilities of the newest frame given out
        self._given_frames = self._given_rows = 0
        self.ahead: Floats = np.zeros((0, len(PHONES)), np.float32)
        """Log-posteriors of the rows after those given out last, a first guess: they saw less of what follows."""

    @torch.inference_mode()
    def push(self, pcm: NDArray[np.int16]) -> Floats:
        """pcm (samples,) int16 at 16 kHz -> log-posteriors (rows, phones) that became ready, 20 ms each, in order from time 0."""
        self._pcm = np.concatenate((self._pcm, pcm.astype(np.float32) / 32768.0))
        span = self._sizes.chunk + self._sizes.look_ahead
        rows = []
        wanted = (span - self._frames.shape[1]) * FRAME_SAMPLES + RECEPTIVE_SAMPLES - FRAME_SAMPLES
        while len(self._pcm) + self._known_samples >= wanted:
            self._front(span - self._frames.shape[1])
            rows.append(self._chunk())
            wanted = (span - self._frames.shape[1]) * FRAME_SAMPLES + RECEPTIVE_SAMPLES - FRAME_SAMPLES
        return np.concatenate(rows) if rows else np.zeros((0, len(PHONES)), np.float32)

    def flush(self) -> Floats:
        """The posteriors still inside, for the end of a file: pads with silence."""
        span = self._sizes.chunk + self._sizes.look_ahead
        return self.push(np.zeros((span + 2) * FRAME_SAMPLES, np.int16))

    @property
    def _known_samples(self) -> int:
        """Of the sound that is in `_parts` and `_raw` already, counted from the next frame on."""
        return (self._parts.shape[1] + self._raw.shape[1]) * PART_SAMPLES

    def _front(self, count: int) -> None:
        """So many more frames."""
        network = self._network
        parts = (count - 1) * PARTS + SEEN_PARTS - self._parts.shape[1] - self._raw.shape[1]
        if parts > 0:
            sound = torch.from_numpy(self._pcm[: (parts - 1) * PART_SAMPLES + PART_WINDOW])[None, None]
            self._pcm = self._pcm[parts * PART_SAMPLES :]
            self._raw = torch.cat((self._raw, torch.tanh(network.conv1(sound))[0]), 1)
        while self._raw.shape[1] >= PARTS:
            self._parts = torch.cat((self._parts, self._levelled(self._raw[:, :PARTS], *self._level.take(self._raw[:, :PARTS]))), 1)
            self._raw = self._raw[:, PARTS:]
        # The level of a frame that is not whole is that of the frame before it.
        x = torch.cat((self._parts, self._levelled(self._raw, *self._level.now())), 1)[None, :, : (count - 1) * PARTS + SEEN_PARTS]
        y = functional.gelu(network.conv3(functional.gelu(network.conv2(x)))).transpose(1, 2)
        self._frames = torch.cat((self._frames, y), 1)
        self._parts = self._parts[:, count * PARTS :]

    def _levelled(self, parts: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
        norm = self._network.group_norm
        return (parts - mean) / deviation * norm.weight[:, None] + norm.bias[:, None]

    def _chunk(self) -> Floats:
        """The next chunk with its look-ahead; what is kept for later chunks is of the chunk alone."""
        network, sizes = self._network, self._sizes
        x = self._frames
        self._frames = self._frames[:, sizes.chunk :]
        before = 0 if self._past[0] is None else self._past[0][0].shape[2]
        turn = rotations(torch.arange(before + x.shape[1]))
        for index, block in enumerate(network.blocks):
            assert isinstance(block, EncoderBlock)
            x, (key, value) = block.continued(x, turn, self._past[index])
            first, end = max(0, before + sizes.chunk - sizes.context), before + sizes.chunk
            self._past[index] = key[:, :, first:end], value[:, :, first:end]
        hidden = network.norm(x)
        main, after = hidden[:, : sizes.chunk], hidden[:, sizes.chunk :]
        logits = network.head(
            torch.cat((self._before, main, after, hidden.new_zeros(1, REACH, WIDTH)), 1)[:, : sizes.chunk + sizes.look_ahead + 2 * REACH]
        )
        self._before = main[:, -REACH:]
        return self._rows(torch.softmax(logits[0].float(), -1).numpy())

    def _rows(self, frames: Floats) -> Floats:
        """frames (chunk + look_ahead, phones), probabilities -> rows that lie within the chunk, by interpolation; sets `ahead`."""
        chunk = self._sizes.chunk
        known = frames if self._last is None else np.concatenate((self._last[None], frames))
        first = self._given_frames - (self._last is not None)
        self._last = frames[chunk - 1]
        self._given_frames += chunk
        rows = self._interpolated(known, first, self._given_rows)
        count = sum(_place(self._given_rows + number) <= self._given_frames - 1 for number in range(len(rows)))
        self._given_rows += count
        logs = np.log(np.maximum(rows, 1e-10))
        self.ahead = logs[count:]
        return logs[:count]

    def _interpolated(self, frames: Floats, first: int, row: int) -> Floats:
        """frames from number `first` on -> all rows from `row` on that they reach."""
        last = first + len(frames) - 1
        found = []
        while (place := _place(row)) <= last:
            place = max(place, float(first))
            left = int(place)
            right, share = min(left + 1, last), place - left
            found.append((1 - share) * frames[left - first] + share * frames[right - first])
            row += 1
        return np.array(found, np.float32).reshape(-1, len(PHONES))


def _place(row: int) -> float:
    """The middle of a row, in frames from the middle of what frame 0 sees."""
    return ((row + 0.5) * ROW_SAMPLES - RECEPTIVE_SAMPLES / 2) / FRAME_SAMPLES
