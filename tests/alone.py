"""Tests beside each other in several processes (pytest-xdist), but for those that need the machine for themselves: marked `alone`.

A call on our codec takes much of two processors while it lasts, and what is heard of it is measured: nothing else may run then.
"""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest


class Turn:
    """Others share the room; who is alone keeps the door as well, so that nobody comes in between."""

    def __init__(self, folder: Path) -> None:
        self._door, self._room = ((folder / name).open("w") for name in ("door.lock", "room.lock"))

    def enter(self, alone: bool, running: ExitStack) -> None:
        """Waits for it; `running` gives it back."""
        fcntl.flock(self._door, fcntl.LOCK_EX)
        running.callback(fcntl.flock, self._door, fcntl.LOCK_UN)
        fcntl.flock(self._room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        running.callback(fcntl.flock, self._room, fcntl.LOCK_UN)
        if not alone:
            fcntl.flock(self._door, fcntl.LOCK_UN)


_TURNS: dict[Path, Turn] = {}


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Around set-up, test and tear-down, before the clock of pytest-timeout starts."""
    if not hasattr(item.config, "workerinput"):
        return (yield)  # one process
    # Each process of a run has a folder of its own there.
    folder = Path(item.config.option.basetemp).parent
    if folder not in _TURNS:
        folder.mkdir(parents=True, exist_ok=True)
        _TURNS[folder] = Turn(folder)
    with ExitStack() as running:
        _TURNS[folder].enter(item.get_closest_marker("alone") is not None, running)
        return (yield)
