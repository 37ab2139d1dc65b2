"""What `softphone bench voice` measured: a row for each speaker and time, and the folder where rows wait until a run is whole."""

import hashlib
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from softphone.errors import SoftphoneError


class VoiceRowsError(SoftphoneError):
    """The folder cannot be written."""


@dataclass(frozen=True)
class VoiceRow:
    """One speaker after so many seconds of speech; `_embedding_only`: without the training. similarity: cosine of the GE2E embeddings of
    the kept recordings as said and as heard; similarity2: of another encoder's; mel_distance: as in `codec.learning.hearing`; found:
    whether what is heard is likest, by GE2E, to this speaker's recordings from the call among a crowd; real: the similarity of the kept
    recordings to those from the call, both true; training_s: processor time; heard_s: length of the kept recordings without their
    pauses."""

    speaker: str
    seconds: float
    bytes: float
    similarity: float
    similarity_embedding_only: float
    similarity2: float
    similarity2_embedding_only: float
    mel_distance: float
    mel_distance_embedding_only: float
    found: bool
    found_embedding_only: bool
    real: float
    real2: float
    training_s: float
    heard_s: float


@dataclass(frozen=True)
class VoiceFigures:
    """prefix_cosines: mean cosine of the first bytes of a description to the full embedding, over the speakers."""

    rows: list[VoiceRow]
    prefix_cosines: dict[int, float]

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {"rows": [asdict(row) for row in self.rows], "prefix_cosines": {str(size): x for size, x in self.prefix_cosines.items()}}


class KeptRows:
    """Rows of speakers that were measured already; `folder`: None keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def get(self, speaker: str, key: str) -> list[VoiceRow] | None:
        """None where there are none of this key."""
        if self._folder is None:
            return None
        try:
            return msgspec.json.decode(self._path(self._folder, speaker, key).read_bytes(), type=list[VoiceRow])
        except (OSError, msgspec.MsgspecError):
            return None

    def put(self, speaker: str, key: str, rows: list[VoiceRow]) -> None:
        """Raises VoiceRowsError."""
        if self._folder is None:
            return
        path = self._path(self._folder, speaker, key)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_bytes(msgspec.json.encode(rows))
            os.replace(part, path)
        except OSError as error:
            raise VoiceRowsError(f"{path} cannot be written ({error.strerror}); name another folder with --keep") from None

    def _path(self, folder: Path, speaker: str, key: str) -> Path:
        return folder / f"{hashlib.sha256(f'{speaker} {key}'.encode()).hexdigest()[:24]}.json"
