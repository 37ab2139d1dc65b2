"""Weights read without torch: safetensors as numpy arrays, int8 matrices put together with their scales (`codec/units/weights.py`)."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from codec.units.errors import ModelError

SCALE = ":scale"
"""Ends the name of the scales of a matrix: float32, one for each row."""


def load_arrays(path: Path) -> tuple[dict[str, NDArray[np.float32]], dict[str, str]]:
    """-> (float32 arrays, metadata). Raises ModelError."""
    try:
        with safe_open(str(path), "np") as file:
            metadata = dict(file.metadata() or {})
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"The weights {path} cannot be read ({error}): reinstall the softphone package.") from error
    arrays = {}
    for name, array in stored.items():
        if name.endswith(SCALE):
            continue
        values = np.asarray(array, np.float32)
        if (scale := stored.get(name + SCALE)) is not None:
            values = values * scale.reshape(-1, *[1] * (values.ndim - 1))
        arrays[name] = values
    return arrays, metadata
