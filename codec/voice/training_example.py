"""What was said and how it sounded: the data of the training during a call."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codec.wire.token import WireToken

MARGIN = 2
"""Frames of sound on either side of an example, which is how far a mel frame extends."""


@dataclass(frozen=True, slots=True)
class TrainingExample:
    """A group of tokens as they were sent. start: tick of the stream; pcm (samples,) int16: what was said then, and MARGIN more frames on
    either side."""

    start: int
    tokens: tuple[WireToken, ...]
    pcm: NDArray[np.int16]

    @property
    def ticks(self) -> int:
        """Length in ticks."""
        return sum(token.ticks for token in self.tokens)
