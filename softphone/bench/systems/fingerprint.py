"""What this codec is, in one short name: for caches of what was measured with it."""

import hashlib
from functools import cache
from pathlib import Path

from codec.errors import ModelError
from codec.models import weights_directory


@cache
def fingerprint() -> str:
    """Sixteen hex digits over all weights and all source files of the codec, training aside. Raises ModelError."""
    digest = hashlib.sha256()
    files = [*sorted(weights_directory().glob("*.safetensors")), *sorted(Path(__file__).parent.glob("*.py"))]
    try:
        for path in files:
            digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    except OSError as error:
        raise ModelError(f"{error.filename} cannot be read ({error.strerror}): reinstall the softphone package.") from error
    return digest.hexdigest()[:16]
