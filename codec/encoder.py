"""Sound in, payloads out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from codec.settings import EncoderSettings

if TYPE_CHECKING:
    from codec.models import Models


class Encoder:
    """One direction of one call. Not thread-safe.

    settings may be replaced between calls of `encode`; the change holds from the next packet.
    """

    def __init__(self, models: Models, settings: EncoderSettings | None = None) -> None:
        self.settings = settings or EncoderSettings()
        self._models = models

    def encode(self, pcm: NDArray[np.int16]) -> list[bytes]:
        """pcm (samples,) int16, 16 kHz mono, any length -> the payloads that became ready, in order; none in silence."""
        raise NotImplementedError

    def flush(self) -> list[bytes]:
        """End of the sound: the payloads that were still waiting. The encoder starts anew afterwards."""
        raise NotImplementedError
