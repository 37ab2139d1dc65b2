"""Low-rank changes of Moonshine's layers (LoRA, arXiv 2106.09685): what was trained here on top of the weights as they came.

Each changed layer has two matrices: a (rank, inputs) and b (outputs, rank), and its weight becomes weight + b @ a.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from codec.units.errors import ModelError

NAME = "word_adapters"
"""Of the file of weights."""


def layers(part: str, network: nn.Module) -> Iterator[tuple[str, nn.Linear]]:
    """The layers of a network that are changed, with their names in the file; part: "encoder" or "decoder"."""
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Linear) and name.startswith("blocks."):
            yield f"{part}-{name.replace('.', '-')}", layer


@torch.no_grad()
def merge(tensors: Mapping[str, Tensor], **parts: nn.Module) -> None:
    """Change the networks for good; parts: each by its name. Raises ModelError where what was trained does not fit them."""
    known = {name: layer for part, network in parts.items() for name, layer in layers(part, network)}
    for name in {key.rpartition(".")[0] for key in tensors}:
        a, b = tensors.get(f"{name}.a"), tensors.get(f"{name}.b")
        layer = known.get(name)
        if layer is None or a is None or b is None or (b.shape[0], a.shape[1]) != layer.weight.shape:
            raise ModelError(f"The weights of {NAME} do not fit the word recogniser at {name}: reinstall the softphone package.")
        layer.weight += b @ a
