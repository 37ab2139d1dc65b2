"""Results of one recording through one system, and the folder that keeps them so that a long run can resume."""

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from codec.units import audio_file
from softphone.errors import SoftphoneError


class StoreError(SoftphoneError):
    """The folder for results cannot be used."""


@dataclass(frozen=True)
class Result:
    """One recording through one system.

    seconds: length of the recording; speech_s: of it, while somebody speaks; payload_bytes, packets, encode_s, decode_s, phones,
    phone_to_packet_ms, phone_ms: as in `systems.system.Passed`; heard, heard2: what the two speech recognisers understood; similarity:
    cosine of the GE2E embeddings of the recording and of what was heard; similarity2: the same of an encoder that no training has seen;
    dnsmos: 1..5, None in silence; lag_ms: by how much what was heard is late, `hold_ms` aside, None where it cannot be told;
    f0_correlation, voicing_error: as in `instruments.pitch`.
    """

    seconds: float
    speech_s: float
    heard: str
    heard2: str
    similarity: float
    similarity2: float
    dnsmos: float | None
    lag_ms: float | None
    f0_correlation: float | None = None
    voicing_error: float | None = None
    payload_bytes: int | None = None
    packets: int | None = None
    encode_s: float | None = None
    decode_s: float | None = None
    phones: tuple[int, ...] | None = None
    phone_to_packet_ms: tuple[int, ...] = field(default=())
    phone_ms: tuple[int, ...] = field(default=())


@dataclass(frozen=True)
class _Entry:
    key: str
    result: Result


class Store:
    """A folder per system, with a JSON file and the decoded sound for each recording."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, system: str, recording: str, key: str) -> Result | None:
        """The result kept under this key; None where there is none, or one of another key."""
        try:
            entry = msgspec.json.decode(self._path(system, recording).read_bytes(), type=_Entry)
        except (OSError, msgspec.MsgspecError):
            return None
        return entry.result if entry.key == key else None

    def put(self, system: str, recording: str, key: str, result: Result, pcm: NDArray[np.int16]) -> None:
        """Keep a result and its sound. Raises StoreError, AudioFileError."""
        path = self._path(system, recording)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent)
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(_Entry(key, result)))
            audio_file.write(path.with_suffix(".flac"), pcm)
            os.replace(name, path)  # last, and at once: what is there is complete
        except OSError as error:
            raise StoreError(f"{error.filename} cannot be written ({error.strerror}); name another folder with --keep") from None

    def _path(self, system: str, recording: str) -> Path:
        return self._folder / system / f"{_file_name(recording)}.json"


def _file_name(recording: str) -> str:
    plain = re.sub(r"[^\w.-]", "_", recording)[:100]
    return plain if plain == recording else f"{plain}-{hashlib.sha256(recording.encode()).hexdigest()[:8]}"
