"""Moonshine base-en (arXiv 2410.15608): a small English speech recogniser for sound of any length, in plain torch.

An encoder of 8 layers over raw sound (41.7 frames a second) and a decoder of 8 layers over 32 768 word pieces, both 416 wide, with rotary
positions. Weights: MIT licence, from the package `moonshine-cpp`; `load` reads them out of its files.
"""

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from codec.recognise.moonshine.ort_weights import Weights
from codec.units.errors import ModelError

PACKAGE = "moonshine_cpp"
WIDTH, HEADS, LAYERS, INNER = 416, 8, 8, 1664
HEAD = WIDTH // HEADS
ROTARY = 32
"""So many of the 52 values of a head turn with the position."""
PIECES = 32768
START, END = 1, 2
PART_SAMPLES, PART_WINDOW = 64, 127
"""Step and window of the first convolution."""
PARTS = 6
"""Outputs of the first convolution for a frame,"""
SEEN_PARTS = 13
"""and those that one frame sees."""
FRAME_SAMPLES = PARTS * PART_SAMPLES
"""One frame of the encoder: 24 ms."""
RECEPTIVE_SAMPLES = 895
"""What one frame sees of the sound before attention."""

Cache = list[tuple[Tensor, Tensor]]


def rotations(positions: Tensor) -> Tensor:
    """positions (n,) -> (2, n, ROTARY): cosines and sines, each for two values side by side."""
    inverse = 10000.0 ** -(torch.arange(0, ROTARY, 2, device=positions.device) / ROTARY)
    angles = (positions[:, None] * inverse).repeat_interleave(2, 1)
    return torch.stack((angles.cos(), angles.sin()))


def rotate(x: Tensor, turn: Tensor) -> Tensor:
    """x (batch, heads, n, HEAD) -> the same with its first ROTARY values turned (arXiv 2104.09864)."""
    part, rest = x[..., :ROTARY], x[..., ROTARY:]
    swapped = torch.stack((-part[..., 1::2], part[..., 0::2]), -1).flatten(-2)
    return torch.cat((part * turn[0].to(x.dtype) + swapped * turn[1].to(x.dtype), rest), -1)


def split_heads(x: Tensor) -> Tensor:
    """(batch, n, WIDTH) -> (batch, HEADS, n, HEAD)."""
    return x.view(*x.shape[:-1], HEADS, HEAD).transpose(1, 2)


def _norm() -> nn.LayerNorm:
    return nn.LayerNorm(WIDTH, bias=False)


class EncoderBlock(nn.Module):
    """Pre-norm transformer layer."""

    def __init__(self) -> None:
        super().__init__()
        self.norm_attention, self.norm_mlp = _norm(), _norm()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)
        self.up, self.down = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)

    def forward(self, x: Tensor, turn: Tensor, mask: Tensor | None = None) -> Tensor:
        """x (batch, frames, WIDTH); turn of `rotations`; mask (frames, frames) true where seen, None = all."""
        query, key, value = (split_heads(part) for part in self.qkv(self.norm_attention(x)).chunk(3, -1))
        seen = functional.scaled_dot_product_attention(rotate(query, turn), rotate(key, turn), value, attn_mask=mask)
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        y: Tensor = x + self.down(functional.gelu(self.up(self.norm_mlp(x))))
        return y

    def continued(self, x: Tensor, turn: Tensor, past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """x (batch, frames, WIDTH) after the keys, turned, and values of earlier frames; turn: of x -> (y, keys and values of all)."""
        query, key, value = (split_heads(part) for part in self.qkv(self.norm_attention(x)).chunk(3, -1))
        query, key = rotate(query, turn), rotate(key, turn)
        if past is not None:
            key, value = torch.cat((past[0], key), 2), torch.cat((past[1], value), 2)
        seen = functional.scaled_dot_product_attention(query, key, value)
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        return x + self.down(functional.gelu(self.up(self.norm_mlp(x)))), (key, value)


class MoonshineEncoder(nn.Module):
    """Sound -> what the decoder listens to."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(1, WIDTH, 127, stride=64, bias=False)
        self.group_norm = nn.GroupNorm(1, WIDTH)
        self.conv2 = nn.Conv1d(WIDTH, 2 * WIDTH, 7, stride=3)
        self.conv3 = nn.Conv1d(2 * WIDTH, WIDTH, 3, stride=2)
        self.blocks = nn.ModuleList(EncoderBlock() for _ in range(LAYERS))
        self.norm = _norm()

    def front(self, pcm: Tensor) -> Tensor:
        """pcm (batch, samples) in [-1, 1], at least RECEPTIVE_SAMPLES -> (batch, frames, WIDTH); levelled over the whole sound."""
        x = self.group_norm(torch.tanh(self.conv1(pcm[:, None])))
        return functional.gelu(self.conv3(functional.gelu(self.conv2(x)))).transpose(1, 2)

    def forward(self, pcm: Tensor) -> Tensor:
        """pcm (batch, samples) in [-1, 1] -> (batch, frames, WIDTH), of the whole sound."""
        x = self.front(pcm)
        turn = rotations(torch.arange(x.shape[1], device=x.device))
        for block in self.blocks:
            x = block(x, turn)
        y: Tensor = self.norm(x)
        return y


class DecoderBlock(nn.Module):
    """Self-attention, attention to the sound, gated feed-forward."""

    def __init__(self) -> None:
        super().__init__()
        self.norm_self, self.norm_sound, self.norm_mlp = _norm(), _norm(), _norm()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)
        self.query = nn.Linear(WIDTH, WIDTH, bias=False)
        self.sound = nn.Linear(WIDTH, 2 * WIDTH, bias=False)
        self.sound_out = nn.Linear(WIDTH, WIDTH, bias=False)
        self.up, self.down = nn.Linear(WIDTH, 2 * INNER), nn.Linear(INNER, WIDTH)

    def listen(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """The encoder's frames (batch, n, WIDTH) -> their keys and values."""
        key, value = self.sound(frames).chunk(2, -1)
        return split_heads(key), split_heads(value)

    def forward(
        self, x: Tensor, turn: Tensor, mask: Tensor | None, past: tuple[Tensor, Tensor] | None, sound: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """x (batch, pieces, WIDTH); past: keys and values of earlier pieces; sound: of the encoder's frames -> (y, keys and values)."""
        query, key, value = (split_heads(part) for part in self.qkv(self.norm_self(x)).chunk(3, -1))
        query, key = rotate(query, turn), rotate(key, turn)
        if past is not None:
            key, value = torch.cat((past[0], key), 2), torch.cat((past[1], value), 2)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        heard = functional.scaled_dot_product_attention(split_heads(self.query(self.norm_sound(x))), *sound)
        x = x + self.sound_out(heard.transpose(1, 2).flatten(2))
        inner, gate = self.up(self.norm_mlp(x)).chunk(2, -1)
        return x + self.down(functional.silu(gate) * inner), (key, value)


class MoonshineDecoder(nn.Module):
    """Word pieces so far and the encoder's frames -> the next word piece."""

    def __init__(self) -> None:
        super().__init__()
        # With `_weight` torch draws no random values, for which it would import its compiler: a second of processor time.
        self.pieces = nn.Embedding(PIECES, WIDTH, _weight=torch.empty(PIECES, WIDTH))
        self.blocks = nn.ModuleList(DecoderBlock() for _ in range(LAYERS))
        self.norm = _norm()
        self.score = nn.Linear(WIDTH, PIECES, bias=False)

    def listen(self, frames: Tensor) -> Cache:
        """frames (batch, n, WIDTH) -> keys and values of them for each layer."""
        return [block.listen(frames) for block in self.blocks if isinstance(block, DecoderBlock)]

    def forward(self, pieces: Tensor, sound: Cache, past: Cache | None = None) -> tuple[Tensor, Cache]:
        """pieces (batch, n) that follow those in `past` -> (hidden (batch, n, WIDTH), keys and values of all so far)."""
        count, before = pieces.shape[1], past[0][0].shape[2] if past else 0
        place = torch.arange(before, before + count, device=pieces.device)
        turn = rotations(place)
        mask = None if count == 1 else place[:, None] >= torch.arange(before + count, device=pieces.device)[None]
        x, kept = self.pieces(pieces).to(self.norm.weight.dtype), []
        for index, block in enumerate(self.blocks):
            x, own = block(x, turn, mask, past[index] if past else None, sound[index])
            kept.append(own)
        return self.norm(x), kept


def model_folder() -> Path:
    """Where the package keeps the model. Raises ModelError where it is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    folder = Path(spec.origin).parent / "models" / "base-en" if spec is not None and spec.origin is not None else None
    if folder is None or not folder.is_dir():
        raise ModelError("The word recogniser is missing: install the package moonshine-cpp. Until then calls are sent without it.")
    return folder


def load_encoder(folder: Path) -> MoonshineEncoder:
    """Raises ModelError."""
    weights = Weights(folder / "encoder_model.ort")
    with torch.device("meta"):
        network = MoonshineEncoder()
    names = {
        "conv1.weight": "/conv1/Conv",
        "group_norm.weight": "onnx::Mul_1942",
        "group_norm.bias": "onnx::Add_1943",
        "conv2.weight": "/conv2/Conv",
        "conv2.bias": "conv2.bias",
        "conv3.weight": "/conv3/Conv",
        "conv3.bias": "conv3.bias",
        "norm.weight": "layer_norm.weight",
    }
    for layer in range(LAYERS):
        ours, theirs = f"blocks.{layer}", f"layers.{layer}"
        names |= {
            f"{ours}.norm_attention.weight": f"{theirs}.input_layernorm.weight",
            f"{ours}.norm_mlp.weight": f"{theirs}.post_attention_layernorm.weight",
            f"{ours}.out.weight": f"/{theirs}/self_attn/dense/MatMul",
            f"{ours}.up.weight": f"/{theirs}/mlp/fc1/MatMul",
            f"{ours}.up.bias": f"{theirs}.mlp.fc1.bias",
            f"{ours}.down.weight": f"/{theirs}/mlp/fc2/MatMul",
            f"{ours}.down.bias": f"{theirs}.mlp.fc2.bias",
        }
    joined = {f"blocks.{layer}.qkv.weight": [f"/layers.{layer}/self_attn/{part}_proj/MatMul" for part in "qkv"] for layer in range(LAYERS)}
    _fill(network, weights, names, joined)
    return network.eval()


def load_decoder(folder: Path) -> MoonshineDecoder:
    """Raises ModelError."""
    weights = Weights(folder / "decoder_model_merged.ort")
    merged = "_merged_0"
    with torch.device("meta"):
        network = MoonshineDecoder()
    embedding = "/model/decoder/embed_tokens/Gather"
    names = {"pieces.weight": embedding, "norm.weight": f"model.decoder.norm.weight{merged}"}
    joined: dict[str, list[str]] = {}
    for layer in range(LAYERS):
        ours, stored, node = f"blocks.{layer}", f"model.decoder.layers.{layer}", f"/model/decoder/layers.{layer}"
        names |= {
            f"{ours}.norm_self.weight": f"{stored}.input_layernorm.weight{merged}",
            f"{ours}.norm_sound.weight": f"{stored}.post_attention_layernorm.weight{merged}",
            f"{ours}.norm_mlp.weight": f"{stored}.final_layernorm.weight{merged}",
            f"{ours}.out.weight": f"{node}/self_attn/dense/MatMul",
            f"{ours}.query.weight": f"{node}/encoder_attn/q_proj/MatMul",
            f"{ours}.sound_out.weight": f"{node}/encoder_attn/dense/MatMul",
            f"{ours}.up.weight": f"{node}/mlp/up_proj/MatMul",
            f"{ours}.up.bias": f"{stored}.mlp.up_proj.bias{merged}",
            f"{ours}.down.weight": f"{node}/mlp/down_proj/MatMul",
            f"{ours}.down.bias": f"{stored}.mlp.down_proj.bias{merged}",
        }
        joined[f"{ours}.qkv.weight"] = [f"{node}/self_attn/{part}_proj/MatMul" for part in "qkv"]
        joined[f"{ours}.sound.weight"] = [f"{node}/encoder_attn/{part}_proj/MatMul" for part in "kv"]
    network.score.weight = network.pieces.weight
    _fill(network, weights, names, joined)
    network.score.weight = network.pieces.weight
    return network.eval()


def _fill(
    network: nn.Module, weights: Mapping[str, NDArray[np.float32]], names: Mapping[str, str], joined: Mapping[str, list[str]]
) -> None:
    """names: of our parameters in the file; joined: of those that the file has in several parts."""

    def found(name: str) -> Tensor:
        value = torch.from_numpy(weights[name])
        return value.T if name.endswith("MatMul") else value

    try:
        state = {ours: found(theirs) for ours, theirs in names.items()}
        state |= {ours: torch.cat([found(part) for part in parts]) for ours, parts in joined.items()}
        shapes = {name: value.shape for name, value in network.state_dict().items()}
        state |= {"score.weight": state["pieces.weight"]} if "score.weight" in shapes else {}
        network.load_state_dict({name: value.reshape(shapes[name]).contiguous() for name, value in state.items()}, assign=True)
    except (KeyError, RuntimeError) as error:
        raise ModelError(f"The files of the package moonshine-cpp are not those of base-en ({error}): install version 0.1.4.") from error


class Vocabulary:
    """tokenizer.bin: for each piece a length (one byte, or two where the first is 128 or more), then UTF-8; U+2581 is a space."""

    def __init__(self, path: Path) -> None:
        """Raises ModelError."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ModelError(f"{path} cannot be read ({error.strerror}): reinstall the package moonshine-cpp.") from error
        self.pieces: list[bytes] = []
        at = 0
        while at < len(data):
            length = data[at]
            at += 1
            if length >= 128 and at < len(data):
                length = data[at] * 128 + length - 128
                at += 1
            self.pieces.append(data[at : at + length].replace("\u2581".encode(), b" "))
            at += length
        if len(self.pieces) > PIECES or not self.pieces:
            raise ModelError(f"{path} is damaged: reinstall the package moonshine-cpp.")

    def text(self, pieces: Sequence[int]) -> str:
        """Word pieces -> text; those that stand for a byte ("<0x41>") as that byte."""
        return b"".join(self._bytes(piece) for piece in pieces if piece > END and piece < len(self.pieces)).decode("utf-8", "ignore")

    def _bytes(self, piece: int) -> bytes:
        text = self.pieces[piece]
        return bytes([int(text[3:5], 16)]) if len(text) == 6 and text.startswith(b"<0x") else text
