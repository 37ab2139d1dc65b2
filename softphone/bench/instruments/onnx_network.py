"""Networks in ONNX files that come inside a package, whose own code is never imported."""

import importlib.util
from pathlib import Path
from typing import Any

from softphone.bench.instruments.extra import HOW_TO_GET
from softphone.errors import SoftphoneError


def load(package: str, file: str, error: type[SoftphoneError], how_to_get: str, module: str) -> Any:
    """An onnxruntime.InferenceSession on one thread.

    package: its name on PyPI; module: the module it installs; file: below the module's folder. Raises `error`, with `how_to_get` where
    the package is missing or its file cannot be read.
    """
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise error(f"the package {package} is missing; {how_to_get}")
    try:
        import onnxruntime  # noqa: PLC0415 - an optional extra, and slow to import
    except ImportError as missing:
        raise error(f"the package onnxruntime is missing ({missing}); {HOW_TO_GET}") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    path = Path(spec.origin).parent / file
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as unreadable:  # onnxruntime raises types of its own
        raise error(f"{path} cannot be read ({unreadable}); {how_to_get}") from None
