"""What a receiver tells of the voice that it has: extension type 4, so that the sender need not repeat what arrived."""

from dataclasses import dataclass

from codec.wire.packet import Extension

TYPE = 4
SIZE = 3


@dataclass(frozen=True, slots=True)
class VoiceReceipt:
    """Of the newest version of each that the receiver heard of. version: of the embedding, 0..7; pieces: bit i for piece i, which arrived
    (0..255: pieces beyond the eighth are not told); speaker, residual_version, residual_pieces: the same of the residual. Both 0: nothing.
    """

    version: int = 0
    pieces: int = 0
    speaker: int = 0
    residual_version: int = 0
    residual_pieces: int = 0

    def extension(self) -> Extension:
        """Three bytes."""
        return Extension(
            TYPE, bytes([self.version << 5 | self.speaker << 3 | self.residual_version, self.pieces & 255, self.residual_pieces & 255])
        )

    @classmethod
    def read(cls, data: bytes) -> "VoiceReceipt | None":
        """None if a peer sent too few bytes; bytes after the third belong to a later version and are ignored."""
        if len(data) < SIZE:
            return None
        return cls(data[0] >> 5, data[1], data[0] >> 3 & 3, data[0] & 7, data[2])


class ReceiptWriter:
    """Decides when a receipt is worth its bytes. Times are seconds of any clock that does not run backwards."""

    SOON, LATER, AGAIN = 1.0, 20.0, 3
    """A change is told a second after the last receipt at the earliest, AGAIN times in all; everything once in LATER seconds."""

    def __init__(self) -> None:
        self._told: VoiceReceipt | None = None
        self._times = 0
        self._at = float("-inf")

    def due(self, now: float, receipt: VoiceReceipt) -> Extension | None:
        """What to tell with a packet that goes now, if anything."""
        if not receipt.pieces and not receipt.residual_pieces:
            return None
        if receipt != self._told:
            self._told, self._times = receipt, 0
        wait = self.SOON * 2**self._times if self._times < self.AGAIN else self.LATER
        if now - self._at < wait:
            return None
        self._at, self._times = now, self._times + 1
        return receipt.extension()
