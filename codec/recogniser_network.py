"""The recogniser's network: a Whisper encoder made streaming, giving phone posteriors every 20 ms.

Attention is chunk-causal: a frame sees its own chunk and a fixed number of earlier ones, so a chunk is computed once, with the keys and
values of the earlier chunks kept. The output at frame t speaks of frame t - label_delay.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from codec.phones import PHONES
from codec.recogniser_features import BANDS, HOP, WINDOW, log_mel

FRAME_SAMPLES = 2 * HOP
"""One output frame: 20 ms."""

_POSITIONS = 1500
_HEAD = 64
"""Width of an attention head, in every Whisper."""


@dataclass(frozen=True)
class RecogniserConfig:
    """Sizes of the network. chunk, context and label_delay are in frames of 20 ms; context is a multiple of chunk."""

    width: int = 384
    layers: int = 4
    chunk: int = 8
    context: int = 96
    label_delay: int = 4


def _sinusoids(length: int, width: int) -> Tensor:
    """Whisper's position encodings: sines, then cosines, of geometrically spaced frequencies; (length, width)."""
    frequencies = torch.exp(-math.log(10000.0) / (width // 2 - 1) * torch.arange(width // 2))
    angles = torch.arange(length)[:, None] * frequencies
    return torch.cat((angles.sin(), angles.cos()), 1)


class _Block(nn.Module):
    """Pre-norm transformer layer; `past` holds keys and values of the context."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm_ffn = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: Tensor, mask: Tensor | None, past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """x (batch, frames, width); mask (frames, keys) true where seen, None = all -> (y, keys and values incl. past)."""
        batch, frames, width = x.shape
        query, key, value = self.qkv(self.norm_attention(x)).view(batch, frames, 3, -1, min(_HEAD, width)).permute(2, 0, 3, 1, 4)
        if past is not None:
            key, value = torch.cat((past[0], key), 2), torch.cat((past[1], value), 2)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = x + self.out(seen.transpose(1, 2).reshape(batch, frames, width))
        x = x + self.down(functional.gelu(self.up(self.norm_ffn(x))))
        return x, (key, value)


class RecogniserNetwork(nn.Module):
    """Whisper encoder with chunk-causal attention and a framewise phone head."""

    filters: Tensor
    positions: Tensor

    def __init__(self, config: RecogniserConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or RecogniserConfig()
        self.conv1 = nn.Conv1d(BANDS, config.width, 3, padding=1)
        self.conv2 = nn.Conv1d(config.width, config.width, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(_Block(config.width) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, len(PHONES))
        self.register_buffer("filters", torch.zeros(BANDS, WINDOW // 2 + 1))
        self.register_buffer("positions", _sinusoids(_POSITIONS, config.width), persistent=False)

    def metadata(self) -> dict[str, str]:
        """The configuration as safetensors metadata; `from_metadata` reads it back."""
        return {key: str(value) for key, value in asdict(self.config).items()}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> "RecogniserNetwork":
        """An empty network of the sizes in the metadata. Raises KeyError, ValueError."""
        return cls(RecogniserConfig(**{key: int(metadata[key]) for key in asdict(RecogniserConfig())}))

    def convolve(self, mel: Tensor) -> Tensor:
        """mel (batch, 2 * frames, BANDS) -> (batch, frames, width), zero-padded at both ends."""
        x = functional.gelu(self.conv1(mel.transpose(1, 2)))
        return functional.gelu(self.conv2(x)).transpose(1, 2)

    def chunk_mask(self, frames: int) -> Tensor:
        """(frames, frames), true where a query (row) sees a key (column)."""
        chunk = torch.arange(frames, device=self.positions.device) // self.config.chunk
        age = chunk[:, None] - chunk[None, :]
        return (age >= 0) & (age <= self.config.context // self.config.chunk)

    def encode(self, mel: Tensor, offset: int = 0) -> Tensor:
        """mel (batch, 2 * frames, BANDS), all chunks at once as in training -> hidden (batch, frames, width)."""
        x = self.convolve(mel)
        frames = x.shape[1]
        x = x + self.positions[offset : offset + frames]
        mask = self.chunk_mask(frames)
        for block in self.blocks:
            x, _ = block(x, mask, None)
        normed: Tensor = self.norm(x)
        return normed

    def forward(self, mel: Tensor, offset: int = 0) -> Tensor:
        """mel (batch, 2 * frames, BANDS) -> phone log-posteriors (batch, frames, phones), delayed by `label_delay`."""
        return functional.log_softmax(self.head(self.encode(mel, offset)).float(), -1)

    def stream(self) -> "PosteriorStream":
        """A new stream over this network, with its state outside the module."""
        return PosteriorStream(self)


@dataclass
class _StreamState:
    pcm: NDArray[np.float32]  # not yet framed, starting WINDOW // 2 before the next mel frame's centre
    mel: Tensor  # (1, frames, BANDS) not yet convolved, one frame of left context first
    hidden: list[Tensor] = field(default_factory=list)  # convolved frames of the context, for the change of positions
    past: list[tuple[Tensor, Tensor] | None] = field(default_factory=list)
    position: int = 0


class PosteriorStream:
    """Feeds sound of any length through a `RecogniserNetwork`, chunk by chunk; equal to one `forward` over the whole sound."""

    def __init__(self, network: RecogniserNetwork) -> None:
        self._network = network
        self._state = _StreamState(pcm=np.zeros(WINDOW // 2, np.float32), mel=torch.zeros(1, 0, BANDS), past=[None] * network.config.layers)
        self._conv1_left: Tensor | None = None
        self._skip = network.config.label_delay

    @torch.inference_mode()
    def push(self, pcm: NDArray[np.int16]) -> NDArray[np.float32]:
        """pcm (samples,) int16 at 16 kHz -> log-posteriors (frames, phones) that became ready, 20 ms each, in order from time 0."""
        state = self._state
        state.pcm = np.concatenate((state.pcm, pcm.astype(np.float32) / 32768.0))
        self._frame()
        ready = []
        while (hidden := self._convolve_chunk()) is not None:
            ready.append(self._attend(hidden))
        if not ready:
            return np.zeros((0, len(PHONES)), np.float32)
        posteriors = np.concatenate(ready)
        skipped = min(self._skip, len(posteriors))
        self._skip -= skipped
        return posteriors[skipped:]

    def flush(self) -> NDArray[np.float32]:
        """The posteriors still inside, for the end of a file: pads with silence."""
        config = self._network.config
        return self.push(np.zeros((config.chunk + config.label_delay + 2) * FRAME_SAMPLES, np.int16))

    def _frame(self) -> None:
        state = self._state
        count = (len(state.pcm) - WINDOW) // HOP + 1
        if count <= 0:
            return
        window = torch.from_numpy(state.pcm[: WINDOW + (count - 1) * HOP])[None]
        state.mel = torch.cat((state.mel, log_mel(window, self._network.filters)), 1)
        state.pcm = state.pcm[count * HOP :]

    def _convolve_chunk(self) -> Tensor | None:
        """The next chunk after both convolutions, or None; each keeps the frames that its kernel still needs."""
        network, state = self._network, self._state
        chunk = network.config.chunk
        first = self._conv1_left is None
        # conv2 frame j needs conv1 frames 2j-1..2j+1, and those need mel frames 2j-2..2j+2.
        if state.mel.shape[1] < 2 * chunk + (1 if first else 2):
            return None
        mel = state.mel[:, : 2 * chunk + (1 if first else 2)].transpose(1, 2)
        if first:
            mel = functional.pad(mel, (1, 0))
        x = functional.gelu(functional.conv1d(mel, network.conv1.weight, network.conv1.bias))
        left = torch.zeros_like(x[..., :1]) if self._conv1_left is None else self._conv1_left
        x = torch.cat((left, x), 2)
        self._conv1_left = x[..., -1:]
        state.mel = state.mel[:, 2 * chunk - (1 if first else 0) :]
        y = functional.gelu(functional.conv1d(x, network.conv2.weight, network.conv2.bias, stride=2))
        return y.transpose(1, 2)

    def _attend(self, hidden: Tensor) -> NDArray[np.float32]:
        network, state = self._network, self._state
        config = network.config
        kept = config.context // config.chunk
        if state.position + config.chunk > _POSITIONS:
            self._restart_positions()
        state.hidden = [*state.hidden, hidden][-kept:]
        return torch.log_softmax(network.head(network.norm(self._layers(hidden))), -1)[0].numpy()

    def _layers(self, hidden: Tensor) -> Tensor:
        network, state = self._network, self._state
        context = network.config.context
        x = hidden + network.positions[state.position : state.position + hidden.shape[1]]
        for index, block in enumerate(network.blocks):
            x, (key, value) = block(x, None, state.past[index])
            state.past[index] = (key[:, :, -context:], value[:, :, -context:])
        state.position += hidden.shape[1]
        return x

    def _restart_positions(self) -> None:
        """Whisper has positions for 30 s: begin again at 0 by computing the context anew."""
        state = self._state
        state.position = 0
        state.past = [None] * self._network.config.layers
        for hidden in state.hidden:
            self._layers(hidden)
