"""The link between the engine and the codec worker: an AF_UNIX SOCK_SEQPACKET pair, one message a datagram.

Neither side waits for the other: `Link.send` only touches queues, one pump thread moves datagrams, and media
that the peer does not take in time is dropped, oldest first, and counted.
"""

from __future__ import annotations

import os
import select
import socket
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from softphone.link.messages import MAX_DATAGRAM, LinkError, Message, Observed, Payload, Pcm, Pull, Statistics, pack, unpack
from softphone.link.queue import BoundedQueue

SOCKET_BUFFER = 8192
"""Bytes asked of the kernel for each direction (it doubles them): about a dozen 20 ms chunks, so that no backlog builds up there."""


def link_pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a new link, with small kernel buffers."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
    return ends


_MEDIA = (Pcm, Payload, Pull, Statistics, Observed)

_CONTROL_CAPACITY = 1024


@dataclass
class LinkCounters:
    """What passed and what was lost; `dropped` by kind of message and stream."""

    sent: int = 0
    received: int = 0
    dropped: Counter[tuple[str, int]] = field(default_factory=Counter)


class Link:
    """One end of the link with its pump thread.

    `receive` is called on the pump thread with each message; `closed` once, there too, with a sentence, when the peer is gone,
    sent what is no message, or `close()` was called. `send` may be called from any thread and never blocks.
    """

    def __init__(
        self,
        sock: socket.socket,
        receive: Callable[[Message], None],
        closed: Callable[[str], None],
        *,
        capacity: int = 64,
        name: str = "link",
    ) -> None:
        self.counters = LinkCounters()
        self._socket = sock
        self._socket.setblocking(False)
        self._receive = receive
        self._closed = closed
        self._control: BoundedQueue[bytes] = BoundedQueue(_CONTROL_CAPACITY)
        self._media: BoundedQueue[tuple[tuple[str, int], bytes]] = BoundedQueue(capacity)
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._wake_lock = threading.Lock()
        self._in_hand: bytes | None = None
        self._open = True
        self._thread = threading.Thread(target=self._pump, name=name, daemon=True)

    def start(self) -> None:
        """Start the pump thread."""
        self._thread.start()

    @property
    def is_open(self) -> bool:
        return self._open

    def send(self, message: Message) -> None:
        """Queue a message. Media may push out older media; control is never dropped. Raises LinkError if `pack` does."""
        datagram = pack(message)
        if isinstance(message, _MEDIA):
            evicted = self._media.put(((type(message).__name__.lower(), message.stream), datagram))
            if evicted is not None:
                self.counters.dropped[evicted[0]] += 1
        elif self._control.put(datagram) is not None:
            self.close()
        self._signal()

    def close(self) -> None:
        """Stop the pump; what is queued is lost. The socket is closed on the pump thread."""
        self._open = False
        self._signal()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the pump thread to end (not from the pump thread itself)."""
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout)

    def _signal(self) -> None:
        with self._wake_lock:
            if self._wake >= 0:
                os.eventfd_write(self._wake, 1)

    def _pump(self) -> None:
        reason = "the link was closed"
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        try:
            while self._open:
                poll.register(self._socket, select.POLLIN | (select.POLLOUT if self._next_datagram() else 0))
                for descriptor, events in poll.poll():
                    if descriptor == self._wake:
                        os.eventfd_read(self._wake)
                        continue
                    if events & (select.POLLIN | select.POLLHUP | select.POLLERR):
                        self._read()
                    if events & select.POLLOUT:
                        self._write()
        except (LinkError, OSError, EOFError) as error:
            reason = str(error) or type(error).__name__
        finally:
            self._open = False
            self._socket.close()
            with self._wake_lock:
                os.close(self._wake)
                self._wake = -1
            self._closed(reason)

    def _next_datagram(self) -> bytes | None:
        """The datagram in hand; it stays there until the kernel has taken it."""
        if self._in_hand is None:
            self._in_hand = self._control.get()
        if self._in_hand is None and (media := self._media.get()) is not None:
            self._in_hand = media[1]
        return self._in_hand

    def _read(self) -> None:
        for _ in range(64):
            try:
                datagram = self._socket.recv(MAX_DATAGRAM + 1)
            except BlockingIOError:
                return
            if not datagram:
                raise EOFError("the other process closed the link")
            self.counters.received += 1
            self._receive(unpack(datagram))

    def _write(self) -> None:
        while (datagram := self._next_datagram()) is not None:
            try:
                self._socket.send(datagram)
            except BlockingIOError:
                return
            self._in_hand = None
            self.counters.sent += 1
