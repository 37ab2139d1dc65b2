"""The voice in pieces of four bytes, coarse first: a residual quantiser whose stages each look at the directions that still matter most.

Stage s adds codewords[s][byte] @ directions[s] to what the stages before it gave. A stage that has not arrived adds nothing, so any
subset of the pieces is a voice, and a prefix is the best one of its length. Byte 0 of piece 0 is the speaker's mean F0.
Residual quantisation: Juang and Gray 1982; stages confined to a few directions generalise to unseen speakers, full ones do not.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from codec.voice.embedding import EMBEDDING_SIZE, Voice
from codec.wire.packet import VOICE_PIECE_BYTES

F0_STEPS = 48
_F0_LOW = 50.0
"""Byte 0: quarters of a semitone above 50 Hz."""

_BEAM = 32


class VoiceCode:
    """The codebooks. mean (256,); directions (stages, width, 256), orthonormal rows; codewords (stages, 256, width)."""

    def __init__(self, mean: NDArray[np.float32], directions: NDArray[np.float32], codewords: NDArray[np.float32]) -> None:
        stages, width = directions.shape[:2]
        if mean.shape != (EMBEDDING_SIZE,) or directions.shape[2] != EMBEDDING_SIZE or codewords.shape != (stages, 256, width):
            raise ValueError("the voice codebooks do not fit each other")
        if (stages + 1) % VOICE_PIECE_BYTES:
            raise ValueError(f"{stages} stages and the pitch do not fill pieces of {VOICE_PIECE_BYTES} bytes")
        self.pieces = (stages + 1) // VOICE_PIECE_BYTES
        """How many pieces a complete description has."""
        self._mean = mean
        self._directions = directions
        self._codewords = codewords

    @classmethod
    def from_weights(cls, tensors: Mapping[str, Tensor]) -> "VoiceCode":
        """From the tensors of `voice_code.safetensors`. Raises KeyError, ValueError."""
        return cls(*(tensors[name].float().numpy() for name in ("mean", "directions", "codewords")))

    @property
    def neutral(self) -> NDArray[np.float32]:
        """The embedding of nobody in particular: (256,), unit length."""
        return np.asarray(self._mean / np.linalg.norm(self._mean), dtype=np.float32)

    def encode(self, voice: Voice) -> list[bytes]:
        """All pieces of a voice, VOICE_PIECE_BYTES each; index in the list is the index on the wire."""
        pitch = round(F0_STEPS * math.log2(max(voice.mean_f0, _F0_LOW) / _F0_LOW))
        stream = bytes([min(255, pitch), *self._search(voice.embedding - self._mean)])
        return [stream[at : at + VOICE_PIECE_BYTES] for at in range(0, len(stream), VOICE_PIECE_BYTES)]

    def _search(self, target: NDArray[np.float32]) -> list[int]:
        """The best codeword of each stage, keeping a few candidates, as the nearest now need not be the nearest in the end."""
        residuals, paths = target[None], [list[int]()]
        for directions, codewords in zip(self._directions, self._codewords, strict=True):
            seen = residuals @ directions.T
            gain = (codewords**2).sum(1)[None] - 2 * seen @ codewords.T + (residuals**2).sum(1)[:, None]
            best = np.argsort(gain, axis=None)[:_BEAM]
            rows, chosen = np.divmod(best, len(codewords))
            residuals = residuals[rows] - codewords[chosen] @ directions
            paths = [[*paths[row], int(byte)] for row, byte in zip(rows, chosen, strict=True)]
        return paths[0]

    def decode(self, pieces: Mapping[int, bytes], mean_f0: float) -> Voice:
        """A voice from whichever pieces arrived. mean_f0: Hz, taken where piece 0 is missing; pieces of unknown index are skipped."""
        embedding = self._mean.copy()
        for index, piece in pieces.items():
            if not 0 <= index < self.pieces or len(piece) != VOICE_PIECE_BYTES:
                continue
            for place, byte in enumerate(piece):
                stage = index * VOICE_PIECE_BYTES + place - 1
                if stage < 0:
                    mean_f0 = _F0_LOW * 2 ** (byte / F0_STEPS)
                else:
                    embedding += self._codewords[stage, byte] @ self._directions[stage]
        embedding = np.maximum(embedding, 0)
        return Voice(np.asarray(embedding / max(float(np.linalg.norm(embedding)), 1e-6), dtype=np.float32), mean_f0)
