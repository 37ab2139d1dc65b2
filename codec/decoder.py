"""Payloads in, sound out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from codec.models import Models


@dataclass(frozen=True, slots=True)
class DecoderStatistics:
    """Counts since the decoder was made."""

    packets: int = 0
    """Payloads that could be read."""
    tokens_received: int = 0
    """Tokens that were accepted, each once."""
    tokens_recovered: int = 0
    """Of these, those that only a redundant copy brought."""
    tokens_late: int = 0
    """Tokens that came after their time had been played."""
    tokens_dropped: int = 0
    """Tokens thrown away because too many were waiting."""
    gaps: int = 0
    """Holes in speech where nothing arrived in time."""
    lost_ms: int = 0
    """Their length together."""


class Decoder:
    """One direction of one call. Not thread-safe."""

    def __init__(self, models: Models) -> None:
        self._models = models

    @property
    def statistics(self) -> DecoderStatistics:
        raise NotImplementedError

    def receive(self, payload: bytes) -> None:
        """Take one payload as it came from the network, in any order, repeated or not. Raises PayloadError."""
        raise NotImplementedError

    def pull(self, samples: int) -> NDArray[np.int16]:
        """The next `samples` of sound at 16 kHz, exactly so many, zeros when nobody speaks: (samples,) int16."""
        raise NotImplementedError
