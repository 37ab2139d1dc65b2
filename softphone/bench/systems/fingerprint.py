"""A short fingerprint of the codec, as the key of cached measurements."""

import hashlib
from functools import cache
from pathlib import Path

import codec
from codec.units.errors import ModelError
from codec.units.weights_files import weights_directory


@cache
def fingerprint() -> str:
    """Sixteen hex digits over all weights and all source files of the codec, training aside. Raises ModelError."""
    digest = hashlib.sha256()
    sources = Path(codec.__file__).parent
    training = sources / "train"
    files = sorted(weights_directory().glob("*.safetensors"))
    files += [path for path in sorted(sources.rglob("*.py")) if training not in path.parents]
    try:
        for path in files:
            digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    except OSError as error:
        raise ModelError(f"{error.filename} cannot be read ({error.strerror}): reinstall the softphone package.") from error
    return digest.hexdigest()[:16]
