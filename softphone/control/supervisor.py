"""Supervises an engine process: starts it, restarts it when it dies, and ends it with the front end."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO

from softphone.control.client import ControlClient
from softphone.control.event_queue import EventQueue
from softphone.control.protocol import (
    AnyEvent,
    Call,
    CallState,
    Command,
    ControlError,
    Engine,
    PlacedCall,
    ResultT,
    Shutdown,
    Status,
    Stay,
    Subscribe,
)
from softphone.control.runtime import default_socket
from softphone.plain_text import LONGEST_NAME, visible

START_S = 20.0
FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 10.0
SETTLED_S = 30.0
MAX_FAILED_STARTS = 3
STOP_S = 8.0
ENGINE = "softphone.engine"
"""The module that is run."""


def begun_engine(socket: Path | None, config: Path | None) -> EngineSupervisor | None:
    """An engine that starts while the front end is still importing; None where one runs already, or cannot be started.

    `EngineSupervisor.start` waits for it, and says what is wrong.
    """
    try:
        supervisor = EngineSupervisor(socket or default_socket(), config=config)
        with contextlib.suppress(ControlError), ControlClient(supervisor.socket):
            return None
        supervisor.begin()
    except ControlError:
        return None
    return supervisor


class EngineSupervisor:
    """Use it as a context manager, or call `start` and `stop`. Speaks like a `ControlClient`, across deaths of the engine.

    When the engine dies, events say so: `call_state` disconnected for each call that was up, then `engine` died, restarting and
    ready. The restarted engine remembers what was set by command, by this process or any other (softphone/engine/standing.py). After
    three failed starts in a row `engine` given_up is the last event; where somebody told the engine to end, it is its own `stopped`.
    Losing this process closes a pipe, at which the engine ends itself.
    """

    def __init__(
        self,
        socket: Path | None = None,
        *,
        config: Path | None = None,
        on_event: Callable[[AnyEvent], None] | None = None,
        arguments: tuple[str, ...] = (),
        stderr_lines: int = 40,
    ) -> None:
        self._path = socket
        self._arguments = [*arguments, *(["--config", str(config)] if config is not None else [])]
        self._on_event = on_event
        self._events = EventQueue()
        self._client: ControlClient | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lifeline = -1
        self._stderr: deque[str] = deque(maxlen=stderr_lines)
        self._calls: dict[int, CallState] = {}
        self._stay = False
        self._subscription: Subscribe | None = None
        self._standing = os.memfd_create("softphone-standing", os.MFD_CLOEXEC)
        self._last_call = 0
        self._told_to_end = ""
        self._over = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="engine-supervisor", daemon=True)
        self.restarts = 0

    def __enter__(self) -> EngineSupervisor:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def socket(self) -> Path:
        """The engine's control socket."""
        if self._path is None:
            self._path = default_socket()
        return self._path

    @property
    def is_open(self) -> bool:
        """Whether more events may arrive."""
        return not (self._stopping.is_set() or self._over.is_set())

    @property
    def pid(self) -> int:
        """Process id of the engine; 0 while there is none."""
        return self._process.pid if self._process is not None and self._process.poll() is None else 0

    @property
    def stderr_lines(self) -> list[str]:
        """The last lines that engine and worker wrote to stderr, as many as `stderr_lines` says."""
        return list(self._stderr)

    def begin(self) -> None:
        """Start the engine and return at once; `start` then waits for it. Raises ControlError."""
        self._spawn()

    def start(self, on_event: Callable[[AnyEvent], None] | None = None) -> None:
        """Returns when the engine answers. Raises ControlError, with the engine's own sentence, when it does not start.

        `on_event` takes the place of the one that was given before.
        """
        self._on_event = on_event or self._on_event
        try:
            if self._process is None:
                self._spawn()
            self._await_answer()
        except ControlError:
            self._end_process()
            self._forget_standing()
            raise
        self._thread.start()

    def request(self, command: Command[ResultT], *, timeout_s: float = 30.0) -> ResultT:
        """The result of `command`. Raises ControlError with the engine's sentence."""
        client = self._client
        if client is None:
            again = "start it again" if self._over.is_set() else "it is being started again; try again in a moment"
            raise ControlError(f"the engine is gone; {again}", "no_engine")
        result = client.request(command, timeout_s=timeout_s)
        match command:
            case Stay(on=on):
                self._stay = on
            case Subscribe():
                self._subscription = command
            case Call(uri=uri) if isinstance(result, PlacedCall):
                # Its first event may never come.
                self._calls.setdefault(result.call, CallState(call=result.call, state="calling", direction="outgoing", remote=uri))
        return result

    def next_event(self, timeout_s: float | None = None) -> AnyEvent | None:
        """The next event; None when `timeout_s` passed, or none will come (`is_open` tells which)."""
        return self._events.next(timeout_s)

    def events(self, timeout_s: float | None = None) -> Iterator[AnyEvent]:
        """Events until `timeout_s` have passed since the call, or none will come."""
        return self._events.iterate(timeout_s)

    def stop(self) -> None:
        """Shut the engine down, by force if it does not respond; returns when it is gone. An engine that was told to stay keeps running."""
        self._stopping.set()
        if self._stay:
            self._drop_client()
            self._close_lifeline()
            self._forget_standing()
            return
        client = self._client
        if client is not None:
            with contextlib.suppress(ControlError):
                client.request(Shutdown(), timeout_s=STOP_S)
        self._end_process()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(STOP_S)
        self._drop_client()
        self._forget_standing()

    def _spawn(self) -> None:
        reading, self._lifeline = os.pipe()
        try:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", ENGINE, "--socket", str(self.socket), "--lifeline", str(reading)),
                    *("--standing", str(self._standing), "--calls-before", str(self._last_call)),
                    *self._arguments,
                ],
                pass_fds=[reading, self._standing],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                # Ctrl-C in the terminal goes to the front end, which hangs up before it ends the engine.
                start_new_session=True,
            )
        except OSError as error:
            os.close(self._lifeline)
            raise ControlError(f"the engine cannot be started ({error.strerror})", "no_engine") from None
        finally:
            os.close(reading)
        self._process = process
        self._told_to_end = ""
        self._stderr.clear()
        assert process.stderr is not None
        self._listener = threading.Thread(target=self._hear, args=(process.stderr,), name="engine-stderr", daemon=True)
        self._listener.start()

    def _await_answer(self) -> None:
        process = self._process
        assert process is not None
        deadline = time.monotonic() + START_S
        while True:
            if process.poll() is not None:
                self._listener.join(1)
                raise ControlError(self._last_words(process.returncode), "no_engine")
            try:
                client = ControlClient(self.socket, on_event=self._take)
                client.request(Status(), timeout_s=START_S)
                break
            except ControlError:
                if time.monotonic() > deadline:
                    raise ControlError(
                        f"the engine did not answer within {START_S:g} s; the machine may be overloaded", "no_engine"
                    ) from None
                time.sleep(0.05)
        self._client = client

    def _hear(self, stderr: IO[bytes]) -> None:
        with stderr:
            for line in stderr:
                self._stderr.append(line.decode("utf-8", "replace").rstrip())

    def _last_words(self, code: int) -> str:
        for line in reversed(self._stderr):
            if line.startswith("softphone engine: "):
                return line.removeprefix("softphone engine: ")
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        return f"the engine ended unexpectedly ({how})"

    def _take(self, event: AnyEvent) -> None:
        if isinstance(event, Engine) and event.state == "ready" and self._client is None:
            return  # said by `_restore`, when commands are taken again and what was set before is set again
        if isinstance(event, Engine) and event.state in ("stopping", "stopped"):
            self._told_to_end = event.state
        if isinstance(event, CallState):
            self._last_call = max(self._last_call, event.call)
            if event.state == "disconnected":
                self._calls.pop(event.call, None)
            else:
                self._calls[event.call] = event
        self._publish(event)

    def _publish(self, event: AnyEvent) -> None:
        if self._on_event is not None:
            self._on_event(event)
        else:
            self._events.put(event)

    def _watch(self) -> None:
        backoff, failed = FIRST_BACKOFF_S, 0
        while True:
            process = self._process
            assert process is not None
            began = time.monotonic()
            code = process.wait()
            self._drop_client()
            if self._stopping.is_set():
                return
            if code == 0 and self._told_to_end:
                self._bury_calls("the engine was told to end")
                if self._told_to_end != "stopped":
                    self._publish(Engine(state="stopped", reason="told to by a front end"))
                self._end_events()
                return
            why = self._last_words(code)
            lost = self._bury_calls(why)
            self._publish(Engine(state="died", reason=f"{why}; {lost}"))
            while True:
                backoff = FIRST_BACKOFF_S if time.monotonic() - began > SETTLED_S else min(2 * backoff, LONGEST_BACKOFF_S)
                if self._stopping.wait(backoff):
                    return
                self._publish(Engine(state="restarting", reason="the engine is started again"))
                try:
                    self._end_process()
                    self._spawn()
                    self._await_answer()
                    self._restore()
                    failed = 0
                    break
                except ControlError as error:
                    failed += 1
                    if failed >= MAX_FAILED_STARTS:
                        self._end_process()
                        self._publish(Engine(state="given_up", reason=f"{error}; start softphone again when that is fixed"))
                        self._end_events()
                        return
            if self._stopping.is_set():
                self._end_process()
                return

    def _end_events(self) -> None:
        self._over.set()
        self._events.end()

    def _bury_calls(self, why: str) -> str:
        """Publish that the calls are over; returns a clause that names them."""
        calls, self._calls = list(self._calls.values()), {}
        for call in calls:
            self._publish(
                CallState(
                    call=call.call,
                    state="disconnected",
                    direction=call.direction,
                    account=call.account,
                    local=call.local,
                    remote=call.remote,
                    reason=f"{why}; call again",
                    duration_s=call.duration_s,
                )
            )
        remotes = ", ".join(visible(call.remote, LONGEST_NAME) for call in calls)
        return f"lost: the {'call' if len(calls) == 1 else 'calls'} with {remotes}" if calls else "no call was up"

    def _restore(self) -> None:
        self.restarts += 1
        client = self._client
        assert client is not None
        if self._subscription is not None:
            client.request(self._subscription)
        state = client.request(Status())
        self._publish(Engine(state="ready", reason=f"listening on {state.address}", version=state.version, pid=self.pid))

    def _drop_client(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _forget_standing(self) -> None:
        if self._standing >= 0:
            os.close(self._standing)
            self._standing = -1

    def _close_lifeline(self) -> None:
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def _end_process(self) -> None:
        self._close_lifeline()
        process = self._process
        if process is None or process.poll() is not None:
            return
        for end, wait_s in ((None, STOP_S), (process.terminate, STOP_S), (process.kill, None)):
            if end is not None:
                end()
            try:
                process.wait(wait_s)
                return
            except subprocess.TimeoutExpired:
                continue
