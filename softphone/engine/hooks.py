"""Hooks: the user's programs that run when a call rings, is answered or ends, or a message arrives.

They run on a thread and in processes of their own, with a time limit; the main loop only puts the event on a bounded queue. What strangers
say (names, reasons, texts) reaches them in environment variables alone, never as an argument and never through a shell.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from softphone.config import Hooks
from softphone.control.protocol import CallState, Event, Log, Message
from softphone.plain_text import visible, visible_lines

QUEUE = 64
MOST_AT_ONCE = 4
LONGEST_VALUE = 4000
"""Characters of a variable."""
KILL_S = 2.0
"""After SIGTERM, until SIGKILL; also what programs get that still run when the engine ends."""
LOOK_S = 0.1
NOTICE_S = 10.0
PREFIX = "SOFTPHONE_"
log = logging.getLogger(__name__)


@dataclass
class _Running:
    hook: str
    process: subprocess.Popen[bytes]
    ends_at: float
    ended_by_us: bool = False


class HookRunner:
    """`take` gets every event. `secret` names environment variables that hold passwords; `tell` is called from any thread."""

    def __init__(self, hooks: Hooks, socket: Path, tell: Callable[[Log], None], secret: Collection[str] = ()) -> None:
        self._programs = {"ring": hooks.ring, "answer": hooks.answer, "hangup": hooks.hangup, "message": hooks.message}
        self._limit_s = hooks.timeout_seconds
        self._socket = socket
        self._tell = tell
        self._secret = frozenset(secret)
        self._seen: dict[int, set[str]] = {}
        self._queue: queue.Queue[tuple[str, dict[str, str]] | None] = queue.Queue(QUEUE)
        self._running: list[_Running] = []
        self._noticed: dict[str, float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hooks", daemon=True)

    def start(self) -> None:
        """Start the thread, if there is any hook."""
        if any(self._programs.values()):
            self._thread.start()

    def stop(self) -> None:
        """Run the queued hooks, then terminate what is still running."""
        self._stopping.set()
        if self._thread.is_alive():
            with contextlib.suppress(queue.Full):
                self._queue.put_nowait(None)
            self._thread.join(3 * KILL_S)

    def take(self, event: Event) -> None:
        """Never waits."""
        hook = self._hook(event)
        if hook is None or not self._programs[hook]:
            return
        try:
            self._queue.put_nowait((hook, variables(hook, event)))
        except queue.Full:
            self._notice(hook, f"the hook {hook} is not run: {QUEUE} events wait already for hooks that are too slow")

    def _hook(self, event: Event) -> str | None:
        """Which hook the event is for: of a call each at most once, though its state is told again and again."""
        if isinstance(event, Message):
            return "message"
        if not isinstance(event, CallState):
            return None
        if event.state == "disconnected":
            self._seen.pop(event.call, None)
            return "hangup"
        hook = "answer" if event.state == "confirmed" else "ring" if (event.state, event.direction) == ("early", "incoming") else None
        seen = self._seen.setdefault(event.call, set())
        if hook is None or hook in seen:
            return None
        seen.add(hook)
        return hook

    def _run(self) -> None:
        deadline = float("inf")
        while True:
            self._look_after()
            if self._stopping.is_set():
                deadline = min(deadline, time.monotonic() + KILL_S)
                if time.monotonic() >= deadline or (self._queue.empty() and not self._running):
                    break
            if len(self._running) >= MOST_AT_ONCE:
                time.sleep(LOOK_S)
                continue
            try:
                # With a timeout only while programs are running.
                item = self._queue.get(timeout=LOOK_S if self._running or self._stopping.is_set() else None)
            except queue.Empty:
                continue
            if item is not None:
                self._start(*item)
        for running in self._running:
            _signal(running.process, signal.SIGKILL)
            running.process.wait()

    def _start(self, hook: str, values: dict[str, str]) -> None:
        program, *arguments = self._programs[hook]
        argv = [os.path.expanduser(program), *arguments]
        inherited = {key: value for key, value in os.environ.items() if key not in self._secret and not key.startswith(PREFIX)}
        try:
            process = subprocess.Popen(
                argv,
                env={**inherited, **values, PREFIX + "SOCKET": str(self._socket)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            self._notice(hook, f"the hook {hook} cannot be run: {argv[0]}: {reason}; correct hooks.{hook} in the configuration")
            return
        self._running.append(_Running(hook, process, time.monotonic() + self._limit_s))

    def _look_after(self) -> None:
        for running in list(self._running):
            status = running.process.poll()
            if status is not None:
                self._running.remove(running)
                if status and not running.ended_by_us:
                    how = f"signal {-status}" if status < 0 else f"exit status {status}"
                    self._notice(running.hook, f"the hook {running.hook} failed ({how}); run its program by hand to see why")
            elif time.monotonic() >= running.ends_at:
                _signal(running.process, signal.SIGKILL if running.ended_by_us else signal.SIGTERM)
                if not running.ended_by_us:
                    running.ended_by_us = True
                    running.ends_at = time.monotonic() + KILL_S
                    self._notice(running.hook, f"the hook {running.hook} was ended after {self._limit_s} s (hooks.timeout_seconds)")

    def _notice(self, hook: str, sentence: str) -> None:
        now = time.monotonic()
        if now - self._noticed.get(hook, -NOTICE_S) >= NOTICE_S:
            self._noticed[hook] = now
            self._tell(Log(level="warning", message=sentence))


def variables(hook: str, event: Event) -> dict[str, str]:
    """What a hook is told, as environment variables; what cannot be seen is made visible (softphone/plain_text.py)."""
    values: dict[str, object] = {"EVENT": hook, "TIME": f"{event.time:.3f}"}
    if isinstance(event, CallState):
        values |= {
            "CALL": event.call,
            "DIRECTION": event.direction,
            "ACCOUNT": event.account,
            "REMOTE": event.remote,
            "CODE": event.code,
            "REASON": event.reason,
            "SECONDS": f"{event.duration_s:.1f}",
        }
    elif isinstance(event, Message):
        values |= {"ACCOUNT": event.account, "REMOTE": event.remote}
    shown = {name: visible(str(value), LONGEST_VALUE) for name, value in values.items() if name != "TEXT"}
    if isinstance(event, Message):
        shown["TEXT"] = visible_lines(event.text, LONGEST_VALUE)
    return {PREFIX + name: text for name, text in shown.items()}


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """To the program and its children: it leads a session of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
