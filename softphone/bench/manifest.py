"""The recordings of a benchmark: a folder with `manifest.jsonl` (or one other .jsonl list), a line each with id, file, speaker, text."""

import json
from dataclasses import dataclass
from pathlib import Path

from softphone.errors import SoftphoneError


class ManifestError(SoftphoneError):
    """The folder holds no usable list."""


@dataclass(frozen=True)
class Recording:
    """One utterance; `file` is a path that exists."""

    name: str
    file: Path
    speaker: str
    text: str


def read_manifest(path: Path, limit: int | None = None) -> list[Recording]:
    """path: the folder, or the list itself -> at most `limit` recordings, spread evenly over the list. Raises ManifestError."""
    manifest = path / "manifest.jsonl" if path.is_dir() else path
    try:
        lines = manifest.read_text().splitlines()
    except OSError as error:
        raise ManifestError(
            f"{manifest} cannot be read ({error.strerror}); name a folder with manifest.jsonl, or a list, with --data"
        ) from None
    recordings = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            recording = Recording(str(row["id"]), manifest.parent / row["file"], str(row["speaker"]), str(row["text"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ManifestError(f"line {number} of {manifest} is not an object with id, file, speaker and text ({error})") from None
        if not recording.file.is_file():
            raise ManifestError(f"line {number} of {manifest} names {recording.file}, which does not exist")
        recordings.append(recording)
    if not recordings:
        raise ManifestError(f"{manifest} lists no recording")
    return recordings[:: -(-len(recordings) // limit)] if limit else recordings
