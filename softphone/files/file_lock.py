"""One process at a time: a lock file beside what it is about."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from softphone.files.errors import StoreError

LOOK_S = 0.02


@contextlib.contextmanager
def alone(lock: Path, limit_s: float, busy: str) -> Iterator[None]:
    """Hold `lock`, which the kernel drops when a process dies.

    Raises:
        StoreError: it cannot be made, or another process held it for `limit_s`; `busy` is that sentence.
    """
    try:
        descriptor = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"{lock} cannot be made ({error.strerror}); is the disk writable, and is there space?") from None
    try:
        deadline = time.monotonic() + limit_s
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise StoreError(busy) from None
                time.sleep(LOOK_S)
        yield
    finally:
        os.close(descriptor)
