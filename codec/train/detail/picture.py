"""The first pictures: principal components of the spectra of segments, from which training of a new layer begins."""

from collections.abc import Sequence

import torch
from torch import Tensor

from codec.detail.layer import LATENT, DetailLayer


@torch.no_grad()
def first_picture(layer: DetailLayer, points: Sequence[Tensor]) -> float:
    """Sets what the encoder says and the decoder pictures of segments, `points` (n, POINTS, 80) each, to the LATENT principal components of
    their spectra. Returns the share of the variance that these keep."""
    shape = torch.cat([(each - each.mean((1, 2), keepdim=True)).flatten(1) for each in points])
    mean = shape.mean(0)
    _, strength, rows = torch.linalg.svd(shape - mean, full_matrices=False)
    scale = float(strength[:LATENT].square().mean().sqrt()) / len(shape) ** 0.5
    layer.encoder.picture.weight.copy_(rows[:LATENT] / scale)
    layer.encoder.out.weight.mul_(0.1)
    layer.encoder.out.bias.copy_(-(rows[:LATENT] @ mean) / scale)
    layer.decoder.picture.weight.copy_(rows[:LATENT].T * scale)
    layer.decoder.picture.bias.copy_(mean)
    layer.decoder.out.weight.mul_(0.1)
    layer.decoder.out.bias.zero_()
    return float(strength[:LATENT].square().sum() / strength.square().sum())
