"""What processes use, from /proc (proc(5))."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Usage:
    """resident: bytes; cpu_s: of all threads since the start."""

    resident: int
    files: int
    threads: int
    cpu_s: float


def usage(pid: int) -> Usage | None:
    """Of a process now; None when it is gone."""
    folder = Path("/proc") / str(pid)
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        resident = int((folder / "statm").read_text().split()[1]) * _PAGE
        return Usage(resident, len(list((folder / "fd").iterdir())), int(fields[17]), (int(fields[11]) + int(fields[12])) / _TICKS)
    except (OSError, IndexError):
        return None


def is_alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
