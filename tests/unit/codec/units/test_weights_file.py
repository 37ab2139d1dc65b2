"""Weights survive the way to disk and back, and damage is told in one sentence."""

from pathlib import Path

import pytest
import torch

from codec.units.errors import ModelError
from codec.units.weights import load_weights, save_weights


def test_small_tensors_are_exact_to_fp16_and_large_weights_to_their_row(tmp_path: Path) -> None:
    torch.manual_seed(1)
    tensors = {
        "bias": torch.randn(512),
        "layer.weight": torch.randn(128, 64) * torch.logspace(-3, 1, 128)[:, None],
        "table": torch.randn(80, 201),
    }
    save_weights(tmp_path / "w.safetensors", tensors, {"width": "64"}, quantise=True)
    loaded, metadata = load_weights(tmp_path / "w.safetensors")
    assert metadata == {"width": "64"} and set(loaded) == set(tensors)
    assert torch.equal(loaded["bias"], tensors["bias"].half().float())
    assert torch.equal(loaded["table"], tensors["table"].half().float())
    error = (loaded["layer.weight"] - tensors["layer.weight"]).abs().amax(1)
    assert (error <= tensors["layer.weight"].abs().amax(1) / 254 * 1.001).all()
    assert (tmp_path / "w.safetensors").stat().st_size < 128 * 64 + 2 * (512 + 80 * 201) + 4 * 128 + 1000


@pytest.mark.parametrize("damage", [b"", b"not weights", b"\xff" * 64])
def test_damaged_weights_say_what_to_do(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(damage)
    with pytest.raises(ModelError, match="reinstall"):
        load_weights(path)


def test_missing_weights_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="reinstall"):
        load_weights(tmp_path / "none.safetensors")
