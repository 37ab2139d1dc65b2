"""Convolutions over a few frames at a time."""

import torch
from torch import Tensor, nn


def convolve(convolution: nn.Module, x: Tensor) -> Tensor:
    """As `convolution(x)`: x (batch, channels, n) -> (batch, out channels, n - what the kernel spans). No padding, stride or groups.

    As a product of matrices, where nothing is trained: oneDNN prepares a convolution anew for each length, which for a few frames takes
    longer than the convolution.
    """
    assert isinstance(convolution, nn.Conv1d)
    if torch.is_grad_enabled():
        y: Tensor = convolution(x)
        return y
    (kernel,), (dilation,) = convolution.kernel_size, convolution.dilation
    windows = x.unfold(2, (kernel - 1) * dilation + 1, 1)[..., ::dilation].transpose(1, 2).flatten(2)
    return nn.functional.linear(windows, convolution.weight.flatten(1), convolution.bias).transpose(1, 2)
