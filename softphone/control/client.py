"""A synchronous client of the engine's control socket: requests with responses, and an iterator of events."""

from __future__ import annotations

import contextlib
import itertools
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from softphone.control.event_queue import EventQueue
from softphone.control.protocol import (
    MAX_ANSWER,
    MAX_LINE,
    AnyEvent,
    Command,
    ControlError,
    Event,
    Failure,
    Reply,
    ResultT,
    parse_message,
    parse_result,
    to_line,
)


class ControlClient:
    """One connection. Thread-safe; a reader thread sorts answers from events.

    Events that nobody takes are kept, the newest 4096 of them. `on_event`, if given, gets each event on the reader
    thread instead. Raises ControlError (code `no_engine`) when nothing listens at `path`.
    """

    def __init__(self, path: Path, *, timeout_s: float = 5.0, on_event: Callable[[AnyEvent], None] | None = None) -> None:
        self.path = path
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._waiting: dict[int, queue.SimpleQueue[Reply]] = {}
        self._events = EventQueue()
        self._on_event = on_event
        self._closed = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(timeout_s)
            self._socket.connect(str(path))
            self._socket.settimeout(None)
        except OSError as error:
            self._socket.close()
            raise ControlError(
                f"no phone is running at {path} ({error.strerror or error}); start one with `softphone`", "no_engine"
            ) from None
        self._reader = threading.Thread(target=self._read, name="control-client", daemon=True)
        self._reader.start()

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_open(self) -> bool:
        return not self._closed

    def close(self) -> None:
        """Close the connection; the engine keeps running. Pending requests fail, iterators of events end."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if threading.current_thread() is not self._reader:
            self._reader.join(5)

    def request(self, command: Command[ResultT], *, timeout_s: float = 30.0) -> ResultT:
        """The result of `command`. Raises ControlError with the engine's sentence, or when no answer comes (`timeout`, `no_engine`)."""
        request_id = next(self._ids)
        answer: queue.SimpleQueue[Reply] = queue.SimpleQueue()
        line = to_line(msgspec.structs.replace(command, id=request_id))
        if len(line) > MAX_LINE:
            raise ControlError(f"the command is longer than {MAX_LINE} bytes", "line_too_long", request_id)
        with self._lock:
            if self._closed:
                raise ControlError("the phone has ended; start it again", "no_engine", request_id)
            self._waiting[request_id] = answer
            try:
                self._socket.sendall(line)
            except OSError as error:
                del self._waiting[request_id]
                raise ControlError(f"the phone has ended ({error.strerror}); start it again", "no_engine", request_id) from None
        try:
            reply = answer.get(timeout=timeout_s)
        except queue.Empty:
            raise ControlError(
                f"the engine did not answer within {timeout_s:g} s; it may be overloaded, try again", "timeout", request_id
            ) from None
        finally:
            with self._lock:
                self._waiting.pop(request_id, None)
        return parse_result(command, reply)

    def next_event(self, timeout_s: float | None = None) -> AnyEvent | None:
        """The next event; None when the connection ended or `timeout_s` passed (`is_open` tells which)."""
        return self._events.next(timeout_s)

    def events(self, timeout_s: float | None = None) -> Iterator[AnyEvent]:
        """Events until the connection ends, or until `timeout_s` have passed since the call."""
        return self._events.iterate(timeout_s)

    def _dispatch(self, message: AnyEvent | Reply | None) -> None:
        if isinstance(message, Reply):
            with self._lock:
                answer = self._waiting.get(message.id) if message.id is not None else None
            if answer is not None:
                answer.put(message)
        elif isinstance(message, Event):
            if self._on_event is not None:
                self._on_event(message)
            else:
                self._events.put(message)

    def _read(self) -> None:
        reason = "the phone has ended; start it again"
        try:
            with self._socket.makefile("rb") as lines:
                while line := lines.readline(MAX_ANSWER + 1):
                    self._dispatch(parse_message(line))
        except ControlError as error:
            reason = str(error)
        except OSError:
            pass
        finally:
            with self._lock:
                self._closed = True
                waiting = list(self._waiting.values())
            self._socket.close()
            for answer in waiting:
                answer.put(Reply(error=Failure(code="no_engine", message=reason)))
            self._events.end()
