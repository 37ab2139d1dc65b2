"""What computes in int8 gives nearly what its layers gave in float."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from codec.models import Models
from codec.recognise.int8 import Int8Conv1d, Int8Linear
from codec.recognise.network import RecogniserNetwork
from codec.recognise.recogniser import Recogniser
from codec.units.weights import load_weights
from codec.units.weights_files import weights_directory
from softphone import paths, sound_file


def difference(value: Tensor, expected: Tensor) -> float:
    return float((value - expected).abs().mean() / expected.abs().mean())


@pytest.mark.parametrize("bias", [True, False])
def test_layers(bias: bool) -> None:
    """Also where products of bytes overflow 16 bits, which random values of this size do."""
    torch.manual_seed(2)
    x = torch.randn(1, 64, 41)
    with torch.inference_mode():
        for stride in (1, 2, 3):
            conv = nn.Conv1d(64, 96, 5, stride=stride, bias=bias)
            assert difference(Int8Conv1d(conv)(x), conv(x)) < 0.03
        linear = nn.Linear(512, 300, bias=bias)
        frames = torch.randn(1, 12, 512)
        assert difference(Int8Linear(linear)(frames), linear(frames)) < 0.03


def test_phones_are_recognised_as_in_float() -> None:
    tensors, metadata = load_weights(weights_directory() / "recogniser.safetensors")
    network = RecogniserNetwork.from_metadata(metadata)
    network.load_state_dict({name: tensor.float() for name, tensor in tensors.items() if not name.startswith("search.")})
    pcm = sound_file.read(paths.demo_recording()[0])[: 8 * 16000]
    shipped = Models.load().recogniser
    assert isinstance(shipped, Recogniser) and isinstance(shipped.network.conv2, Int8Conv1d)
    expected = network.eval().stream().push(pcm)
    found = shipped.network.stream().push(pcm)
    assert np.mean(found.argmax(1) == expected.argmax(1)) > 0.97
    assert np.mean((np.exp(expected) * (expected - found)).sum(1)) < 0.005
