"""Commands of softphone as processes of their own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.phones.phone import HASTY
from tests.places import ROOT

PROGRAM = (sys.executable, "-m", "softphone.cli.main")
SECONDS = 60
HURRIED = (
    "import sys\nfrom softphone.cli.main import main\nfrom softphone.control import supervisor\n"
    f"supervisor.ENGINE = {HASTY!r}\nsys.exit(main())"
)
"""The program with an engine that waits less for others."""


def run(
    *arguments: str | Path, seconds: float = SECONDS, program: tuple[str, ...] = PROGRAM, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [*program, *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=seconds,
        stdin=subprocess.DEVNULL,
        check=False,
    )


class Running:
    """A command that goes on; its events are read from its JSON lines."""

    def __init__(self, *arguments: str | Path) -> None:
        self.process = subprocess.Popen(
            [*PROGRAM, *map(str, arguments)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def event(self, name: str, **fields: Any) -> dict[str, Any]:
        """The next event of this name with these fields."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and (line := self.process.stdout.readline()):
            event: dict[str, Any] = json.loads(line)
            if event["event"] == name and all(event.get(key) == value for key, value in fields.items()):
                return event
        raise AssertionError(f"no event {name} {fields}; {self.process.communicate(timeout=10)}")

    def interrupt(self) -> None:
        """Ctrl-C reaches the whole process group, as from a terminal."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> tuple[int, str]:
        """(exit status, standard error)"""
        _, errors = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, errors


@contextmanager
def running(*arguments: str | Path) -> Iterator[Running]:
    command = Running(*arguments)
    try:
        yield command
    finally:
        if command.process.poll() is None:
            os.killpg(command.process.pid, signal.SIGKILL)
        command.process.communicate(timeout=10)


def one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    """What stands on standard error, if it is one line of ours and no traceback."""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("softphone: ")
    return lines[0]
