"""PJSUA2 without our engine around it (`softphone.bench.compare.plain_pjsua`): two processes."""

import contextlib
import os
import select
import subprocess
import sys
import time
from contextlib import ExitStack

from softphone.bench.compare.pair import EVENT_S, BesideError


class PlainPhone:
    """One process. A context manager."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "softphone.bench.compare.plain_pjsua"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._pending = b""
        self.uri = self.wait("ready ").partition(" ")[2]

    def __enter__(self) -> "PlainPhone":
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def do(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n".encode())
        self._process.stdin.flush()

    def wait(self, word: str) -> str:
        """The next line that begins so; others are dropped. Raises BesideError."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + EVENT_S
        while True:
            while b"\n" in self._pending:
                line, _, self._pending = self._pending.partition(b"\n")
                if line.startswith(word.encode()):
                    return line.decode()
            if not select.select([self._process.stdout], [], [], max(deadline - time.monotonic(), 0))[0]:
                raise BesideError(f"PJSUA2 did not say {word.strip()} within {EVENT_S:.0f} s; try again")
            chunk = os.read(self._process.stdout.fileno(), 65536)
            if not chunk:
                raise BesideError("the process of PJSUA2 ended; run: softphone doctor")
            self._pending += chunk


class PlainPair:
    name = "PJSUA2 alone"

    def __enter__(self) -> "PlainPair":
        with ExitStack() as running:
            self._caller, self._called = (running.enter_context(PlainPhone()) for _ in range(2))
            self._running = running.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def call(self) -> bool:
        self._caller.do(f"call {self._called.uri}")
        self._caller.wait("confirmed")
        return True

    def hang_up(self) -> bool:
        self._caller.do("hangup")
        for phone in (self._caller, self._called):
            phone.wait("disconnected")
        return True
