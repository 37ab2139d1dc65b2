"""Linear layers and convolutions whose weights are int8 and whose inputs are quantised as they come: a quarter of the memory, and faster
where the processor multiplies bytes."""

import warnings
from functools import cache

import torch
from torch import Tensor, nn


@cache
def saturates() -> bool:
    """Whether this processor adds products of bytes in 16 bits, which overflow (AVX2 and AVX-512 without VNNI): inputs then get 7 bits."""
    total = torch.ops.quantized.linear_dynamic(torch.ones(1, 64), _packed(torch.ones(1, 64), None), False)
    return bool((total - 64).abs() > 1)


def _packed(weight: Tensor, bias: Tensor | None) -> torch.ScriptObject:
    scale = (weight.abs().amax(1) / 127).clamp_min(1e-8).double()
    with warnings.catch_warnings():
        # torch is pinned; what takes the place of these functions is in another package.
        warnings.simplefilter("ignore")
        rows = torch.quantize_per_channel(weight.detach(), scale.detach(), torch.zeros(len(scale), dtype=torch.int64), 0, torch.qint8)
        packed: torch.ScriptObject = torch.ops.quantized.linear_prepack(rows, None if bias is None else bias.detach())
    return packed


class Int8Linear(nn.Module):
    """As the nn.Linear it is made of; weights rounded row by row."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self._packed, self._reduce_range = _packed(linear.weight, linear.bias), saturates()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = torch.ops.quantized.linear_dynamic(x, self._packed, self._reduce_range)
        return y


class Int8Conv1d(nn.Module):
    """As the nn.Conv1d it is made of, without padding, dilation and groups."""

    def __init__(self, conv: nn.Conv1d) -> None:
        super().__init__()
        self._kernel, self._stride = conv.kernel_size[0], conv.stride[0]
        self._packed, self._reduce_range = _packed(conv.weight.flatten(1), conv.bias), saturates()

    def forward(self, x: Tensor) -> Tensor:
        """x (batch, channels, n) -> (batch, channels, n)."""
        windows = x.unfold(2, self._kernel, self._stride).transpose(1, 2).flatten(2)
        y: Tensor = torch.ops.quantized.linear_dynamic(windows, self._packed, self._reduce_range)
        return y.transpose(1, 2)


def to_int8(module: nn.Module) -> nn.Module:
    """Puts an `Int8Linear` in place of every nn.Linear inside; the module itself is changed and returned."""
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, Int8Linear(child))
        else:
            to_int8(child)
    return module
