"""A voice remembered from call to call, and how a sender refers to it: extension type 5.

Its data: one byte of flags (bit 0: the listener may keep this voice beyond the call), then nothing, or the first eight bytes of the
SHA-256 over what the listener is believed to know already (`Remembered.digest`). A listener that knows such a voice uses it at once, and
says so with its receipt: version 7 of the embedding and of the residual stand for what is remembered, complete.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codec.units.errors import PayloadError
from codec.voice.embedding import EMBEDDING_SIZE, Voice
from codec.wire.packet import VOICE_PIECE_BYTES, Extension

TYPE = 5
DIGEST_BYTES = 8
MAY_KEEP = 1
_MOST_PIECES = 8


@dataclass(frozen=True)
class Remembered:
    """A description as it arrived: pieces of the embedding and of the residual by index; basis: of the residual."""

    pieces: dict[int, bytes]
    residual: dict[int, bytes]
    basis: int = 0

    @property
    def digest(self) -> bytes:
        """Names it on the wire."""
        digest = hashlib.sha256(bytes([self.basis if self.residual else 0]))
        for name, pieces in ((b"e", self.pieces), (b"r", self.residual)):
            for index in sorted(pieces):
                digest.update(name + bytes([index]) + pieces[index])
        return digest.digest()[:DIGEST_BYTES]

    def as_json(self) -> dict[str, Any]:
        """Hexadecimal."""
        both = {"pieces": self.pieces, "residual": self.residual}
        return {name: {str(index): data.hex() for index, data in part.items()} for name, part in both.items()} | {"basis": self.basis}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Remembered:
        """Raises PayloadError for what `as_json` cannot have made."""
        try:
            pieces, residual = ({int(at): bytes.fromhex(data) for at, data in value[name].items()} for name in ("pieces", "residual"))
            found = cls(pieces, residual, int(value["basis"]))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise PayloadError("A remembered voice cannot be read: delete it; it is learned again.") from None
        fits = all(len(data) == VOICE_PIECE_BYTES for data in (*pieces.values(), *residual.values()))
        if not fits or not pieces or not all(0 <= index < _MOST_PIECES for index in (*pieces, *residual)):
            raise PayloadError("A remembered voice is damaged: delete it; it is learned again.")
        return found


@dataclass(frozen=True)
class OwnMemory:
    """The user's own voice: the embedding and from how many seconds of speech it was made, coordinates (K,) of the residual and their
    basis."""

    voice: Voice
    seconds: float
    coordinates: NDArray[np.float32]
    basis: int

    def as_json(self) -> dict[str, Any]:
        """Numbers as base64 of float16."""
        packed = {"embedding": self.voice.embedding, "coordinates": self.coordinates}
        texts = {name: base64.b64encode(array.astype("<f2").tobytes()).decode() for name, array in packed.items()}
        return texts | {"mean_f0": round(self.voice.mean_f0, 2), "seconds": round(self.seconds, 1), "basis": self.basis}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> OwnMemory:
        """Raises PayloadError for what `as_json` cannot have made."""
        try:
            arrays = [np.frombuffer(base64.b64decode(value[name]), "<f2").astype(np.float32) for name in ("embedding", "coordinates")]
            mean_f0, seconds, basis = float(value["mean_f0"]), float(value["seconds"]), int(value.get("basis", -1))
        except (KeyError, TypeError, ValueError, AttributeError, binascii.Error):
            raise PayloadError("The remembered own voice cannot be read: delete it; it is learned again.") from None
        whole = all(np.isfinite(array).all() for array in arrays) and 20 < mean_f0 < 1000 and seconds > 0
        if len(arrays[0]) != EMBEDDING_SIZE or not whole:
            raise PayloadError("The remembered own voice is damaged: delete it; it is learned again.")
        return cls(Voice(arrays[0] / max(float(np.linalg.norm(arrays[0])), 1e-6), mean_f0), seconds, arrays[1], basis)


class MemorySender:
    """Sends the permission to keep the voice, and what the listener is believed to know, a few times until it answers."""

    TIMES, EVERY_SECONDS = 3, 2.0
    """Of speech."""
    KEEP_SECONDS = 5.0
    """The permission waits until then: in a shorter call there is nothing worth keeping."""

    def __init__(self) -> None:
        self._permit = False
        self._digest = b""
        self._told = 0
        self._due = 0.0

    def allow(self, permit: bool) -> None:
        """permit: whether the remote party may keep the voice."""
        self._permit, self._told = permit, 0

    def claim(self, known: Remembered) -> None:
        """The far end is believed to know this."""
        self._digest, self._told = known.digest, 0

    def answered(self) -> None:
        """The far end said what it has."""
        self._digest = b""

    def next(self, spoken_seconds: float) -> Extension | None:
        """What goes with a packet now, if anything."""
        late = spoken_seconds < (0 if self._digest else self.KEEP_SECONDS)
        if self._told >= self.TIMES or spoken_seconds < self._due or late or not (self._permit or self._digest):
            return None
        self._told += 1
        self._due = spoken_seconds + self.EVERY_SECONDS
        return Extension(TYPE, bytes([MAY_KEEP * self._permit]) + self._digest)


class MemoryReceiver:
    """What the remote party said about keeping its voice."""

    def __init__(self) -> None:
        self.may_keep = False
        self._known: Remembered | None = None
        self._meant: bytes | None = None

    def know(self, known: Remembered) -> None:
        """What is remembered of this contact."""
        self._known = known

    def receive(self, data: bytes) -> None:
        """Take the data of an extension; too short data is ignored."""
        if data:
            self.may_keep = bool(data[0] & MAY_KEEP)
        if len(data) > DIGEST_BYTES:
            self._meant = data[1 : 1 + DIGEST_BYTES]

    def take(self) -> Remembered | None:
        """What is remembered, once, when the far end has referred to it."""
        if self._known is None or self._meant != self._known.digest:
            return None
        known, self._known = self._known, None
        return known
