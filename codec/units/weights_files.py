"""Where the weights lie, and the name of what the decoder needs of them; no torch.

Weights lie in `codec/weights` of an installed wheel, in `models/` of a checkout.
"""

import hashlib
from pathlib import Path

from codec.units.errors import ModelError

DECODER_FILES = ("detail", "entropy", "voice_code", "synthesiser", "vocoder")
"""What both ends must have alike; the recogniser may differ, and the basis of the voice's residual, which is named with each piece."""


def weights_directory() -> Path:
    """Where the weights are. Raises ModelError."""
    package = Path(__file__).parent.parent
    for directory in (package / "weights", package.parent / "models"):
        if (directory / "synthesiser.safetensors").is_file():
            return directory
    raise ModelError("The codec's weights are missing: reinstall the softphone package, or run from a complete checkout.")


def model_id(directory: Path) -> str:
    """Eight hex digits that stand for everything the decoder needs: SHA-256 over the decoder's weight files. Raises ModelError."""
    digest = hashlib.sha256()
    for name in DECODER_FILES:
        try:
            digest.update((directory / f"{name}.safetensors").read_bytes())
        except OSError as error:
            raise ModelError(f"The weights {error.filename} cannot be read: reinstall the softphone package.") from error
    return digest.hexdigest()[:8]
