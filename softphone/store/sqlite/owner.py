"""Names for running processes that are not given to another one later, as process numbers are."""

from __future__ import annotations

import os
from pathlib import Path


def this_process() -> str:
    """The name of the process that asks: its number, its start time, and on Linux the boot of the machine."""
    return _name(os.getpid())


def is_alive(owner: str) -> bool:
    """Whether the process of this name runs; where that cannot be known (not Linux), whether one of its number does."""
    number = owner.partition(":")[0]
    return number.isascii() and number.isdigit() and len(number) < 10 and _name(int(number)) == owner


def _name(number: int) -> str:
    try:
        # proc(5): the start time is field 22; field 2, the program's name in parentheses, may hold anything.
        started = Path(f"/proc/{number}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (OSError, IndexError):
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return ""
        except OSError:
            pass
        return str(number)
    return f"{number}:{started}:{boot}"
