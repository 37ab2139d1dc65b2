"""The learned residual of a voice on the wire: coordinates of a `Shift`, four bits each, coarse first, in extensions of type 3.

Its data: byte 0 names the basis (a receiver with another one passes over it), byte 1 the speaker (2 bits, counts up when somebody else
talks), the version (3 bits) and the index of the piece (3 bits); then up to PIECE_BYTES bytes with two coordinates each, low half first.
A piece without coordinates says that nothing was learned of this speaker yet.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from codec.speak.shift import WIDTH, Shift
from codec.voice.receipt import VoiceReceipt
from codec.voice.repeats import Repeats
from codec.wire.packet import Extension

TYPE = 3
PIECE_BYTES = 4
PIECE_NUMBERS = 2 * PIECE_BYTES
SPEAKERS, VERSIONS, MAX_PIECES = 4, 8, 8
_LEVELS = 16
_STEP = 0.4
"""Of a coordinate of unit deviation: levels 0..15 are -3.2 to 2.8, and 8 is nothing."""
_MIDDLE = 8


@dataclass(frozen=True, slots=True)
class ResidualPiece:
    """basis: 0..255; speaker: 0..3; version: 0..7; index: 0..7; data: up to PIECE_BYTES bytes, none to forget what was learned."""

    basis: int
    speaker: int
    version: int
    index: int
    data: bytes

    def extension(self) -> Extension:
        """As it is sent."""
        return Extension(TYPE, bytes([self.basis, self.speaker << 6 | self.version << 3 | self.index, *self.data]))

    @classmethod
    def read(cls, data: bytes) -> "ResidualPiece | None":
        """None if a peer sent too few bytes; bytes after a piece belong to a later version and are ignored."""
        if len(data) < 2:
            return None
        return cls(data[0], data[1] >> 6, data[1] >> 3 & 7, data[1] & 7, data[2 : 2 + PIECE_BYTES])


class ResidualCode:
    """The basis: directions (K, WIDTH), K coordinates of unit deviation among speakers, the most telling first; K is a multiple of 8."""

    def __init__(self, directions: Tensor, name: int) -> None:
        if directions.ndim != 2 or directions.shape[1] != WIDTH or len(directions) % PIECE_NUMBERS or not len(directions):
            raise ValueError("the basis of the voice's residual does not fit the networks")
        if len(directions) > MAX_PIECES * PIECE_NUMBERS:
            raise ValueError("the basis of the voice's residual has more coordinates than the wire")
        self.directions = directions
        self.basis = name
        """Names it on the wire, 0..255."""
        self.pieces = len(directions) // PIECE_NUMBERS
        """How many pieces a complete residual has."""

    @classmethod
    def from_weights(cls, tensors: Mapping[str, Tensor]) -> "ResidualCode":
        """From the tensors of `voice_residual.safetensors`. Raises KeyError, ValueError."""
        stored = tensors["directions"]
        return cls(stored.float(), hashlib.sha256(stored.contiguous().view(torch.uint8).numpy().tobytes()).digest()[0])

    @property
    def size(self) -> int:
        """Number of coordinates."""
        return len(self.directions)

    def encode(self, coordinates: NDArray[np.float32]) -> list[bytes]:
        """(K,) -> data of all pieces; index in the list is the index on the wire."""
        levels = np.clip(np.round(coordinates / _STEP) + _MIDDLE, 0, _LEVELS - 1).astype(int)
        packed = bytes(int(low | high << 4) for low, high in zip(levels[::2], levels[1::2], strict=True))
        return [packed[at : at + PIECE_BYTES] for at in range(0, len(packed), PIECE_BYTES)]

    def decode(self, pieces: Mapping[int, bytes]) -> NDArray[np.float32]:
        """Coordinates (K,) from whichever pieces arrived, zeros for the others; pieces of unknown index are skipped."""
        coordinates = np.zeros(self.size, np.float32)
        for index, data in pieces.items():
            if index < self.pieces:
                levels = [half for byte in data for half in (byte & 15, byte >> 4)]
                at = index * PIECE_NUMBERS
                coordinates[at : at + len(levels)] = (np.array(levels) - _MIDDLE) * _STEP
        return coordinates

    def shift(self, coordinates: Tensor) -> Shift:
        """coordinates (..., K) -> what is added to the networks; differentiable."""
        return Shift.of(coordinates @ self.directions)


class ResidualSender:
    """Chooses the pieces of the residual of one direction of one call."""

    def __init__(self, code: ResidualCode) -> None:
        self._code = code
        self._speaker, self._version = 0, 0
        self._pieces: list[bytes] = []
        self._repeats = Repeats(urgent=1)

    @property
    def coordinates(self) -> NDArray[np.float32]:
        """Those that are being sent, (K,), as they arrive."""
        return self._code.decode(dict(enumerate(self._pieces)))

    @property
    def pieces(self) -> dict[int, bytes]:
        """Those that are being sent, or were."""
        return {index: data for index, data in enumerate(self._pieces) if data}

    def update(self, coordinates: NDArray[np.float32]) -> None:
        """Send these from now on, (K,)."""
        self._begin(self._code.encode(coordinates))

    def _begin(self, pieces: list[bytes]) -> None:
        self._pieces = pieces
        self._version = (self._version + 1) % VERSIONS
        self._repeats.begin(len(pieces), urgent=True)

    def resume(self, pieces: list[bytes]) -> None:
        """The far end is believed to remember these."""
        self._pieces, self._version = pieces, VERSIONS - 1
        self._repeats.assume_received(len(pieces))

    def assume_forgotten(self) -> None:
        """The far end did not answer: it may remember nothing."""
        self._repeats.assume_forgotten()

    def reset_speaker(self) -> None:
        """Somebody else talks: what was learned is to be forgotten."""
        self._speaker = (self._speaker + 1) % SPEAKERS
        if self._pieces:
            self._begin([b""])

    def acknowledge(self, receipt: VoiceReceipt) -> None:
        """The far end tells what it has."""
        same = (receipt.speaker, receipt.residual_version) == (self._speaker, self._version)
        self._repeats.acknowledge(receipt.residual_pieces if same else 0)

    def next_piece(self, spoken_seconds: float) -> ResidualPiece | None:
        """The piece that goes with the next packet, if any. spoken_seconds: speech sent so far."""
        index = self._repeats.next(spoken_seconds)
        if index is None:
            return None
        return ResidualPiece(self._code.basis, self._speaker, self._version, index, self._pieces[index])


class ResidualReceiver:
    """Puts the pieces together. A piece of a newer version takes the place of the same piece of an older one at once: coordinates are
    independent of each other."""

    def __init__(self, code: ResidualCode) -> None:
        self._code = code
        self._speaker, self._version = 0, 0
        self._pieces: dict[int, bytes] = {}
        self._held = 0
        self.coordinates: NDArray[np.float32] = np.zeros(code.size, np.float32)
        """(K,), as far as they are known."""

    def receive(self, data: bytes) -> None:
        """Take the data of an extension; data of another basis, or that is not a piece, is ignored."""
        piece = ResidualPiece.read(data)
        if piece is None or piece.basis != self._code.basis or piece.index >= self._code.pieces:
            return
        if piece.speaker != self._speaker or not piece.data:
            self._pieces = {}
        if (piece.speaker, piece.version) != (self._speaker, self._version):
            self._held = 0
        self._speaker, self._version = piece.speaker, piece.version
        self._held |= 1 << piece.index
        if piece.data:
            self._pieces[piece.index] = piece.data
        self.coordinates = self._code.decode(self._pieces)

    @property
    def progress(self) -> tuple[int, int, int]:
        """Speaker, version and pieces (bit i for piece i) that arrived of it."""
        return self._speaker, self._version, self._held

    @property
    def pieces(self) -> dict[int, bytes]:
        """What is in use."""
        return dict(self._pieces)

    def know(self, pieces: Mapping[int, bytes]) -> None:
        """Take what is remembered of this speaker, as the version that stands for it."""
        self._pieces, self._version = dict(pieces), VERSIONS - 1
        self._held = sum(1 << index for index in pieces)
        self.coordinates = self._code.decode(self._pieces)
