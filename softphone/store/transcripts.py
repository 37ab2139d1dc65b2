"""Transcripts of calls: text files that only the user can read, one a call, in a folder of their own."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from softphone import paths
from softphone.files.errors import StoreError
from softphone.files.private_file import private_folder
from softphone.store.sip_address import key_of

FOLDER = "transcripts"
LONGEST = 4 << 20
"""Bytes of a transcript that are read: days of speech."""
_TIME = "%Y-%m-%d-%H%M%S"


class KeptTranscripts:
    """Files in `folder`, by default in the data folder; mode 0600 in 0700. A name is the time it began and whom the call was with."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or paths.data_dir() / FOLDER

    def path(self, remote: str, began: float) -> Path:
        """Of a new transcript; began: seconds since 1970."""
        return self.folder / f"{time.strftime(_TIME, time.localtime(began))}-{_name(remote)}.txt"

    def append(self, path: Path, text: str) -> None:
        """Raises StoreError."""
        private_folder(path.parent)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
                file.write(text)
        except OSError as error:
            raise StoreError(f"the transcript {path} cannot be written ({error.strerror}); is there space on the disk?") from None

    def of_call(self, remote: str, started: float, duration_s: float) -> list[Path]:
        """Those of a call of the history, oldest first. It may have rung for a while before it was `duration_s` long."""
        suffix = f"-{_name(remote)}.txt"
        return sorted(path for path in self._all() if path.name.endswith(suffix) and self._within(path, started, duration_s))

    def read(self, path: Path) -> str:
        """Raises StoreError."""
        try:
            with path.open("rb") as file:
                return file.read(LONGEST).decode("utf-8", "replace")
        except OSError as error:
            raise StoreError(f"the transcript {path} cannot be read ({error.strerror})") from None

    def delete(self, path: Path) -> None:
        """Raises StoreError."""
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{path} cannot be deleted ({error.strerror}); delete it by hand") from None

    def delete_all(self) -> int:
        """How many there were. Raises StoreError."""
        found = list(self._all())
        for path in found:
            self.delete(path)
        return len(found)

    def _all(self) -> Iterator[Path]:
        return self.folder.glob("*.txt")

    def _within(self, path: Path, started: float, duration_s: float) -> bool:
        try:
            began = time.mktime(time.strptime(path.name[: len("2026-11-29-055000")], _TIME))
        except ValueError:
            return False
        return started - 1 <= began <= started + LONGEST_RINGING_S + duration_s


LONGEST_RINGING_S = 600.0
"""`[calls] ring_seconds` is at most that."""


def _name(remote: str) -> str:
    """A part of a file's name."""
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in ".@-") else "_" for letter in key_of(remote))[:60]
