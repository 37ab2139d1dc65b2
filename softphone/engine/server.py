"""The control socket: a thread that reads command lines and writes answers and events. It never touches PJSIP.

A front end that does not read loses events, oldest first; it never slows the engine. One that sends without reading its answers
is put out.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import stat
import struct
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from softphone.control.protocol import (
    BY_NAME_ONLY,
    EVENTS,
    MAX_ANSWER,
    MAX_LINE,
    AnyCommand,
    ControlError,
    Done,
    Event,
    Failure,
    Reply,
    Subscribe,
    parse_command,
    reply_with,
    to_line,
)
from softphone.errors import SoftphoneError
from softphone.link.queue import BoundedQueue

MAX_CONNECTIONS = 16
EVENT_QUEUE = 512
ANSWER_QUEUE = 256
ANSWER_BYTES = 8 << 20
"""Most lines and bytes queued for one connection."""


class SocketPathError(SoftphoneError):
    """The control socket cannot be made at this path; one sentence."""


@dataclass
class _Connection:
    number: int
    socket: socket.socket
    incoming: bytearray = field(default_factory=bytearray)
    skipping: bool = False
    outgoing: bytearray = field(default_factory=bytearray)
    answers: deque[bytes] = field(default_factory=deque)
    events: BoundedQueue[bytes] = field(default_factory=lambda: BoundedQueue(EVENT_QUEUE))
    wanted: frozenset[str] = EVENTS - BY_NAME_ONLY


class ControlServer:
    """Serves the socket at `path` (mode 0600, same user only).

    `on_command(connection, command)` is called on the server thread and must only queue; the answer comes later through `reply`.
    `on_lifeline` is called when the other end of the pipe `lifeline` is closed: the front end that started this engine is gone.
    """

    def __init__(
        self,
        path: Path,
        on_command: Callable[[int, AnyCommand], None],
        *,
        lifeline: int | None = None,
        on_lifeline: Callable[[], None] = lambda: None,
    ) -> None:
        self.path = path
        self._on_command = on_command
        self._on_lifeline = on_lifeline
        self._lifeline = lifeline
        self._listener = _listen(path)
        self._inode = os.stat(path).st_ino
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._outbox: deque[tuple[int | None, str, bytes]] = deque()
        self._connections: dict[int, _Connection] = {}
        self._wanted: frozenset[str] = frozenset()
        self._numbers = 0
        self._stopping = False
        self._selector = selectors.DefaultSelector()
        self._thread = threading.Thread(target=self._run, name="control-server", daemon=True)

    @property
    def front_ends(self) -> int:
        """Connections now. Any thread."""
        return len(self._connections)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Flush the queues (for at most a second), close everything and remove the socket file."""
        self._stopping = True
        os.eventfd_write(self._wake, 1)
        if self._thread.is_alive():
            self._thread.join(3)
        else:
            self._close()

    def wants(self, tag: str) -> bool:
        """Whether any connection is subscribed to this event, so that it need not be made otherwise. Any thread."""
        return tag in self._wanted

    def publish(self, event: Event) -> None:
        """Send an event to every connection that wants it. Any thread."""
        self._outbox.append((None, str(event.__struct_config__.tag), to_line(event)))
        os.eventfd_write(self._wake, 1)

    def reply(self, connection: int, answer: Reply) -> None:
        """Send an answer. Any thread; a connection that is gone is no error."""
        line = to_line(answer)
        if len(line) > MAX_ANSWER:
            line = to_line(Reply(id=answer.id, error=Failure(code="too_long", message="the answer does not fit a line; ask for less")))
        self._outbox.append((connection, "", line))
        os.eventfd_write(self._wake, 1)

    def _run(self) -> None:
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._wake, selectors.EVENT_READ, lambda: os.eventfd_read(self._wake))
        if self._lifeline is not None:
            self._selector.register(self._lifeline, selectors.EVENT_READ, self._lifeline_ended)
        try:
            while not self._stopping:
                self._turn(None)
            self._listener.close()
            self._distribute()
            for _ in range(20):
                if not any(c.outgoing or c.answers or len(c.events) for c in self._connections.values()):
                    break
                self._turn(0.05)
        finally:
            for connection in list(self._connections.values()):
                self._drop(connection)
            self._close()

    def _close(self) -> None:
        self._listener.close()
        with contextlib.suppress(OSError):
            if os.stat(self.path).st_ino == self._inode:
                os.unlink(self.path)

    def _turn(self, timeout_s: float | None) -> None:
        for key, events in self._selector.select(timeout_s):
            target = key.data
            if isinstance(target, _Connection):
                if events & selectors.EVENT_READ:
                    self._read(target)
                if events & selectors.EVENT_WRITE and target.number in self._connections:
                    self._write(target)
            elif not self._stopping or key.fd == self._wake:
                target()
        self._distribute()

    def _lifeline_ended(self) -> None:
        assert self._lifeline is not None
        if not os.read(self._lifeline, 64):
            self._selector.unregister(self._lifeline)
            os.close(self._lifeline)
            self._on_lifeline()

    def _accept(self) -> None:
        try:
            peer, _ = self._listener.accept()
        except OSError:
            return
        _, uid, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
        if uid not in (os.getuid(), 0) or len(self._connections) >= MAX_CONNECTIONS:
            peer.close()
            return
        peer.setblocking(False)
        self._numbers += 1
        connection = _Connection(self._numbers, peer)
        self._connections[connection.number] = connection
        self._selector.register(peer, selectors.EVENT_READ, connection)
        self._subscriptions_changed()

    def _subscriptions_changed(self) -> None:
        self._wanted = frozenset().union(*(connection.wanted for connection in self._connections.values()))

    def _drop(self, connection: _Connection) -> None:
        if self._connections.pop(connection.number, None) is not None:
            self._subscriptions_changed()
            self._selector.unregister(connection.socket)
            connection.socket.close()

    def _read(self, connection: _Connection) -> None:
        try:
            data = connection.socket.recv(MAX_LINE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(connection)
            return
        connection.incoming += data
        while (end := connection.incoming.find(b"\n")) >= 0:
            line = bytes(connection.incoming[:end])
            del connection.incoming[: end + 1]
            if connection.skipping:
                connection.skipping = False
            elif line.strip():
                self._command(connection, line)
        if len(connection.incoming) > MAX_LINE:
            # Refused once, then skipped to its end, so that an endless line needs no memory.
            if not connection.skipping:
                self._command(connection, bytes(connection.incoming))
            connection.skipping = True
            connection.incoming.clear()

    def _command(self, connection: _Connection, line: bytes) -> None:
        try:
            command = parse_command(line)
        except ControlError as error:
            self.reply(connection.number, Reply(id=error.request_id, error=Failure(code=error.code, message=str(error))))
            return
        if isinstance(command, Subscribe):
            connection.wanted = EVENTS - BY_NAME_ONLY if command.events is None else frozenset(command.events)
            self._subscriptions_changed()
            self.reply(connection.number, reply_with(command.id, Done()))
            return
        self._on_command(connection.number, command)

    def _distribute(self) -> None:
        while self._outbox:
            number, tag, line = self._outbox.popleft()
            if number is None:
                for connection in self._connections.values():
                    if tag in connection.wanted:
                        connection.events.put(line)
            elif (target := self._connections.get(number)) is not None:
                target.answers.append(line)
                if len(target.answers) > ANSWER_QUEUE or sum(map(len, target.answers)) > ANSWER_BYTES:
                    self._drop(target)
        for connection in list(self._connections.values()):
            self._write(connection)

    def _write(self, connection: _Connection) -> None:
        # Answers and events are written in the order queued as far as possible: an answer first, so that a caller knows the number
        # of its call before events of that call arrive.
        try:
            while True:
                if not connection.outgoing:
                    line = connection.answers.popleft() if connection.answers else connection.events.get()
                    if line is None:
                        break
                    connection.outgoing += line
                sent = connection.socket.send(connection.outgoing)
                del connection.outgoing[:sent]
        except BlockingIOError:
            self._selector.modify(connection.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, connection)
            return
        except OSError:
            self._drop(connection)
            return
        self._selector.modify(connection.socket, selectors.EVENT_READ, connection)


def _listen(path: Path) -> socket.socket:
    """A listening socket at `path`, mode 0600; a socket file that nobody serves is replaced."""
    if len(os.fsencode(path)) > 107:
        raise SocketPathError(f"the socket path {path} is longer than the 107 bytes that Unix sockets allow; choose a shorter one")
    try:
        if stat.S_ISSOCK(os.stat(path).st_mode):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                try:
                    probe.connect(str(path))
                except OSError:
                    os.unlink(path)
                else:
                    raise SocketPathError(f"an engine already serves {path}; use it, or choose another path")
        else:
            raise SocketPathError(f"{path} exists and is no socket; remove it or choose another path")
    except FileNotFoundError:
        pass
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
        listener.listen(MAX_CONNECTIONS)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise SocketPathError(f"the control socket {path} cannot be made ({error.strerror}); is its folder there and writable?") from None
    finally:
        os.umask(before)
    return listener
