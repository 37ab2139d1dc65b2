"""Data that PJSIP drops below its modules: messages that its parser refuses, and TCP messages that exceed its buffer.

`pjsip_tpmgr_set_drop_data_cb` tells of both with a pointer into the packet. Of one that could not be parsed the callback may say how much
was used up; the rest is then parsed again, which is how a corrected answer gets in.
"""

from __future__ import annotations

import logging
import re
import secrets
from functools import cache
from typing import Any

from cffi import FFI

from softphone.engine.limits import MAX_PJSIP_MESSAGE, MAX_REPEATED, VIAS
from softphone.engine.pjsip.abi import find_library
from softphone.engine.sip.head import Head, field_name, repeated_bytes, split_message
from softphone.engine.sip.parsed.auth_gate import readable
from softphone.engine.sip.unparsed import malformed

TOO_LARGE = 513
_INVALID, _OVERFLOW = 171020, 171062
"""PJSIP_EINVALIDMSG, PJSIP_ERXOVERFLOW."""
_CONNECTED = (2, 3)
"""PJSIP_TRANSPORT_TCP, PJSIP_TRANSPORT_TLS."""
_SELECT_TRANSPORT = 1
_MOST_SKIPPED = 1 << 20
_ANSWERED_WITH = frozenset({b"via", b"from", b"to", b"call-id", b"cseq"})
"""RFC 3261, 8.2.6."""
_DECLARATIONS = """
typedef struct {
    char name[32]; void *pool; void *ref_cnt; void *lock; void *grp_lock; int tracing; int is_shutdown; int is_destroying;
    struct { long type; uint8_t address[28]; } key;
} pjsip_transport;
typedef struct { pjsip_transport *tp; char *data; size_t len; int status; } pjsip_tp_dropped_data;
typedef struct { pjsip_transport *tp; char *data; size_t len; } pjsip_tp_rx_data;
typedef struct { int type; int disable_connection_reuse; void *transport; } pjsip_tpselector;
typedef struct { char *ptr; long slen; } pj_str_t;
void *pjsua_pool_create(const char *name, size_t size, size_t increment);
void pj_pool_release(void *pool);
void *pjsip_parse_hdr(void *pool, const pj_str_t *name, char *value, size_t size, int *parsed);
void *pjsua_get_pjsip_endpt(void);
void *pjsip_endpt_get_tpmgr(void *endpt);
int pjsip_tpmgr_set_drop_data_cb(void *mgr, void (*cb)(pjsip_tp_dropped_data *));
int pjsip_tpmgr_set_recv_data_cb(void *mgr, void (*cb)(pjsip_tp_rx_data *));
int pjsip_tpmgr_send_raw(void *mgr, int type, const pjsip_tpselector *sel, void *tdata, const void *data, size_t size,
                         const void *address, int address_size, void *token, void *cb);
int pjsip_transport_shutdown(void *transport);
"""
_ADDRESS_BYTES = 16
_UNREPEATABLE = re.compile(rb"\0|\r(?!\n)")
log = logging.getLogger(__name__)


@cache
def _library() -> tuple[FFI, Any]:
    ffi = FFI()
    ffi.cdef(_DECLARATIONS)
    return ffi, ffi.dlopen(str(find_library()))


class DroppedData:
    """Keep the object until after `libDestroy()`. Main thread only."""

    def __init__(self) -> None:
        self._ffi, self._lib = _library()
        self._skip: dict[int, int] = {}
        """Address of a connection -> bytes of a refused message that are still to come."""
        self._source = b""
        self._dropped_cb = self._ffi.callback("void(pjsip_tp_dropped_data *)", self._dropped)
        self._received_cb = self._ffi.callback("void(pjsip_tp_rx_data *)", self._received)

    def register(self) -> None:
        """After libInit()."""
        manager = self._manager()
        self._lib.pjsip_tpmgr_set_drop_data_cb(manager, self._dropped_cb)
        self._lib.pjsip_tpmgr_set_recv_data_cb(manager, self._received_cb)

    def unregister(self) -> None:
        """Before libDestroy()."""
        manager = self._manager()
        self._lib.pjsip_tpmgr_set_drop_data_cb(manager, self._ffi.NULL)
        self._lib.pjsip_tpmgr_set_recv_data_cb(manager, self._ffi.NULL)

    def forget(self, transport: int) -> None:
        """The connection at this address is gone."""
        self._skip.pop(transport, None)

    def came_from(self, address: bytes) -> None:
        """The sockaddr of whoever sent the message that PJSIP parses next, empty where it is to be dropped without a word."""
        self._source = address

    def refuse(self, transport: int, raw: bytes, code: int) -> None:
        """Answer a request that is not even parsed, where the answer may repeat what it must."""
        answer = refusal(raw, code) if malformed.status(raw) else b""
        if not _UNREPEATABLE.search(answer) and repeated_bytes(answer) <= MAX_REPEATED and _vias(answer) <= VIAS:
            self._send(self._ffi.cast("pjsip_transport *", transport), answer)

    def _manager(self) -> Any:
        return self._lib.pjsip_endpt_get_tpmgr(self._lib.pjsua_get_pjsip_endpt())

    def _dropped(self, dropped: Any) -> None:
        try:
            if dropped.status == _INVALID and self._source and 0 < dropped.len <= MAX_PJSIP_MESSAGE:
                self._correct(dropped)
            elif dropped.status == _OVERFLOW:
                self._refuse(dropped)
        except Exception:  # nothing may unwind through C frames
            log.exception("a message that PJSIP dropped could not be dealt with")

    def _correct(self, dropped: Any) -> None:
        raw = bytes(self._ffi.buffer(dropped.data, dropped.len))
        corrected = readable(raw) or self._without_malformed(raw)
        if corrected is not None:
            # PJSIP ignores line ends in front of a message.
            filling = len(raw) - len(corrected)
            self._ffi.memmove(dropped.data, b"\n" * filling + corrected, len(raw))
            dropped.len = filling
        elif code := malformed.status(raw):
            self._send(dropped.tp, refusal(raw, code))

    def _without_malformed(self, raw: bytes) -> bytes | None:
        pool = self._lib.pjsua_pool_create(b"softphone", 4 * MAX_PJSIP_MESSAGE, MAX_PJSIP_MESSAGE)
        try:
            return malformed.without(raw, lambda name, value: self._parses(pool, name, value))
        finally:
            self._lib.pj_pool_release(pool)

    def _parses(self, pool: Any, name: bytes, value: bytes) -> bool:
        ffi = self._ffi
        word, text = ffi.new("char[]", name), ffi.new("char[]", value + b"\r\n")
        known = ffi.new("pj_str_t *", {"ptr": word, "slen": len(name)})
        parsed = ffi.new("int *")
        return bool(self._lib.pjsip_parse_hdr(pool, known, text, len(value) + 2, parsed) != ffi.NULL)

    def _refuse(self, dropped: Any) -> None:
        raw = bytes(self._ffi.buffer(dropped.data, min(dropped.len, MAX_PJSIP_MESSAGE)))
        transport, key = dropped.tp, dropped.tp.key
        if key.type not in _CONNECTED or key.address[0] != 2:
            return
        self._send(dropped.tp, refusal(raw, TOO_LARGE))
        rest = missing(raw)
        if rest is None or rest > _MOST_SKIPPED:
            # The start of the next message is unknown.
            self._lib.pjsip_transport_shutdown(transport)
        elif rest:
            self._skip[int(self._ffi.cast("uintptr_t", transport))] = rest

    def _send(self, transport: Any, answer: bytes) -> None:
        """By the transport that the request came by, to where it came from."""
        key = transport.key
        address = bytes(self._ffi.buffer(key.address, _ADDRESS_BYTES)) if key.type in _CONNECTED else self._source
        if not answer or len(address) != _ADDRESS_BYTES:
            return
        selector = self._ffi.new("pjsip_tpselector *", {"type": _SELECT_TRANSPORT, "transport": transport})
        self._lib.pjsip_tpmgr_send_raw(
            self._manager(), key.type, selector, self._ffi.NULL, answer, len(answer), self._ffi.from_buffer(address), _ADDRESS_BYTES,
            self._ffi.NULL, self._ffi.NULL,
        )  # fmt: skip

    def _received(self, received: Any) -> None:
        """More data on a connection. `len` becomes the number of bytes left to parse, at the end of the buffer."""
        if not self._skip:
            return
        try:
            at = int(self._ffi.cast("uintptr_t", received.tp))
            due = self._skip.pop(at, 0)
            skipped = min(due, received.len)
            if due > skipped:
                self._skip[at] = due - skipped
            received.len -= skipped
        except Exception:
            log.exception("the rest of a message that was too large could not be passed over")


def refusal(raw: bytes, code: int) -> bytes:
    """The answer to a request of which this is the beginning; empty where there is none: to an ACK, an answer, or what lacks the fields
    that an answer needs."""
    head, gap, _ = raw.lstrip(b"\r\n").partition(b"\r\n\r\n")
    head = head if gap else head.rpartition(b"\r\n")[0]  # the last line may be cut off
    first, *lines = split_message(head)[1]
    if b"SIP/" not in first or first.startswith((b"ACK ", b"SIP/")):
        return b""
    kept = [line for line in lines if field_name(line) in _ANSWERED_WITH]
    if not {field_name(line) for line in kept} >= _ANSWERED_WITH:
        return b""
    tag = f";tag={secrets.token_hex(6)}".encode()
    kept = [line + tag if field_name(line) == b"to" and b";tag=" not in line.lower() else line for line in kept]
    status = f"SIP/2.0 {code} {malformed.REASONS[code]}".encode()
    return b"\r\n".join([status, *kept, b"Content-Length: 0", b"", b""])


def _vias(message: bytes) -> int:
    return sum(value.count(",") + 1 for value in Head(message).all("via"))


def missing(raw: bytes) -> int | None:
    """How many bytes are missing from this beginning of a message; None if it does not say."""
    head, gap, body = raw.partition(b"\r\n\r\n")
    length = Head(head).number("content-length")
    return max(0, length - len(body)) if gap and length is not None else None
