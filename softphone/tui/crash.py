"""What the screen leaves behind when it fails: one sentence for the user, and the traceback, without values, in a private file."""

from __future__ import annotations

import os
import time
import traceback
from pathlib import Path

from softphone import __version__, paths
from softphone.errors import SoftphoneError
from softphone.files import private_file

LOG = "errors.log"
LARGEST = 200_000
"""Bytes, after which the file is started again."""


class ScreenError(SoftphoneError):
    """The full-screen phone failed by an internal error; one sentence."""


def ended(error: BaseException, *, calls: bool, engine: bool) -> ScreenError:
    """Write down what happened, and say so. `calls`: some were up; `engine`: it was told to go on.

    What the error itself says is for the file alone: it may hold what the user typed.
    """
    how = type(error).__name__
    try:
        where = f"what went wrong is in {write(error)}: please send it to the makers"
    except (OSError, SoftphoneError) as trouble:
        where = f"what went wrong could not be written down ({getattr(trouble, 'strerror', None) or trouble})"
    if calls and engine:
        back = "the call continues; run softphone to come back to it"
    elif calls:
        back = "the engine was lost too, and the call with it; run softphone to call again"
    else:
        back = "run softphone to come back"
    return ScreenError(f"the phone's screen failed by an internal error ({how}); {back}; {where}")


def write(error: BaseException) -> Path:
    """Add the traceback to the log; returns where that is. Raises OSError or StoreError."""
    folder = paths.data_dir()
    private_file.private_folder(folder)
    path = folder / LOG
    # Lines of the program and what the error says; never the values of variables, which may be passwords.
    lines = traceback.TracebackException.from_exception(error, capture_locals=False).format()
    text = f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} softphone {__version__}\n{''.join(lines)}\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        os.fchmod(descriptor, 0o600)
        if os.fstat(descriptor).st_size > LARGEST:
            os.ftruncate(descriptor, 0)
        file.write(text.encode("utf-8", "backslashreplace"))
    return path
