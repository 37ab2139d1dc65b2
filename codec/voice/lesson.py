"""What was said and how it sounded: what the training during a call learns from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codec.wire.token import WireToken

MARGIN = 2
"""Frames of sound on either side of a lesson: what a mel frame reaches over."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A group of tokens as they were sent. start: tick of the stream; pcm (samples,) int16: what was said then, and MARGIN more frames on
    either side."""

    start: int
    tokens: tuple[WireToken, ...]
    pcm: NDArray[np.int16]

    @property
    def ticks(self) -> int:
        """Length in ticks."""
        return sum(token.ticks for token in self.tokens)
