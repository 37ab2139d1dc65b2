"""The engine as the commands see it: one of their own, which ends with them, or a running one; and its events, shown as they come."""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol

from softphone import config, sound_file
from softphone.cli import status
from softphone.cli.output import Output, event_sentence
from softphone.control.client import ControlClient
from softphone.control.protocol import (
    AnyEvent,
    CallState,
    Command,
    ControlError,
    Engine,
    File,
    Hangup,
    PlacedCall,
    Registration,
    ResultT,
    Status,
    Worker,
)
from softphone.control.runtime import default_socket
from softphone.control.supervisor import EngineSupervisor

_WORKER_SECONDS = 90.0
_REGISTRATION_SECONDS = 40.0
_GOODBYE_SECONDS = 3.0
_WHY_SECONDS = 1.0
_TAIL_SECONDS = 2.0
"""How long a call continues after its sound file was sent: the remote party hears the last words late."""


class EngineLink(Protocol):
    """What a client and a supervisor have in common."""

    def request(self, command: Command[ResultT], *, timeout_s: float = 30.0) -> ResultT: ...

    def next_event(self, timeout_s: float | None = None) -> AnyEvent | None: ...

    @property
    def is_open(self) -> bool: ...


class EngineStopped(status.CommandError):
    """The engine was told to end."""


class Phone:
    """Commands and events of one engine; every event that passes is shown."""

    def __init__(self, link: EngineLink, socket: Path, output: Output, *, own: bool = False) -> None:
        self.socket = socket
        self.own = own
        """Whether the engine ends with the command."""
        self._link = link
        self._output = output
        self._calls: set[int] = set()

    def request(self, command: Command[ResultT]) -> ResultT:
        """Raises ControlError with the engine's sentence."""
        result = self._link.request(command)
        if isinstance(result, PlacedCall):
            self._calls.add(result.call)
        return result

    def announce(self) -> None:
        """Show that the engine is ready, where it takes calls, and how its accounts stand: these events came before we listened."""
        state = self.request(Status())
        self._output.event(Engine(state="ready", version=state.version, reason=f"listening on {state.address}"))
        for account in state.accounts:
            if account.last is not None:
                self._output.event(account.last)

    def address(self) -> str:
        """Where the engine takes calls."""
        return f"sip:{self.request(Status()).address}"

    def has_account(self) -> bool:
        """Whether there is an account that registers."""
        return any(account.registrar for account in self.request(Status()).accounts)

    def wait_worker(self) -> None:
        """Until our own codec can be offered, or is known to be out of order (calls then use Opus or G.711)."""
        if self.request(Status()).worker.state not in ("starting", "died"):
            return
        self._output.progress("warming up the codec")
        deadline = time.monotonic() + _WORKER_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            event = self._next(left)
            if isinstance(event, Worker) and event.state in ("ready", "unavailable", "stopped"):
                return

    def wait_registered(self, seconds: float = _REGISTRATION_SECONDS) -> None:
        """Until every account that registers has done so. Raises CommandError when a registrar refuses, or does not answer in time."""
        waiting = set()
        for account in self.request(Status()).accounts:
            if account.registrar and not account.registered:
                waiting.add(account.account)
                self._fail_if_refused(account.last)
        deadline = time.monotonic() + seconds
        while waiting:
            left = deadline - time.monotonic()
            if left <= 0:
                raise status.CommandError(
                    f"the registrar did not answer within {seconds:.0f} s; check account.registrar and the network",
                    status.REFUSED,
                )
            event = self._next(left)
            if isinstance(event, Registration) and event.account in waiting:
                self._fail_if_refused(event)
                if event.state == "registered":
                    waiting.discard(event.account)

    def wait_incoming(self) -> int:
        """The number of the next call that comes in."""
        while True:
            event = self._next(None)
            if isinstance(event, CallState) and event.state == "incoming":
                self._calls.add(event.call)
                return event.call

    def follow_call(self, call: int, seconds: float | None, until_played: bool) -> CallState:
        """Stay to the end of a call and give its last state; hang up after `seconds` of call, or when the sound file has been said."""
        hang_up_at: float | None = None
        while True:
            left = None if hang_up_at is None else hang_up_at - time.monotonic()
            if left is not None and left <= 0:
                hang_up_at = None
                with suppress(ControlError):
                    self._link.request(Hangup(call=call))
                continue
            event = self._next(left)
            if isinstance(event, CallState) and event.call == call:
                if event.state == "disconnected":
                    self._calls.discard(call)
                    self._fail_if_engine_died(event)
                    return event
                if event.state == "confirmed" and seconds is not None:
                    hang_up_at = time.monotonic() + seconds
            elif isinstance(event, File) and event.call == call and event.action == "played" and until_played and seconds is None:
                hang_up_at = time.monotonic() + _TAIL_SECONDS

    def leave_call(self, call: int) -> None:
        """A call that this command began goes on when it ends."""
        self._calls.discard(call)

    def _fail_if_engine_died(self, end: CallState) -> None:
        """The supervisor says that calls are over, and then why; no SIP status ended such a call."""
        deadline = time.monotonic() + _WHY_SECONDS
        while not end.code and self._link.is_open and (left := deadline - time.monotonic()) > 0:
            event = self._link.next_event(left)
            if event is not None:
                self._output.event(event, to_people=not isinstance(event, Engine))
            if isinstance(event, Engine) and event.state == "died":
                raise status.CommandError(f"the call is lost: {event.reason}")

    def follow(self) -> None:
        """Print events while the engine runs. Raises EngineStopped when it was told to end, CommandError when it is gone."""
        while True:
            self._next(None)

    def hang_up(self) -> None:
        """End the calls that this command made or answered, and wait a moment for the BYE to reach the far end."""
        for call in list(self._calls):
            with suppress(ControlError):
                self._link.request(Hangup(call=call), timeout_s=_GOODBYE_SECONDS)
        deadline = time.monotonic() + _GOODBYE_SECONDS
        with suppress(status.CommandError):
            while self._calls and (left := deadline - time.monotonic()) > 0:
                event = self._next(left)
                if isinstance(event, CallState) and event.state == "disconnected":
                    self._calls.discard(event.call)

    def _fail_if_refused(self, event: Registration | None) -> None:
        # If a time for the next attempt is given, the engine keeps trying.
        if event is not None and event.state == "failed" and event.retry_s is None:
            raise status.CommandError(event_sentence(event), status.REFUSED)

    def _next(self, seconds: float | None) -> AnyEvent | None:
        # Short waits, so that Ctrl-C is seen at once.
        wait = 0.5 if seconds is None else min(seconds, 0.5)
        event = self._link.next_event(wait)
        if event is None:
            if not self._link.is_open:
                self._calls.clear()
                raise status.CommandError("the engine is gone, and its calls with it; start it again")
            return None
        if isinstance(event, Engine) and event.state in ("died", "given_up", "stopped"):
            had_calls = bool(self._calls)
            self._calls.clear()
            self._output.event(event, to_people=event.state == "died" and not had_calls)
            if event.state == "stopped":
                raise EngineStopped(f"the engine has ended ({event.reason}); start it again")
            if event.state == "given_up":
                raise status.CommandError(f"the phone has ended ({event.reason}); run: softphone doctor")
            if had_calls:
                raise status.CommandError(f"the call is lost: {event.reason}")
            return event
        self._output.event(event)
        return event


@contextmanager
def open_phone(options: argparse.Namespace, output: Output, listen: Path | None = None) -> Iterator[Phone]:
    """The engine at `options.socket`, else the running phone's (a second one would register the same accounts again), else one of our own,
    ready to call. With `options.config` or `listen` it is one of our own.

    On the way out, calls are hung up, and an engine of our own is ended.
    """
    running = options.socket
    if running is None and options.config is None and listen is None:
        running = running_phone()
    if running is not None:
        with ControlClient(running) as client:
            if options.socket is None:
                output.say("using the phone that is running")
            yield from _served(Phone(client, running, output))
        return
    config.load(options.config)  # its errors are better told here than by a process that will not start
    with tempfile.TemporaryDirectory(prefix="softphone-") as folder:
        socket = listen or Path(folder) / "engine.sock"
        with EngineSupervisor(socket, config=options.config) as engine:
            yield from _served(Phone(engine, socket, output, own=True))


def running_phone() -> Path | None:
    """The socket of the phone that runs for this user, where one answers."""
    try:
        path = default_socket()
        ControlClient(path).close()
    except ControlError:
        return None
    return path


def _served(phone: Phone) -> Iterator[Phone]:
    phone.announce()
    phone.wait_worker()
    try:
        yield phone
    finally:
        phone.hang_up()


class SoundFiles:
    """`--wav-in` and `--wav-out` as the engine wants them: absolute, and converted to what it plays."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.wav_in: str | None = None
        self.wav_out: str | None = str(options.wav_out.resolve()) if options.wav_out else None

    def __enter__(self) -> "SoundFiles":
        if self._options.wav_in is not None:
            self._folder = tempfile.TemporaryDirectory(prefix="softphone-")
            try:
                self.wav_in = str(sound_file.playable(self._options.wav_in, Path(self._folder.name)))
            except BaseException:
                self._folder.cleanup()
                raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._folder is not None:
            self._folder.cleanup()
