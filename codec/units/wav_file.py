"""The head of a WAV file, believed only where the file itself agrees: a recorder that was killed leaves sizes of zero in it, one that
writes into a pipe 0xFFFFFFFF.

Sources: Multimedia Programming Interface and Data Specifications 1.0 (IBM, Microsoft 1991), WAVE_FORMAT_EXTENSIBLE (Microsoft 2001),
EBU Tech 3306 (RF64).
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

PCM, FLOAT, A_LAW, MU_LAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
SIMPLE_FORMATS = frozenset({PCM, FLOAT, A_LAW, MU_LAW})
"""Whose samples need nothing of the head but rate, channels and width."""
MAX_SIZE = 0xFFFFFFFF
_MAX_CHUNKS = 1000
_SEARCHED_BYTES = 1 << 20
_FMT = struct.Struct("<HHIIHH")
_CHUNK = struct.Struct("<4sI")


@dataclass(frozen=True)
class WavHead:
    """`begin`: where the sound begins in the file, in bytes; `length`: how many bytes of whole frames it has, by the length of the file.

    `honest`: a reader that believes every size in the head finds the same. `simple`: so does one that knows neither extensible formats
    nor that chunks of odd length are padded.
    """

    format: int
    channels: int
    rate: int
    bits: int
    begin: int
    length: int
    honest: bool
    simple: bool

    @property
    def frame_bytes(self) -> int:
        return max(self.channels * ((self.bits + 7) // 8), 1)

    @property
    def frames(self) -> int:
        """Samples of each channel."""
        return self.length // self.frame_bytes

    def rewritten(self) -> bytes:
        """A head of 44 or 46 bytes that is true, for one of `SIMPLE_FORMATS`."""
        extra = b"" if self.format == PCM else b"\0\0"
        size = self.frame_bytes
        form = _FMT.pack(self.format, self.channels, self.rate, self.rate * size & MAX_SIZE, size, self.bits) + extra
        length = min(self.length, MAX_SIZE - 64)
        return (
            _CHUNK.pack(b"RIFF", 4 + 8 + len(form) + 8 + length) + b"WAVE" + _CHUNK.pack(b"fmt ", len(form)) + form
            + _CHUNK.pack(b"data", length)
        )  # fmt: skip


def read_head(file: BinaryIO) -> WavHead | None:
    """None where it is no WAV file, or one without format or sound. Raises OSError."""
    total = file.seek(0, io.SEEK_END)
    file.seek(0)
    riff = file.read(12)
    if len(riff) < 12 or riff[:4] not in (b"RIFF", b"RF64", b"BW64") or riff[8:] != b"WAVE":
        return None
    whole = int.from_bytes(riff[4:8], "little") + 8
    whole_ok = abs(whole - total) < 2
    place, form, long_size, plain, walked = 12, b"", 0, True, True
    for _ in range(_MAX_CHUNKS):
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            return None
        name, size = _CHUNK.unpack(head)
        if name == b"data":
            begin = place + 8
            length = _length(size, long_size, begin, whole_ok, total)
            return _head(form, begin, length, honest=size == length and whole_ok and walked, plain=plain)
        if name == b"fmt " and not form:
            form = file.read(min(max(size, 16), 64))
            size = size or 16
        elif name == b"ds64":
            long_size = int.from_bytes(file.read(16)[8:], "little")
        plain = plain and size % 2 == 0
        following = _following(file, place + 8 + size, size % 2, total)
        if following is None:
            # The size is nonsense: what else could be the next chunk?
            file.seek(place + 8)
            found = file.read(_SEARCHED_BYTES).find(b"data")
            if found < 0:
                return None
            following, walked = place + 8 + found, False
        walked = walked and following == place + 8 + size + size % 2
        place = following
    return None


def _following(file: BinaryIO, end: int, odd: int, total: int) -> int | None:
    """Where the next chunk begins: after a byte of padding, which some programs leave out."""
    for place in dict.fromkeys((end + odd, end)):
        if place + 8 > total:
            continue
        file.seek(place)
        if all(32 <= letter < 127 for letter in file.read(4)):
            return place
    return None


def _length(size: int, long_size: int, begin: int, whole: bool, total: int) -> int:
    available = total - begin
    if size == MAX_SIZE and 0 < long_size <= available:
        return long_size
    if size == 0 and whole:
        # All sizes agree that there is no sound; other chunks follow.
        return 0
    return size if 0 < size <= available else available


def _head(form: bytes, begin: int, length: int, *, honest: bool, plain: bool) -> WavHead | None:
    if len(form) < 16:
        return None
    kind, channels, rate, _, _, bits = _FMT.unpack(form[:16])
    extensible = kind == EXTENSIBLE
    if extensible and len(form) >= 26:
        kind = int.from_bytes(form[24:26], "little")
    if not channels or not rate or not bits:
        return None
    head = WavHead(kind, channels, rate, bits, begin, length, honest, honest and plain and not extensible)
    return replace(head, length=length - length % head.frame_bytes)


class RewrittenWav(io.RawIOBase):
    """A WAV file as it would be with a true head; reads and seeks, and closes `file`. `head` is of one of `SIMPLE_FORMATS`."""

    def __init__(self, file: BinaryIO, head: WavHead) -> None:
        super().__init__()
        self._file = file
        self._head = head.rewritten()
        self._begin = head.begin
        self._size = len(self._head) + head.length
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = max(offset + (0, self._place, self._size)[whence], 0)
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        wanted = min(len(buffer), self._size - self._place)
        if wanted <= 0:
            return 0
        data = self._head[self._place : self._place + wanted]
        if not data:
            self._file.seek(self._begin + self._place - len(self._head))
            data = self._file.read(wanted)
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def opened(path: Path) -> io.RawIOBase | None:
    """The file with a true head, where its own is not honest and another can be written; else None. Raises OSError."""
    file = path.open("rb")
    head = read_head(file)
    if head is None or head.honest or head.format not in SIMPLE_FORMATS:
        file.close()
        return None
    return RewrittenWav(file, head)
