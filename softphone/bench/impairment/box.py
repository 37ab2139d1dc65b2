"""The impairment box: UDP sockets between two phones, a channel in each direction, and a record of all that was sent.

One thread, no privileges. SIP passes through the limited link only, unless it is asked to share the fate of the media.
"""

import contextlib
import heapq
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from codec.units.rates import IP_UDP_BYTES
from softphone.bench.impairment.channel import Channel, bottleneck_of
from softphone.bench.impairment.gateway import OTHER, Addresses, Kind, Side, media_kind, media_ports, rewrite, sip_label
from softphone.bench.impairment.impairment import NONE, Impairment
from softphone.errors import SoftphoneError

_LONGEST_DATAGRAM = 65535
_RECEIVE_BYTES = 1 << 20
_IDLE_S = 0.5
_MOST_PORTS = 512
_MOST_WAITING = 100_000
_LONGEST_RECORD = 1_000_000


class BoxError(SoftphoneError):
    """The box cannot listen."""


@dataclass(frozen=True)
class Sent:
    """A datagram that a phone gave to the box: when (CLOCK_MONOTONIC), which phone, what, with its IPv4 and UDP headers; how many copies
    arrive, and when the first of them does. `label` of SIP messages: see `gateway.sip_label`."""

    time: float
    side: Side
    kind: Kind
    ip_bytes: int
    copies: int
    arrival: float | None = None
    label: str = ""


class Box:
    """Use it as a context manager. Give each phone the other's `facing` address, with the port that the other really has."""

    def __init__(self, addresses: Addresses) -> None:
        self.addresses = addresses
        self._selector = selectors.DefaultSelector()
        self._sockets: dict[tuple[Side, int], socket.socket] = {}
        self._sip_ports: dict[Side, int] = {}
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._record: deque[Sent] = deque(maxlen=_LONGEST_RECORD)
        self._lock = threading.Lock()
        self._open = True
        self._latest_s = 0.0
        self._wake_from, self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="impairment-box", daemon=True)
        self._channels: dict[tuple[Side, bool], Channel] = {}
        self.impair(NONE, "")

    def __enter__(self) -> "Box":
        self._selector.register(self._wake_from, selectors.EVENT_READ, None)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open = False
        self._wake.send(b"x")
        self._thread.join()
        for each in (*self._sockets.values(), self._wake, self._wake_from):
            each.close()
        self._selector.close()

    def connect(self, sip_port_a: int, sip_port_b: int) -> None:
        """Stand between the SIP ports of the two phones. Raises BoxError."""
        with self._lock:
            self._sip_ports = {"a": sip_port_a, "b": sip_port_b}
            try:
                for side, port in (("a", sip_port_b), ("b", sip_port_a)):
                    self._socket("a" if side == "a" else "b", port)
            except OSError as error:
                raise BoxError(
                    f"the box cannot listen on {self.addresses.facing('a')}:{sip_port_b} and {self.addresses.facing('b')}:{sip_port_a} "
                    f"({error.strerror}); they must be addresses of this machine with these UDP ports free"
                ) from None

    def impair(self, impairment: Impairment, seed: str, *, sip: bool = False) -> None:
        """From now on, with fresh channels and an empty record. sip: whether SIP is lost and delayed as RTP and RTCP are; the limited link
        it shares in any case. What is already under way still arrives."""
        link = bottleneck_of(impairment)
        with self._lock:
            self._record.clear()
            self._latest_s = 0.0
            for side in OTHER:
                media = Channel(impairment, f"{seed}/{side}", link)
                self._channels[side, False] = media
                self._channels[side, True] = media if sip else Channel(impairment.link_only, f"{seed}/{side}/sip", link)

    def begin(self) -> None:
        """The stretches of a trace begin now."""
        now = time.monotonic()
        with self._lock:
            for channel in self._channels.values():
                channel.begin(now)

    def record(self) -> list[Sent]:
        """What was sent since `impair`, oldest first."""
        with self._lock:
            return list(self._record)

    @property
    def latest_s(self) -> float:
        """By how much the box was late itself, at worst since `impair`: on a machine with too much to do, what it does is not what it was
        told."""
        return self._latest_s

    def _run(self) -> None:
        while self._open:
            now = time.monotonic()
            while self._waiting and self._waiting[0][0] <= now:
                due, _, deliver = heapq.heappop(self._waiting)
                self._latest_s = max(self._latest_s, now - due)
                deliver()
            pause = min(max(self._waiting[0][0] - now, 0.0), _IDLE_S) if self._waiting else _IDLE_S
            for key, _ in self._selector.select(pause):
                if key.data is None:
                    continue
                side, port = key.data
                with contextlib.suppress(OSError):
                    data, (host, sender_port) = key.fileobj.recvfrom(_LONGEST_DATAGRAM)  # type: ignore[union-attr]
                    # A stray from elsewhere is not for the call.
                    if host == self.addresses.of(side):
                        self._take(side, sender_port, port, data)

    def _take(self, side: Side, sender_port: int, port: int, data: bytes) -> None:
        """A datagram of the phone `side`, from its `sender_port` to the other one's `port`."""
        now, receiver = time.monotonic(), OTHER[side]
        with self._lock:
            is_sip = port == self._sip_ports.get(receiver)
            kind: Kind = "sip" if is_sip else media_kind(data)
            if is_sip:
                for announced in media_ports(data):
                    with contextlib.suppress(OSError):
                        self._socket(receiver, announced)
            arrivals = self._channels[side, is_sip].send(now, len(data))
            first = min(arrivals, default=None)
            label = sip_label(data) if is_sip else ""
            self._record.append(Sent(now, side, kind, len(data) + IP_UDP_BYTES, len(arrivals), first, label))
            with contextlib.suppress(OSError):
                outgoing = self._socket(receiver, sender_port)
                content = rewrite(data, self.addresses.renamed(side)) if is_sip else data
                target = (self.addresses.of(receiver), port)
                for arrival in arrivals:
                    self._schedule(arrival, outgoing, content, target)

    def _schedule(self, when: float, outgoing: socket.socket, content: bytes, target: tuple[str, int]) -> None:
        def deliver() -> None:
            # A phone that is gone answers with ICMP, which is no failure of the box.
            with contextlib.suppress(OSError):
                outgoing.sendto(content, target)

        self._count += 1
        if len(self._waiting) < _MOST_WAITING:
            heapq.heappush(self._waiting, (when, self._count, deliver))

    def _socket(self, side: Side, port: int) -> socket.socket:
        """The box's socket to which the phone `side` sends what is for the other one's `port`; opened when first needed. Raises OSError."""
        known = self._sockets.get((side, port))
        if known is not None:
            return known
        if len(self._sockets) >= _MOST_PORTS:
            self._forget_media()
        new = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            new.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
            new.setblocking(False)
            new.bind((self.addresses.facing(side), port))
        except OSError:
            new.close()
            raise
        self._sockets[side, port] = new
        self._selector.register(new, selectors.EVENT_READ, (side, port))
        return new

    def _forget_media(self) -> None:
        """Close the media ports of old calls."""
        for key, old in list(self._sockets.items()):
            if key[1] not in self._sip_ports.values():
                self._selector.unregister(old)
                old.close()
                del self._sockets[key]
