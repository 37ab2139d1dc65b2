"""When the voice is described: pieces ride along in packets that go anyway, coarse first, and again for whoever missed them."""

import numpy as np

from codec.payload import VOICE_VERSIONS, VoicePiece
from codec.voice import Voice
from codec.voice_code import VoiceCode

URGENT_PIECES = 2
"""The first pieces of the first version go with the first packets after the voice is known: eight bytes say most of it."""

PIECE_SECONDS = 1.1
"""Then one piece in so many seconds of speech: with its byte of version and index about 36 bit/s."""

CYCLES = 3
"""How often all pieces of a version are sent at that pace."""

RARE_SECONDS = 6.0
"""After that one piece in so long, for a listener who joins late or lost them all."""

WORTH_A_VERSION = 0.02
WORTH_A_VERSION_UNFINISHED = 0.06
"""Gain in cosine that makes a better estimate worth its bytes, after the last version went out once, and before."""

WORTH_A_VERSION_SEMITONES = 1.0
ENOUGH_PIECES = 3
"""A listener turns to a newer version when it has so many pieces of it, or as many as of the older one."""


class VoiceSender:
    """Chooses the pieces of one direction of one call."""

    def __init__(self, code: VoiceCode) -> None:
        self._code = code
        self._version = -1
        self._pieces: list[bytes] = []
        self._described: Voice | None = None
        self._sent = 0
        self._due = 0.0
        self._urgent = 0
        self._shortfall = 0.0

    def update(self, voice: Voice) -> None:
        """Take a new estimate; a version begins if it is worth it."""
        if self._described is not None:
            gain = WORTH_A_VERSION if self._sent >= len(self._pieces) else WORTH_A_VERSION_UNFINISHED
            shift = abs(12 * np.log2(voice.mean_f0 / self._described.mean_f0))
            # What can be described at best is a little less than the estimate itself, so the old description is compared with 1 - that.
            better = 1 - float(self._described.embedding @ voice.embedding) - self._shortfall
            if better < gain and shift < WORTH_A_VERSION_SEMITONES:
                return
        first = self._described is None
        self._pieces = self._code.encode(voice)
        self._described = self._code.decode(dict(enumerate(self._pieces)), voice.mean_f0)
        self._shortfall = 1 - float(self._described.embedding @ voice.embedding)
        self._version = (self._version + 1) % VOICE_VERSIONS
        self._sent = 0
        self._due = 0.0 if first else self._due
        self._urgent = URGENT_PIECES if first else 0

    def next_piece(self, spoken_seconds: float) -> VoicePiece | None:
        """The piece that goes with the next packet, if any. spoken_seconds: speech sent so far."""
        if not self._pieces or spoken_seconds < self._due:
            return None
        piece = VoicePiece(self._version, self._sent % len(self._pieces), self._pieces[self._sent % len(self._pieces)])
        self._sent += 1
        if self._sent >= self._urgent:
            rare = self._sent >= CYCLES * len(self._pieces)
            self._due = spoken_seconds + (RARE_SECONDS if rare else PIECE_SECONDS)
        return piece


class VoiceReceiver:
    """Puts the pieces together. Holds two versions at most."""

    def __init__(self, code: VoiceCode) -> None:
        self._code = code
        self._version: int | None = None
        self._pieces: dict[int, bytes] = {}
        self._other: tuple[int, dict[int, bytes]] = (0, {})

    def receive(self, piece: VoicePiece) -> None:
        """Take a piece of any version, repeated or not; one of an index that the code does not have is skipped."""
        if piece.index >= self._code.pieces:
            return
        if self._version is None:
            self._version = piece.version
        if piece.version == self._version:
            self._pieces[piece.index] = piece.data
            self._other = (0, {})
            return
        # Versions are not compared: a sender that was started anew begins at 0 again.
        if self._other[0] != piece.version:
            self._other = (piece.version, {})
        self._other[1][piece.index] = piece.data
        if len(self._other[1]) >= min(ENOUGH_PIECES, len(self._pieces)):
            self._version, self._pieces = self._other
            self._other = (0, {})

    @property
    def known(self) -> bool:
        """True once any piece has arrived."""
        return bool(self._pieces)

    def voice(self, mean_f0: float) -> Voice:
        """The voice as far as it is known. mean_f0: Hz, taken where the sender's has not arrived."""
        return self._code.decode(self._pieces, mean_f0)
