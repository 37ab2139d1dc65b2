"""The recordings of a benchmark: a folder with `manifest.jsonl` (or one other .jsonl list), a line each with id, file, speaker, text."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from softphone.errors import SoftphoneError
from softphone.files import text_file
from softphone.files.text_file import TextFileError

LARGEST = 100_000_000
"""Bytes."""


class ManifestError(SoftphoneError):
    """The folder holds no usable list."""


Phones = tuple[tuple[str, int, int], ...]
"""(ARPAbet label, start ms, end ms) after another."""


@dataclass(frozen=True)
class Recording:
    """One utterance; `file` is a path that exists; `phones` its alignment, where the list has it."""

    name: str
    file: Path
    speaker: str
    text: str
    phones: Phones | None = None


def read_manifest(path: Path, limit: int | None = None) -> list[Recording]:
    """path: the folder, or the list itself -> at most `limit` recordings, spread evenly over the list. Raises ManifestError."""
    manifest = path / "manifest.jsonl" if path.is_dir() else path
    try:
        lines = text_file.read(manifest, LARGEST).text.split("\n")
    except (FileNotFoundError, TextFileError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ManifestError(f"{manifest} cannot be read ({why}); name a folder with manifest.jsonl, or a list, with --data") from None
    recordings: list[Recording] = []
    names: set[str] = set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            name, phones = str(row["id"]), _phones(row.get("phones"))
            recording = Recording(name, manifest.parent / row["file"], str(row["speaker"]), str(row["text"]), phones)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ManifestError(f"line {number} of {manifest} is not an object with id, file, speaker and text ({error})") from None
        if not recording.file.is_file():
            raise ManifestError(f"line {number} of {manifest} names {recording.file}, which does not exist")
        if name in names:
            raise ManifestError(f"line {number} of {manifest} has the id {name!r}, which another line has too")
        names.add(name)
        recordings.append(recording)
    if not recordings:
        raise ManifestError(f"{manifest} lists no recording")
    return recordings[:: -(-len(recordings) // limit)] if limit else recordings


def _phones(value: Any) -> Phones | None:
    return None if value is None else tuple((str(label), int(start), int(end)) for label, start, end in value)
