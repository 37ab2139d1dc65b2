"""The recogniser's network: a Whisper encoder made streaming, giving phone posteriors every 20 ms.

Attention works in chunks with copied look-ahead (Emformer, arXiv 2010.10759): a frame sees its own chunk, the few frames after the
chunk, and the chunks before it. The frames looked ahead at are computed for this chunk alone, and again as part of the next one, so the
look-ahead does not grow from layer to layer; keys and values of earlier chunks are kept.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from codec.recognise.features import BANDS, HOP, WINDOW, log_mel
from codec.recognise.int8 import Int8Conv1d, to_int8
from codec.units.convolution import convolve
from codec.units.phones import PHONES

FRAME_SAMPLES = 2 * HOP
"""One output frame: 20 ms."""

REACH = 2
"""Frames on either side that the phone head sees."""
HEAD_WIDTH = 256

_POSITIONS = 1500
_HEAD = 64
"""Width of an attention head, in every Whisper."""


@dataclass(frozen=True)
class RecogniserConfig:
    """Sizes of the network. chunk, look_ahead and context are in frames of 20 ms; context is a multiple of chunk."""

    width: int = 512
    layers: int = 6
    chunk: int = 8
    look_ahead: int = 12
    context: int = 240

    @property
    def step(self) -> int:
        """Frames that the convolutions take at once: a chunk and a look-ahead are whole multiples of it."""
        return math.gcd(self.chunk, self.look_ahead)


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


class PhoneHead(nn.Module):
    """Normed frames -> phone logits, with REACH frames seen on either side."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.around = nn.Conv1d(width, HEAD_WIDTH, 2 * REACH + 1)
        self.out = nn.Linear(HEAD_WIDTH, len(PHONES))

    def forward(self, frames: Tensor) -> Tensor:
        """frames (batch, REACH + n + REACH, width) -> logits (batch, n, phones)."""
        logits: Tensor = self.out(functional.gelu(convolve(self.around, frames.transpose(1, 2)).transpose(1, 2)))
        return logits


class RecogniserNetwork(nn.Module):
    """Whisper encoder with chunked attention and a phone head."""

    filters: Tensor
    positions: Tensor

    def __init__(self, config: RecogniserConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or RecogniserConfig()
        if config.look_ahead < REACH:
            raise ValueError(f"look_ahead is at least {REACH} frames, got {config.look_ahead}")
        self.conv1 = nn.Conv1d(BANDS, config.width, 3)
        self.conv2: nn.Conv1d | Int8Conv1d = nn.Conv1d(config.width, config.width, 3, stride=2)
        self.blocks = nn.ModuleList(_Block(config.width) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.head = PhoneHead(config.width)
        self.register_buffer("filters", torch.zeros(BANDS, WINDOW // 2 + 1))
        self.register_buffer("positions", _sinusoids(_POSITIONS, config.width), persistent=False)

    def metadata(self) -> dict[str, str]:
        """The configuration as safetensors metadata; `from_metadata` reads it back."""
        return {key: str(value) for key, value in asdict(self.config).items()}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> "RecogniserNetwork":
        """An empty network of the sizes in the metadata. Raises KeyError, ValueError."""
        return cls(RecogniserConfig(**{key: int(metadata[key]) for key in asdict(RecogniserConfig())}))

    def use_int8(self) -> None:
        """Compute what takes the most time in int8, from now on: to recognise with, not to train."""
        to_int8(self.blocks)
        if isinstance(self.conv2, nn.Conv1d):
            self.conv2 = Int8Conv1d(self.conv2)

    def convolve(self, mel: Tensor) -> Tensor:
        """mel (batch, 2 * frames, BANDS) -> (batch, frames, width), zero-padded at both ends."""
        x = functional.gelu(convolve(self.conv1, functional.pad(mel.transpose(1, 2), (1, 1))))
        return functional.gelu(self.conv2(functional.pad(x, (1, 1)))).transpose(1, 2)

    def chunk_mask(self, chunks: int) -> Tensor:
        """(chunks * span, the same), span = chunk + look_ahead: true where a query (row) sees a key (column)."""
        config = self.config
        span = config.chunk + config.look_ahead
        place = torch.arange(chunks * span, device=self.positions.device)
        chunk, copied = place // span, place % span >= config.chunk
        age = chunk[:, None] - chunk[None, :]
        return (age >= 0) & (age <= config.context // config.chunk) & (~copied[None, :] | (age == 0))

    def encode(self, mel: Tensor, offset: int = 0, keep: Sequence[int] = ()) -> tuple[Tensor, list[Tensor]]:
        """mel (batch, 2 * frames, BANDS), all chunks at once as in training; frames beyond the last whole chunk serve as look-ahead.

        -> (hidden (batch, chunks, chunk + look_ahead, width), the outputs of the blocks in `keep`, in the same shape).
        """
        config = self.config
        x = self.convolve(mel)
        x = x + self.positions[offset : offset + x.shape[1]]
        chunks = (x.shape[1] - config.look_ahead) // config.chunk
        span = config.chunk + config.look_ahead
        x = x.unfold(1, span, config.chunk)[:, :chunks].transpose(2, 3).flatten(1, 2)
        mask = self.chunk_mask(chunks)
        kept = []
        for index, block in enumerate(self.blocks):
            x, _ = block(x, mask, None)
            if index in keep:
                kept.append(x.unflatten(1, (chunks, span)))
        return self.norm(x).unflatten(1, (chunks, span)), kept

    def classify(self, hidden: Tensor) -> Tensor:
        """What `encode` gives -> phone logits (batch, chunks * chunk, phones)."""
        config = self.config
        main = hidden[:, :, : config.chunk]
        before = functional.pad(main[:, :-1, -REACH:], (0, 0, 0, 0, 1, 0))
        frames = torch.cat((before, main, hidden[:, :, config.chunk : config.chunk + REACH]), 2)
        logits: Tensor = self.head(frames.flatten(0, 1)).unflatten(0, hidden.shape[:2]).flatten(1, 2)
        return logits

    def forward(self, mel: Tensor, offset: int = 0) -> Tensor:
        """mel (batch, 2 * (frames + look_ahead), BANDS) -> phone log-posteriors (batch, frames, phones); frames: whole chunks."""
        return functional.log_softmax(self.classify(self.encode(mel, offset)[0]).float(), -1)

    def stream(self) -> "PosteriorStream":
        """A new stream over this network, with its state outside the module."""
        return PosteriorStream(self)


@dataclass
class _Context:
    """Keys and values of the chunks before, of each layer, and the position of the next chunk."""

    past: list[tuple[Tensor, Tensor] | None]
    position: int = 0


@dataclass
class _StreamState:
    pcm: NDArray[np.float32]  # not yet framed, starting WINDOW // 2 before the next mel frame's centre
    mel: Tensor  # (1, frames, BANDS) not yet convolved, one frame of left context first
    before: Tensor  # (1, REACH, width) normed frames before the next chunk
    coming: Tensor  # (1, frames, width) convolved, not yet attended
    context: _Context
    following: _Context | None = None  # the same chunks at other positions, made ready for the change


class PosteriorStream:
    """Feeds sound of any length through a `RecogniserNetwork`, chunk by chunk; equal to one `forward` over the whole sound."""

    def __init__(self, network: RecogniserNetwork) -> None:
        self._network = network
        config = network.config
        self._state = _StreamState(
            pcm=np.zeros(WINDOW // 2, np.float32),
            mel=torch.zeros(1, 0, BANDS),
            before=torch.zeros(1, REACH, config.width),
            coming=torch.zeros(1, 0, config.width),
            context=_Context([None] * config.layers),
        )
        self._conv1_left: Tensor | None = None
        self.ahead: NDArray[np.float32] = np.zeros((0, len(PHONES)), np.float32)
        """(look_ahead, phones) log-posteriors of the frames after those given out last, a first guess: they saw less of what follows."""

    @torch.inference_mode()
    def push(self, pcm: NDArray[np.int16]) -> NDArray[np.float32]:
        """pcm (samples,) int16 at 16 kHz -> log-posteriors (frames, phones) that became ready, 20 ms each, in order from time 0."""
        state, config = self._state, self._network.config
        state.pcm = np.concatenate((state.pcm, pcm.astype(np.float32) / 32768.0))
        self._frame()
        ready = []
        while self._convolve():
            while state.coming.shape[1] >= config.chunk + config.look_ahead:
                ready.append(self._attend(state.coming[:, : config.chunk + config.look_ahead]))
                state.coming = state.coming[:, config.chunk :]
        return np.concatenate(ready) if ready else np.zeros((0, len(PHONES)), np.float32)

    def flush(self) -> NDArray[np.float32]:
        """The posteriors still inside, for the end of a file: pads with silence."""
        config = self._network.config
        return self.push(np.zeros((config.chunk + config.look_ahead + 2) * FRAME_SAMPLES, np.int16))

    @property
    def _frames_convolved(self) -> int:
        """Mel frames that the next convolution takes: those of the left edge are made up at first."""
        return 2 * self._network.config.step + (1 if self._conv1_left is None else 2)

    def _frame(self) -> None:
        """All frames that are there, once there are enough for a convolution."""
        state = self._state
        count = (len(state.pcm) - WINDOW) // HOP + 1
        if state.mel.shape[1] + count < self._frames_convolved:
            return
        window = torch.from_numpy(state.pcm[: WINDOW + (count - 1) * HOP])[None]
        state.mel = torch.cat((state.mel, log_mel(window, self._network.filters)), 1)
        state.pcm = state.pcm[count * HOP :]

    def _convolve(self) -> bool:
        """The next few frames through both convolutions, each of which keeps the frames that its kernel still needs; False if too few."""
        network, state = self._network, self._state
        step = network.config.step
        first = self._conv1_left is None
        # conv2 frame j needs conv1 frames 2j-1..2j+1, and those need mel frames 2j-2..2j+2.
        if state.mel.shape[1] < self._frames_convolved:
            return False
        mel = state.mel[:, : self._frames_convolved].transpose(1, 2)
        if first:
            mel = functional.pad(mel, (1, 0))
        x = functional.gelu(convolve(network.conv1, mel))
        left = torch.zeros_like(x[..., :1]) if self._conv1_left is None else self._conv1_left
        x = torch.cat((left, x), 2)
        self._conv1_left = x[..., -1:]
        state.mel = state.mel[:, 2 * step - (1 if first else 0) :]
        y = functional.gelu(network.conv2(x))
        state.coming = torch.cat((state.coming, y.transpose(1, 2)), 1)
        return True

    def _attend(self, frames: Tensor) -> NDArray[np.float32]:
        network, state = self._network, self._state
        config = network.config
        # Whisper has positions for 30 s. The context of their new beginning is made along with its last chunks, not all at once.
        last = (_POSITIONS - frames.shape[1]) // config.chunk * config.chunk
        if state.context.position > last and state.following is not None:
            state.context, state.following = state.following, None
        if state.following is None and state.context.position > last - config.context:
            state.following = _Context([None] * config.layers)
        if state.following is not None:
            self._layers(frames, state.following)
        normed = network.norm(self._layers(frames, state.context))
        # What the head would see beyond the look-ahead is not known yet: the last frame stands for it.
        logits = network.head(torch.cat((state.before, normed, normed[:, -1:].expand(-1, REACH, -1)), 1))
        state.before = normed[:, config.chunk - REACH : config.chunk]
        posteriors = torch.log_softmax(logits, -1)[0].numpy()
        self.ahead = posteriors[config.chunk :]
        return posteriors[: config.chunk]

    def _layers(self, frames: Tensor, before: _Context) -> Tensor:
        """A chunk with its look-ahead; what is kept is of the chunk alone."""
        network = self._network
        chunk, context = network.config.chunk, network.config.context
        x = frames + network.positions[before.position : before.position + frames.shape[1]]
        for index, block in enumerate(network.blocks):
            past = before.past[index]
            seen = 0 if past is None else past[0].shape[2]
            x, (key, value) = block(x, None, past)
            before.past[index] = (
                key[:, :, max(0, seen + chunk - context) : seen + chunk],
                value[:, :, max(0, seen + chunk - context) : seen + chunk],
            )
        before.position += chunk
        return x
