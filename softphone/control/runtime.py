"""The private folder of the control socket."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from softphone import paths
from softphone.control.protocol import ControlError


def default_socket() -> Path:
    """`engine.sock` in the private runtime folder. Raises ControlError if other users can access that folder."""
    return private_folder(paths.runtime_dir()) / "engine.sock"


def private_folder(folder: Path) -> Path:
    """Make `folder` with mode 0700 or check that it is so. Raises ControlError.

    In a shared temporary folder somebody else may have made it first, to listen to our commands.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = os.lstat(folder)
    except OSError as error:
        raise ControlError(
            f"the folder {folder} for the control socket cannot be made ({error.strerror}); set XDG_RUNTIME_DIR", "runtime"
        ) from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise ControlError(f"{folder} belongs to somebody else; set XDG_RUNTIME_DIR to a folder of your own", "runtime")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise ControlError(f"{folder} can be entered by other users; run: chmod 700 {folder}", "runtime")
    return folder
