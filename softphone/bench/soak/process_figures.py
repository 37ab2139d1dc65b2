"""What processes use, from /proc (proc(5))."""

import contextlib
import os
from dataclasses import astuple, dataclass
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


def usage_of_tree(pid: int, without: set[int]) -> Usage | None:
    """Of a process and all that it started, and these started, but for some. None when it is gone."""
    own = usage(pid)
    if own is None:
        return None
    for child in _children(pid) - without:
        if (more := usage_of_tree(child, without)) is not None:
            own = Usage(*(mine + theirs for mine, theirs in zip(astuple(own), astuple(more), strict=True)))
    return own


def _children(pid: int) -> set[int]:
    found: set[int] = set()
    for thread in Path("/proc").glob(f"{pid}/task/*/children"):
        with contextlib.suppress(OSError):
            found |= {int(child) for child in thread.read_text().split()}
    return found


def is_alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
