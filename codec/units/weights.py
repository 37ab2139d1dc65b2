"""Weights on disk: safetensors, with large matrices as int8 rows and a scale for each row.

Rounding a row to 255 steps of its own range costs the recogniser nothing that its phone error shows, and halves what fp16 would take.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from codec.units.arrays import SCALE, load_arrays

_SMALLEST = 4096


def save_weights(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str], *, quantise: bool) -> None:
    """Writes float tensors as fp16, or the large ones weights (over 4096 values, at least 2-D) as int8 when `quantise`."""
    stored: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        values = tensor.detach().float().cpu().contiguous()
        if quantise and name.endswith("weight") and values.ndim >= 2 and values.numel() > _SMALLEST:
            scale = values.flatten(1).abs().amax(1).clamp_min(1e-12) / 127
            stored[name] = (values / scale.view(-1, *[1] * (values.ndim - 1))).round().to(torch.int8)
            stored[name + SCALE] = scale
        else:
            stored[name] = values.half()
    path.write_bytes(ordered_header(save(stored, dict(metadata))))


def ordered_header(data: bytes) -> bytes:
    """A safetensors file with its metadata in order of the keys: the library writes them in another order each time.

    Layout: length of the header, 8 bytes, little-endian; the header, JSON padded with spaces to a multiple of 8 bytes; the tensors.
    """
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    header["__metadata__"] = dict(sorted(header.get("__metadata__", {}).items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def load_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """-> (float32 tensors, metadata). Raises ModelError."""
    arrays, metadata = load_arrays(path)
    return {name: torch.from_numpy(array) for name, array in arrays.items()}, metadata
