"""A peer program of the tests: started on free ports in a folder of its own, stopped for certain, its log kept for failures."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from softphone.bench.ports import free_port

__all__ = ["PeerError", "PeerProcess", "free_port"]


class PeerError(AssertionError):
    """A peer is missing or does not run: a failure of the test, never a reason to skip it."""


class PeerProcess:
    """One child process and its log. `folder` is its own."""

    def __init__(
        self,
        program: str,
        package: str,
        folder: Path,
        environment: dict[str, str] | None = None,
        namespace: str = "",
        commanded: bool = False,
    ) -> None:
        """namespace: the network namespace that it runs in (ip-netns(8)); empty: ours. commanded: `write` reaches its standard input."""
        found = shutil.which(program, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
        if found is None:
            raise PeerError(f"{program} is not installed, and these tests need the real one; run: apt-get install {package}")
        self.program = found
        self.folder = folder
        self._environment = environment or {}
        self._prefix = ["ip", "netns", "exec", namespace] if namespace else []
        self.log = folder / f"{Path(program).name}.log"
        self._input = subprocess.PIPE if commanded else subprocess.DEVNULL
        self._process: subprocess.Popen[bytes] | None = None

    def write(self, line: str) -> None:
        """Give it a line. Raises PeerError when it is gone."""
        assert self._process is not None and self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise PeerError(f"{self.program} takes no more commands:\n{self.tail()}") from None

    def start(self, *arguments: str, ready: Callable[[], bool], seconds: float = 15) -> None:
        """Start it and wait until `ready()`. Raises PeerError with the end of its log."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._prefix, self.program, *arguments],
                cwd=self.folder,
                stdin=self._input,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self._environment},
                start_new_session=True,
            )
        deadline = time.monotonic() + seconds
        while not ready():
            if self._process.poll() is not None:
                raise PeerError(f"{self.program} ended with status {self._process.returncode} at its start:\n{self.tail()}")
            if time.monotonic() > deadline:
                self.stop()
                raise PeerError(f"{self.program} was not ready within {seconds:g} s:\n{self.tail()}")
            time.sleep(0.05)

    def terminate(self) -> None:
        """Ask it to end, without waiting for it."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """End it (SIGTERM, then after five seconds SIGKILL to all of its children too) and wait for it."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(5)
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        self._process = None

    def wait(self, seconds: float) -> int:
        """Its exit status. Raises PeerError when it does not end."""
        assert self._process is not None
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise PeerError(f"{self.program} did not end within {seconds:g} s:\n{self.tail()}") from None

    def tail(self, lines: int = 40) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
