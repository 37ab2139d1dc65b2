"""No RTCP before the call is up: PJSUA sends it twice when a stream is made, which on a slow link is in the way of the answer. And
afterwards no more often than a call of few bits may: PJMEDIA sends it every five seconds whatever the call's bandwidth is (RFC 3550, 6.2,
allows it 5 %).

A media transport of PJMEDIA (transport.h, 2.15.1) is a structure with a table of functions. Ours is the same table but for `send_rtcp`
and `send_rtcp2`, which drop what a transport sends that is still shut, and what comes too soon after the report before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any

from cffi import FFI

from softphone.engine.pjsip.abi import find_library
from softphone.engine.pjsip.status_codes import PJ_SUCCESS

_OTHERS = 7
"""media_create, encode_sdp, media_start, media_stop, simulate_lost, destroy, attach2."""
_KNOWN_TYPES = frozenset({0, 1})
"""UDP and ICE, as PJSUA makes them; SRTP is laid around them later."""
_DECLARATIONS = f"""
typedef struct pjmedia_transport pjmedia_transport;
typedef struct {{
    void *before[4];
    int (*send_rtcp)(pjmedia_transport *, const void *packet, size_t size);
    int (*send_rtcp2)(pjmedia_transport *, const void *address, unsigned length, const void *packet, size_t size);
    void *after[{_OTHERS}];
}} pjmedia_transport_op;
struct pjmedia_transport {{ char name[32]; int type; pjmedia_transport_op *op; }};
"""


@cache
def _interface() -> FFI:
    ffi = FFI()
    ffi.cdef(_DECLARATIONS)
    return ffi


class RtcpGate:
    """Of all calls; one for the process. `shut` and `open` on the main thread, the rest on the threads of the media."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._ffi = _interface()
        self._library = self._ffi.dlopen(str(find_library()))
        self._clock = clock
        self._shut: set[int] = set()
        self._paces: dict[int, tuple[float, float]] = {}
        """Seconds between two reports, and when the last one was sent."""
        self._tables: dict[int, tuple[Any, ...]] = {}
        """By the address of PJMEDIA's own table: ours, and the functions that it holds, which PJMEDIA may call until the process ends."""

    def shut(self, transport: int) -> bool:
        """Nothing of RTCP leaves the pjmedia_transport at this address, until `open`. False where it is of a kind that is not known."""
        held = self._ffi.cast("pjmedia_transport *", transport)
        if held.type not in _KNOWN_TYPES or not held.op:
            return False
        at = int(self._ffi.cast("uintptr_t", held.op))
        ours = {int(self._ffi.cast("uintptr_t", table[0])) for table in self._tables.values()}
        if at not in ours:
            held.op = (self._tables.get(at) or self._make_table(at, held.op))[0]
        self._shut.add(transport)
        return True

    def open(self, transport: int) -> None:
        """Let it send from now on. Nothing happens where it was not shut."""
        self._shut.discard(transport)

    def pace(self, transport: int, seconds: float) -> None:
        """Send at most one report per `seconds`; 0 for PJMEDIA's own rate. Only for transports that were closed before."""
        self._paces.pop(transport, None)
        if seconds > 0:
            self._paces[transport] = seconds, float("-inf")

    def forget(self, transport: int) -> None:
        """The transport is of a call that is over: another one may come to lie at its address."""
        self._shut.discard(transport)
        self._paces.pop(transport, None)

    def _passes(self, transport: int) -> bool:
        if transport in self._shut:
            return False
        paced = self._paces.get(transport)  # read once: the main thread may take it away meanwhile
        if paced is not None:
            seconds, last = paced
            now = self._clock()
            if now - last < seconds:
                return False
            if self._paces.get(transport) is paced:
                self._paces[transport] = seconds, now
        return True

    def _make_table(self, at: int, original: Any) -> tuple[Any, ...]:
        ffi, theirs = self._ffi, original
        real, real2 = theirs.send_rtcp, theirs.send_rtcp2

        def send_rtcp(transport: Any, packet: Any, size: int) -> int:
            if not self._passes(int(ffi.cast("uintptr_t", transport))):
                return PJ_SUCCESS
            return int(real(transport, packet, size))

        def send_rtcp2(transport: Any, address: Any, length: int, packet: Any, size: int) -> int:
            if not self._passes(int(ffi.cast("uintptr_t", transport))):
                return PJ_SUCCESS
            return int(real2(transport, address, length, packet, size))

        table = ffi.new("pjmedia_transport_op *")
        ffi.memmove(table, theirs, ffi.sizeof("pjmedia_transport_op"))
        first = ffi.callback("int(pjmedia_transport *, const void *, size_t)", send_rtcp)
        second = ffi.callback("int(pjmedia_transport *, const void *, unsigned, const void *, size_t)", send_rtcp2)
        table.send_rtcp = first
        if real2:
            table.send_rtcp2 = second
        self._tables[at] = (table, first, second, original)
        return self._tables[at]
