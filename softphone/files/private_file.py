"""Files that only this user can read, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from softphone.files.errors import StoreError


def private_folder(folder: Path) -> None:
    """Make it, mode 0700, with its parents; one that is there stays as it is. Raises StoreError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the folder {folder} cannot be made ({error.strerror}); is the disk writable, and is there space?") from None


def write(path: Path, data: bytes) -> None:
    """Replace the file's content at once: who reads, or is killed, sees the old or the new. Mode 0600; a symbolic link is followed.

    Raises:
        StoreError: the old content is still there.
    """
    target = Path(os.path.realpath(path))
    private_folder(target.parent)
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # mode 0600
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
        temporary = ""
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise StoreError(f"{path} cannot be written ({error.strerror}); is the disk writable, and is there space?") from None
    finally:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
