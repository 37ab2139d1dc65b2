"""When the voice is described: pieces travel in packets of speech, coarse first, and again if they were lost."""

from collections.abc import Mapping

import numpy as np

from codec.voice.code import VoiceCode
from codec.voice.embedding import Voice
from codec.voice.receipt import VoiceReceipt
from codec.voice.repeats import Repeats
from codec.wire.packet import VOICE_VERSIONS, VoicePiece

VERSIONS = ((0.0, 2), (3.0, 4), (8.0, 6), (18.0, 8), (60.0, 8), (200.0, 8), (600.0, 8))
"""(seconds of speech, pieces): when a better estimate becomes a new version, and how finely an estimate from so little is described."""

URGENT_PIECES = 2
"""The first pieces of the first version go with the first packets after the voice is known: eight bytes say most of it."""

WORTH_A_VERSION = 0.02
"""Gain in cosine that makes a better estimate worth its bytes,"""
WORTH_A_VERSION_SEMITONES = 1.0
"""or a change of mean F0."""
ANOTHER_SPEAKER = 0.15
"""A loss in cosine so large does not wait for the next row of VERSIONS."""

ENOUGH_PIECES = 3
"""A listener turns to another version when it has so many pieces of it, or as many as of the one it has."""


def _row(seconds: float) -> int:
    return max(row for row, (least, _) in enumerate(VERSIONS) if seconds >= least)


class VoiceSender:
    """Chooses the pieces of one direction of one call."""

    def __init__(self, code: VoiceCode) -> None:
        self._code = code
        self._version = -1
        self._pieces: list[bytes] = []
        self._described: Voice | None = None
        self._described_seconds = 0.0
        self._shortfall = 0.0
        self._repeats = Repeats(URGENT_PIECES)

    @property
    def pieces(self) -> list[bytes]:
        """Of the version that is being sent."""
        return self._pieces

    def update(self, voice: Voice, seconds: float) -> None:
        """Take a new estimate, made from so many seconds of speech; a version begins if it is worth it."""
        if self._described is not None and not self._worth_it(self._described, voice, seconds):
            return
        self.begin(self._code.encode(voice)[: VERSIONS[_row(seconds)][1]], voice, seconds)

    def begin(self, pieces: list[bytes], voice: Voice, seconds: float) -> None:
        """Begin a version of these pieces, which describe `voice`, known from so many seconds of speech."""
        self._pieces = pieces
        self._described = self._code.decode(dict(enumerate(self._pieces)), voice.mean_f0)
        self._described_seconds = seconds
        self._shortfall = 1 - float(self._described.embedding @ voice.embedding)
        self._version = (self._version + 1) % VOICE_VERSIONS
        self._repeats.begin(len(self._pieces), urgent=self._repeats.versions == 0)

    def resume(self, pieces: list[bytes], mean_f0: float, seconds: float) -> None:
        """The far end is believed to remember these, made from so many seconds of speech."""
        self._described = self._code.decode(dict(enumerate(pieces)), mean_f0)
        self._pieces, self._described_seconds, self._version = pieces, seconds, VOICE_VERSIONS - 1
        self._repeats.assume_received(len(pieces))

    def assume_forgotten(self) -> None:
        """The far end did not answer: it may remember nothing."""
        self._repeats.assume_forgotten()

    def reset_speaker(self) -> None:
        """Somebody else talks: the next estimate is described at once, with urgency."""
        self._described = None
        self._repeats.versions = 0

    def _worth_it(self, described: Voice, voice: Voice, seconds: float) -> bool:
        if abs(12 * np.log2(voice.mean_f0 / described.mean_f0)) >= WORTH_A_VERSION_SEMITONES:
            return True
        distance = 1 - float(described.embedding @ voice.embedding)
        if distance - self._shortfall >= ANOTHER_SPEAKER:
            return True
        return _row(seconds) > _row(self._described_seconds) and distance >= WORTH_A_VERSION

    def acknowledge(self, receipt: VoiceReceipt) -> None:
        """The far end tells what it has."""
        self._repeats.acknowledge(receipt.pieces if receipt.version == self._version else 0)

    def next_piece(self, spoken_seconds: float) -> VoicePiece | None:
        """The piece that goes with the next packet, if any. spoken_seconds: speech sent so far."""
        index = self._repeats.next(spoken_seconds)
        return None if index is None else VoicePiece(self._version, index, self._pieces[index])


class VoiceReceiver:
    """Puts the pieces together. Holds two versions at most."""

    def __init__(self, code: VoiceCode) -> None:
        self.bytes = 0
        """Of the description, received so far, repeats included."""
        self._code = code
        self._version: int | None = None
        self._pieces: dict[int, bytes] = {}
        self._other: tuple[int, dict[int, bytes]] = (0, {})

    def receive(self, piece: VoicePiece) -> None:
        """Take a piece of any version, repeated or not; one of an index that the code does not have is skipped."""
        if piece.index >= self._code.pieces:
            return
        self.bytes += len(piece.data)
        if self._version is None:
            self._version = piece.version
        if piece.version == self._version:
            self._pieces[piece.index] = piece.data
            self._other = (0, {})
            return
        # Versions are not ordered: a sender that was restarted begins at 0 again.
        if self._other[0] != piece.version:
            self._other = (piece.version, {})
        self._other[1][piece.index] = piece.data
        if len(self._other[1]) >= min(ENOUGH_PIECES, len(self._pieces)):
            self._version, self._pieces = self._other
            self._other = (0, {})

    def know(self, pieces: Mapping[int, bytes]) -> None:
        """Take what is remembered of this speaker, as the version that stands for it."""
        self._version, self._pieces = VOICE_VERSIONS - 1, {index: piece for index, piece in pieces.items() if index < self._code.pieces}
        self._other = (0, {})

    @property
    def progress(self) -> tuple[int, int]:
        """The newest version that was heard of, and which of its pieces arrived (bit i for piece i)."""
        version, pieces = self._other if self._other[1] else (self._version or 0, self._pieces)
        return version, sum(1 << index for index in pieces)

    @property
    def pieces(self) -> dict[int, bytes]:
        """Of the version in use."""
        return dict(self._pieces)

    @property
    def known(self) -> bool:
        """True once any piece has arrived."""
        return bool(self._pieces)

    def voice(self, mean_f0: float) -> Voice:
        """The voice as far as it is known. mean_f0: Hz, taken where the sender's has not arrived."""
        return self._code.decode(self._pieces, mean_f0)
