"""Reads the weights out of a model file of ONNX Runtime (`.ort`), without ONNX Runtime.

Format: a FlatBuffer with the identifier ORTM; schema: onnxruntime/core/flatbuffers/schema/ort.fbs of ONNX Runtime. Weights that were
quantised to int8 are stored as q and given as q * scale + zero_point (all of one matrix alike), under the name of the node that uses them.
"""

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.units.errors import ModelError

# Numbers of the fields in ort.fbs.
_SESSION_MODEL = 1
_MODEL_GRAPH = 7
_GRAPH_INITIALIZERS, _GRAPH_NODES = 0, 2
_TENSOR_NAME, _TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_RAW = 0, 2, 3, 4
_NODE_NAME, _NODE_OPERATOR, _NODE_INPUTS, _NODE_ATTRIBUTES = 0, 5, 8, 10
_ATTRIBUTE_GRAPH = 7

_TYPES: dict[int, type[np.generic]] = {1: np.float32, 3: np.int8, 6: np.int32, 7: np.int64, 9: np.bool_}
_DEQUANTISED, _QUANTISED = "_add_tensor", "_quantized"


class _Table:
    """One table of a FlatBuffer."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data, self._position = data, position
        self._fields = position - struct.unpack_from("<i", data, position)[0]
        self._size = struct.unpack_from("<H", data, self._fields)[0]

    def _field(self, number: int) -> int:
        """Where a field lies, 0 where it is not there."""
        place = 4 + 2 * number
        offset: int = struct.unpack_from("<H", self._data, self._fields + place)[0] if place < self._size else 0
        return self._position + offset if offset else 0

    def _target(self, number: int) -> int:
        at = self._field(number)
        return at + int(struct.unpack_from("<I", self._data, at)[0]) if at else 0

    def integer(self, number: int) -> int:
        at = self._field(number)
        return int(struct.unpack_from("<i", self._data, at)[0]) if at else 0

    def table(self, number: int) -> "_Table | None":
        at = self._target(number)
        return _Table(self._data, at) if at else None

    def array(self, number: int, kind: type[np.generic]) -> NDArray[np.generic]:
        at = self._target(number)
        count = struct.unpack_from("<I", self._data, at)[0] if at else 0
        return np.frombuffer(self._data, kind, count, at + 4)

    def text(self, number: int) -> str:
        return self.array(number, np.uint8).tobytes().decode()

    def _targets(self, number: int) -> Iterator[int]:
        at = self._target(number)
        for place in range(struct.unpack_from("<I", self._data, at)[0] if at else 0):
            item = at + 4 + 4 * place
            yield item + struct.unpack_from("<I", self._data, item)[0]

    def tables(self, number: int) -> Iterator["_Table"]:
        return (_Table(self._data, at) for at in self._targets(number))

    def texts(self, number: int) -> list[str]:
        return [self._data[at + 4 : at + 4 + struct.unpack_from("<I", self._data, at)[0]].decode() for at in self._targets(number)]


class Weights(Mapping[str, NDArray[np.float32]]):
    """Weights by the name they have in the graph; those of a MatMul (inputs, outputs), a quantised Conv or a Gather by the node's name,
    such as "/layers.0/mlp/fc1/MatMul". Each is made float32 when it is asked for."""

    def __init__(self, path: Path) -> None:
        """Raises ModelError."""
        try:
            graph = _graph(path, path.read_bytes())
            self._stored = {tensor.text(_TENSOR_NAME): _array(tensor) for tensor in graph.tables(_GRAPH_INITIALIZERS)}
            self._used: dict[str, str] = {}
            for node, inputs in _uses(graph):
                for name in inputs:
                    stem = name.removesuffix(_DEQUANTISED)
                    if stem != name and stem + _QUANTISED in self._stored:
                        self._used[node] = stem
        except OSError as error:
            raise ModelError(f"{path} cannot be read ({error.strerror}): reinstall the package that it came with.") from error
        except (struct.error, ValueError, KeyError, IndexError) as error:
            raise ModelError(f"{path} is damaged ({error}): reinstall the package that it came with.") from error

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        stem = self._used.get(name)
        if stem is None:
            return np.array(self._stored[name], np.float32)
        scale, zero = (np.float32(self._stored[stem + end].reshape(-1)[0]) for end in ("_scale", "_zero_point"))
        value = self._stored[stem + _QUANTISED].astype(np.float32)
        value *= scale
        value += zero
        return value

    def __iter__(self) -> Iterator[str]:
        return iter({**self._stored, **self._used})

    def __len__(self) -> int:
        return len({**self._stored, **self._used})


def _graph(path: Path, data: bytes) -> _Table:
    if data[4:8] != b"ORTM":
        raise ModelError(f"{path} is no model of ONNX Runtime: reinstall the package that it came with.")
    model = _Table(data, struct.unpack_from("<I", data, 0)[0]).table(_SESSION_MODEL)
    graph = model.table(_MODEL_GRAPH) if model else None
    if graph is None:
        raise ModelError(f"{path} holds no graph: reinstall the package that it came with.")
    return graph


def _array(tensor: _Table) -> NDArray[np.generic]:
    kind = _TYPES[tensor.integer(_TENSOR_TYPE)]
    return tensor.array(_TENSOR_RAW, np.uint8).view(kind).reshape(tensor.array(_TENSOR_DIMS, np.int64).tolist())


def _uses(graph: _Table) -> Iterator[tuple[str, list[str]]]:
    """Nodes that use weights, those of branches included: (name, names of the inputs)."""
    for node in graph.tables(_GRAPH_NODES):
        if node.text(_NODE_OPERATOR) in ("MatMul", "Conv", "Gather"):
            yield node.text(_NODE_NAME), node.texts(_NODE_INPUTS)
        for attribute in node.tables(_NODE_ATTRIBUTES):
            branch = attribute.table(_ATTRIBUTE_GRAPH)
            if branch is not None:
                yield from _uses(branch)
