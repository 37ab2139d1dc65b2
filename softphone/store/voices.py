"""Voices kept from call to call: a private file for each contact, and one for the user's own.

What is in them is the codec's affair (`codec.voice.memory`); here they are JSON objects. `mine` is what the contact's phone knows of the
user's voice, `theirs` what this one knows of the contact's.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from softphone import paths
from softphone.files import private_file
from softphone.files.errors import StoreError
from softphone.store.sip_address import key_of

FOLDER = "voices"
OWN = "own"
LONGEST = 16384
MOST = 1000
"""Most contacts; the least recently used are removed."""


@dataclass(frozen=True)
class KeptVoice:
    """who: `user@host` of the contact, or OWN; kept: when, seconds since 1970; voices: `own`, or `mine` and `theirs`."""

    who: str
    kept: float
    voices: dict[str, Any]


class KeptVoices:
    """Files in `folder`, by default in the data folder; mode 0600 in 0700."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or paths.data_dir() / FOLDER

    def keep(self, remote: str, voices: dict[str, Any]) -> None:
        """remote: URI or header value of the contact, or OWN. What is None or missing leaves what was kept. Raises StoreError."""
        who = remote if remote == OWN else key_of(remote)
        before = self._read(self._path(who))
        merged = {**(before.voices if before else {}), **{name: value for name, value in voices.items() if value is not None}}
        if merged:
            text = json.dumps({"who": who, "kept": round(time.time()), "voices": merged})
            private_file.write(self._path(who), text.encode())
        self._forget_oldest()

    def get(self, remote: str) -> KeptVoice | None:
        """None if there is no file, or it cannot be read."""
        return self._read(self._path(remote if remote == OWN else key_of(remote)))

    def all(self) -> list[KeptVoice]:
        """The own voice first, then the newest."""
        found = [voice for path in self._folder.glob("*.json") if (voice := self._read(path)) is not None]
        return sorted(found, key=lambda voice: (voice.who != OWN, -voice.kept))

    def delete(self, remote: str) -> bool:
        """Whether there was one. Raises StoreError."""
        return self._unlink(self._path(remote if remote == OWN else key_of(remote)))

    def delete_all(self) -> int:
        """How many there were. Raises StoreError."""
        return sum(self._unlink(path) for path in list(self._folder.glob("*.json")))

    def _path(self, who: str) -> Path:
        return self._folder / f"{hashlib.sha256(who.encode()).hexdigest()[:32]}.json"

    def _read(self, path: Path) -> KeptVoice | None:
        try:
            with path.open("rb") as file:
                value = json.loads(file.read(LONGEST))
            return KeptVoice(str(value["who"]), float(value["kept"]), dict(value["voices"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _unlink(self, path: Path) -> bool:
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StoreError(f"{path} cannot be deleted ({error.strerror}); delete it by hand") from None
        return True

    def _forget_oldest(self) -> None:
        for voice in self.all()[MOST:]:
            with contextlib.suppress(StoreError):
                self._unlink(self._path(voice.who))
