"""`.phv`: payloads with the times at which they were ready.

magic 89 50 48 56, u8 version 1, 8 ASCII bytes model id; then records: u32 time in ms, u16 length, payload; last a record of length 0
whose time is the length of the sound, and a CRC-32 of everything before it. Integers are big endian.
"""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from codec.units.errors import AudioFileError
from codec.wire.packet import MAX_PAYLOAD

MAGIC = b"\x89PHV"
VERSION = 1
MAX_FILE = 64 * 1024 * 1024
_HEADER = struct.Struct(">4sB8s")
_RECORD = struct.Struct(">IH")
_CRC = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class PhvFile:
    """model_id: `Models.model_id`; duration_ms of the sound; records: (time in ms, payload), in order of time."""

    model_id: str
    duration_ms: int
    records: tuple[tuple[int, bytes], ...]

    def serialize(self) -> bytes:
        """Raises ValueError where a field does not fit the file."""
        identity = self.model_id.encode("ascii")
        if len(identity) != 8:
            raise ValueError(f"a model id has 8 characters, got {self.model_id!r}")
        parts = [_HEADER.pack(MAGIC, VERSION, identity)]
        previous = 0
        for time, payload in self.records:
            if not previous <= time <= self.duration_ms or not 1 <= len(payload) <= MAX_PAYLOAD:
                raise ValueError(f"a record at {time} ms with {len(payload)} bytes does not fit a .phv file")
            parts += [_RECORD.pack(time, len(payload)), payload]
            previous = time
        body = b"".join(parts) + _RECORD.pack(self.duration_ms, 0)
        return body + _CRC.pack(zlib.crc32(body))


def parse(data: bytes, name: str = "the file") -> PhvFile:
    """Raises AudioFileError on anything that `PhvFile.serialize` cannot have made."""
    if len(data) < _HEADER.size or not data.startswith(MAGIC):
        raise AudioFileError(f"{name} is not a .phv file: make one with `softphone codec encode`.")
    _, version, identity = _HEADER.unpack_from(data)
    if version != VERSION:
        raise AudioFileError(
            f"{name} is a .phv file of version {version}, and this program reads version {VERSION}: use the one that wrote it."
        )
    damaged = AudioFileError(f"{name} is damaged or was cut short: encode the recording again, or copy the file again.")
    records: list[tuple[int, bytes]] = []
    at = _HEADER.size
    while True:
        if at + _RECORD.size > len(data):
            raise damaged
        time, length = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        if length == 0:
            break
        if length > MAX_PAYLOAD or at + length > len(data) or (records and time < records[-1][0]):
            raise damaged
        records.append((time, data[at : at + length]))
        at += length
    if len(data) != at + _CRC.size or _CRC.unpack_from(data, at)[0] != zlib.crc32(data[:at]):
        raise damaged
    if records and records[-1][0] > time:
        raise damaged
    if not identity.isalnum():
        raise damaged
    return PhvFile(identity.decode("ascii"), time, tuple(records))


def read(path: Path) -> PhvFile:
    """Raises AudioFileError."""
    try:
        size = path.stat().st_size
        if size > MAX_FILE:
            raise AudioFileError(f"{path} has {size} bytes, more than a .phv file may have ({MAX_FILE}): split the recording.")
        data = path.read_bytes()
    except OSError as error:
        raise AudioFileError(f"{path} cannot be read ({error.strerror}): check its name and permissions.") from None
    return parse(data, str(path))


def write(path: Path, file: PhvFile) -> None:
    """Raises AudioFileError."""
    try:
        path.write_bytes(file.serialize())
    except OSError as error:
        raise AudioFileError(f"{path} cannot be written ({error.strerror}): choose another place.") from None
