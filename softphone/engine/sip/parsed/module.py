"""A PJSIP module that sees each SIP message as it passes the transport: requests and responses, retransmissions, failed attempts.

What PJSIP's parser must not see is taken away before that (`unparsed/receive_hook.py`); where the hook cannot be laid, the module
refuses here what can be refused after the parser.

PJSUA2 tells of SIP messages only through transactions, and so of no retransmission and of no request that a proxy challenged. A module
(sip_module.h) below the transaction layer sees them all. It is declared here for cffi's ABI mode; what is read of PJSIP's large
structures is proven at the first message of each direction, and left out where it does not hold.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

from cffi import FFI

from softphone.engine.limits import MAX_REPEATED
from softphone.engine.pjsip.abi import find_library
from softphone.engine.pjsip.errors import AbiError
from softphone.engine.pjsip.transport.ice_send import IceSend
from softphone.engine.sdp.lost_media import LostMedia
from softphone.engine.sdp.negotiator_pool import NegotiatorPool
from softphone.engine.sdp.negotiator_states import NegotiatorStates
from softphone.engine.sip.detours.invite_states import InviteStates
from softphone.engine.sip.detours.transport_names import TransportNames
from softphone.engine.sip.detours.unanswerable import Unanswerable
from softphone.engine.sip.detours.untagged_forks import UntaggedForks
from softphone.engine.sip.head import repeated_bytes
from softphone.engine.sip.parsed import auth_gate
from softphone.engine.sip.parsed.message import ParsedMessage, extra_headers
from softphone.engine.sip.parsed.repeat_gate import RepeatGate
from softphone.engine.sip.parsed.sdp_gate import Refusal, SdpGate
from softphone.engine.sip.unparsed.dropped import TOO_LARGE, DroppedData
from softphone.engine.sip.unparsed.inspection import Verdict, inspect
from softphone.engine.sip.unparsed.receive_hook import ReceiveHook

BAD_REQUEST, FORBIDDEN, REQUEST_TIMEOUT = 400, 403, 408
log = logging.getLogger(__name__)
_PRIORITY = 7
"""One below PJSIP_MOD_PRIORITY_TRANSPORT_LAYER: sent messages are printed, and received ones have not reached a transaction yet."""
T2_MS = 4000
"""RFC 3261, table 4."""
_RESOLVED_ADDRESSES = (16, 32, 8)
"""Values of PJSIP_MAX_RESOLVED_ADDRESSES, on which the place of the destination in pjsip_tx_data depends."""

_DECLARATIONS = """
typedef struct { char *ptr; long slen; } pj_str_t;
typedef struct { void *internal[32]; void *activesock_data; void *user_data; } pj_ioqueue_op_key_t;
typedef struct { long sec; long msec; } pj_time_val;
typedef struct { void *prev; void *next; int type; pj_str_t name; pj_str_t sname; void *vptr; void *uri; pj_str_t tag; } pjsip_to_hdr;
typedef struct { uint16_t family; uint16_t port; uint32_t rest[6]; } pj_sockaddr;
typedef struct {
    struct { void *pool; void *transport; void *tp_data; pj_ioqueue_op_key_t op_key; void *rdata; } tp_info;
    struct { pj_time_val timestamp; char packet[4000]; uint32_t zero; long len; pj_sockaddr src_addr; int src_addr_len;
             char src_name[46]; int src_port; } pkt_info;
    struct { char *msg_buf; int len; void *msg; char *info; void *cid; void *from; pjsip_to_hdr *to; } msg_info;
} pjsip_rx_data;
typedef struct {
    void *prev; void *next; void *pool; char obj_name[32]; char *info; pj_time_val rx_timestamp; void *mgr;
    struct { pj_ioqueue_op_key_t key; void *tdata; void *token; void *callback; } op_key;
    void *lock; void *msg; void *saved_strict_route; struct { char *start; char *cur; char *end; } buf;
    void *ref_cnt; int is_pending; void *token; void *cb;
    struct { pj_str_t name; unsigned count; } dest_info;
} pjsip_tx_data;
typedef struct { int type; unsigned priority; unsigned weight; pj_sockaddr addr; int addr_len; } pjsip_server_address_record;
typedef struct { void *transport; pj_sockaddr dst_addr; int dst_addr_len; char dst_name[46]; int dst_port; } pjsip_tx_tp_info;
typedef struct pjsip_module {
    void *prev; void *next; pj_str_t name; int id; int priority;
    int (*load)(void *endpt); int (*start)(void); int (*stop)(void); int (*unload)(void);
    int (*on_rx_request)(pjsip_rx_data *); int (*on_rx_response)(pjsip_rx_data *);
    int (*on_tx_request)(pjsip_tx_data *); int (*on_tx_response)(pjsip_tx_data *);
    void (*on_tsx_state)(void *tsx, void *event);
} pjsip_module;
void *pjsua_get_pjsip_endpt(void);
void *pjsip_parse_rdata(char *buffer, size_t size, pjsip_rx_data *rdata);
int pjsip_endpt_register_module(void *endpt, pjsip_module *module);
int pjsip_endpt_unregister_module(void *endpt, pjsip_module *module);
int pjsip_dlg_fork(const void *first, const pjsip_rx_data *rdata, void **made);
int pjsip_transport_get_type_from_name(const pj_str_t *name);
int pjsip_endpt_create_response(void *endpt, pjsip_rx_data *rdata, int code, void *reason, void **made);
int pjsip_endpt_respond_stateless(void *endpt, pjsip_rx_data *rdata, int code, const pj_str_t *reason, const void *headers,
                                  const void *body);
int pjsua_im_send(int acc_id, const pj_str_t *to, const pj_str_t *mime_type, const pj_str_t *content, const void *msg_data,
                  void *user_data);
int pjsua_call_get_conf_port(int call_id);
void pjsip_tsx_set_timers(unsigned t1, unsigned t2, unsigned t4, unsigned td);
void *pjsip_ua_find_dialog(const pj_str_t *call_id, const pj_str_t *local_tag, const pj_str_t *remote_tag, int lock_dialog);
void pjsip_dlg_dec_lock(void *dialog);
void *pjsip_dlg_get_inv_session(void *dialog);
int pjsip_inv_terminate(void *session, int code, int notify);
int pjsua_conf_get_signal_level(int slot, unsigned *tx_level, unsigned *rx_level);
"""


@cache
def sip_library() -> tuple[FFI, Any]:
    """The foreign-function interface to PJSIP's SIP and PJSUA side, and the library. Raises AbiError."""
    ffi = FFI()
    ffi.cdef(_DECLARATIONS)
    return ffi, ffi.dlopen(str(find_library()))


def set_t1(milliseconds: int) -> None:
    """Set T1 (RFC 3261, 17.1.1.1) for new transactions; T2 is longer."""
    sip_library()[1].pjsip_tsx_set_timers(milliseconds, max(T2_MS, 2 * milliseconds), 0, 0)


def transport_of(rdata: Any) -> int:
    """Address of the pjsip_transport by which a message came, given as PJSUA2's SipRxData inside its callback; 0 where there is none."""
    if not rdata.pjRxData:
        return 0
    ffi, _ = sip_library()
    return int(ffi.cast("uintptr_t", ffi.cast("pjsip_rx_data *", int(rdata.pjRxData)).tp_info.transport))


def end_session(call_id: bytes, local_tag: bytes, remote_tag: bytes) -> None:
    """Drop the call of this dialog now, without another message to a far end that does not respond. Main thread only."""
    ffi, lib = sip_library()
    kept = [ffi.new("char[]", text) for text in (call_id, local_tag, remote_tag)]
    names = [ffi.new("pj_str_t *", {"ptr": text, "slen": len(text) - 1}) for text in kept]
    dialog = lib.pjsip_ua_find_dialog(*names, 1)
    if dialog == ffi.NULL:
        return
    session = lib.pjsip_dlg_get_inv_session(dialog)
    if session != ffi.NULL:
        lib.pjsip_inv_terminate(session, REQUEST_TIMEOUT, 1)
    lib.pjsip_dlg_dec_lock(dialog)


class _Guard(Protocol):
    """Makes errors of what PJSIP would end the process for."""

    def install(self) -> None:
        """Raises AbiError."""

    def uninstall(self) -> None: ...


class SipModule:
    """`passed(sent, peer, message)` gets each message; `answer(message)` may name a status that a request is answered with at once;
    `rewrite(message)` says what is sent instead, at most as long; `descriptions` sees each SDP that came; `admit(peer, message)` sees what
    comes before PJSIP does, and may shut it out; `refused(peer, why)` is told of what PJSIP must not see.

    All run on the thread that polls PJSIP. Keep the object until after `libDestroy()`.
    """

    def __init__(
        self,
        passed: Callable[[bool, str, bytes], None],
        answer: Callable[[bytes], int | Refusal | None],
        rewrite: Callable[[bytes], bytes],
        descriptions: SdpGate,
        admit: Callable[[str, bytes], bool] = lambda _peer, _message: True,
        refused: Callable[[str, str], None] = lambda _peer, _why: None,
        ice: bool = False,
    ) -> None:
        self._ffi, self._lib = sip_library()
        self._passed = passed
        self._answer = answer
        self._rewrite = rewrite
        self._admit = admit
        self._tell_refused = refused
        self._descriptions = descriptions
        self._dropped = DroppedData()
        self._repeats = RepeatGate()
        self._failed: set[str] = set()
        self._tp_info_at: int | None = None
        name = self._name = self._ffi.new("char[]", b"mod-softphone")
        rx, tx = "int(pjsip_rx_data *)", "int(pjsip_tx_data *)"
        callbacks = {
            "on_rx_request": self._ffi.callback(rx, self._rx_request),
            "on_rx_response": self._ffi.callback(rx, self._rx_response),
            "on_tx_request": self._ffi.callback(tx, self._tx),
            "on_tx_response": self._ffi.callback(tx, self._tx),
        }
        self._callbacks = callbacks
        self._module = self._ffi.new("pjsip_module *", {"id": -1, "priority": _PRIORITY, **callbacks})
        self._module.name.ptr, self._module.name.slen = name, len(name) - 1
        self._registered = False
        self._hook = ReceiveHook(self._ffi, self._lib, self._look)
        guards: list[_Guard] = [NegotiatorPool(), NegotiatorStates(), InviteStates(), LostMedia()]
        guards += [kind(self._ffi, self._lib) for kind in (Unanswerable, UntaggedForks, TransportNames)]
        self._guards = [*guards, IceSend()] if ice else guards
        self.without_hook = ""
        """Why messages are inspected only after PJSIP has parsed them; empty if the hook works and they are inspected before."""

    def register(self) -> bool:
        """Call it after libInit(). False if PJSIP refuses; then no message is seen."""
        status = self._lib.pjsip_endpt_register_module(self._lib.pjsua_get_pjsip_endpt(), self._module)
        self._registered = status == 0
        try:
            self._hook.install()
            for guard in self._guards:
                guard.install()
        except AbiError as error:
            self.without_hook = f"{error}, so some messages of strangers can still end this phone; install pjsua2-python==2.15.1.post1"
            log.error("%s", self.without_hook)
        self._dropped.register()
        return self._registered

    def unregister(self) -> None:
        """Before libDestroy()."""
        self._hook.uninstall()
        for guard in self._guards:
            guard.uninstall()
        self._dropped.unregister()
        if self._registered:
            self._lib.pjsip_endpt_unregister_module(self._lib.pjsua_get_pjsip_endpt(), self._module)
            self._registered = False

    def _look(self, message: bytes, rdata: Any) -> Verdict:
        """Before PJSIP's parser, or, where the hook is not laid, after it."""
        peer = self._peer(rdata)
        self._dropped.came_from(b"")
        if not self._admit(peer, message):
            return Verdict(b"", FORBIDDEN)
        verdict = inspect(message)
        if verdict.why:
            self._tell_refused(peer, verdict.why)
        if verdict.message or verdict.code:
            address = self._ffi.buffer(self._ffi.addressof(rdata.pkt_info, "src_addr"))
            self._dropped.came_from(bytes(address)[: rdata.pkt_info.src_addr_len])
            if not verdict.message and self._hook.installed:
                self._dropped.refuse(int(self._ffi.cast("uintptr_t", rdata.tp_info.transport)), message, verdict.code)
        return verdict

    def _refusal(self, message: bytes, rdata: Any) -> int:
        if self._hook.installed:
            return self._hook.refusal(rdata)
        verdict = self._look(message, rdata)
        return verdict.code or (0 if verdict.message == message else BAD_REQUEST)

    def connection_lost(self, transport: int) -> None:
        """The pjsip_transport at this address is gone."""
        self._dropped.forget(transport)

    def _rx_request(self, rdata: Any) -> int:
        try:
            message = self._received(rdata)
            refusal = self._judge(rdata, message) if message else None
            if refusal is None:
                return 0
            if message.lstrip(b"\r\n").startswith(b"ACK"):
                return 1  # taken, and never answered (RFC 3261, 17.1.1.3); PJSIP ends the process at the attempt
            self._respond(rdata, refusal if isinstance(refusal, Refusal) else Refusal(refusal))
            return 1
        except Exception as error:  # nothing may unwind through C frames
            self._report("received", error)
            return 0

    def _rx_response(self, rdata: Any) -> int:
        try:
            message = self._received(rdata)
            # Dropped, as if lost: a response cannot be answered.
            if not self._hook.installed and self._refusal(message, rdata):
                return 1
            parsed = self._parsed(rdata)
            auth_gate.choose(parsed, message)
            self._repeats.response(parsed, message)
            self._descriptions.response(parsed, message)
            return 0
        except Exception as error:
            self._report("received", error)
            return 0

    def _tx(self, tdata: Any) -> int:
        try:
            size = int(tdata.buf.cur - tdata.buf.start)
            if 0 < size <= 1 << 16:
                message = self._ffi.buffer(tdata.buf.start, size)[:]
                rewritten = self._rewrite(message)
                if rewritten != message and len(rewritten) <= size:
                    self._ffi.memmove(tdata.buf.start, rewritten, len(rewritten))
                    tdata.buf.cur = tdata.buf.start + len(rewritten)
                    message = rewritten
                self._passed(True, self._destination(tdata), message)
        except Exception as error:
            self._report("sent", error)
        return 0

    def _judge(self, rdata: Any, message: bytes) -> int | Refusal | None:
        code = self._refusal(message, rdata)
        if code:
            return code
        if len(message) > MAX_REPEATED and repeated_bytes(message) > MAX_REPEATED:
            return TOO_LARGE
        # SDP last: a request refused for another reason needs no check of its SDP.
        return self._answer(message) or self._descriptions.request(self._parsed(rdata), message)

    def _respond(self, rdata: Any, refusal: Refusal) -> None:
        ffi = self._ffi
        headers, _kept = extra_headers(refusal.headers, int(ffi.cast("uintptr_t", rdata.tp_info.pool))) if refusal.headers else (0, None)
        self._lib.pjsip_endpt_respond_stateless(
            self._lib.pjsua_get_pjsip_endpt(), rdata, refusal.code, ffi.NULL, ffi.cast("void *", headers), ffi.NULL
        )

    def _parsed(self, rdata: Any) -> ParsedMessage:
        ffi = self._ffi
        return ParsedMessage(int(ffi.cast("uintptr_t", rdata.msg_info.msg)), int(ffi.cast("uintptr_t", rdata.tp_info.pool)))

    def _received(self, rdata: Any) -> bytes:
        info, packet = rdata.msg_info, rdata.pkt_info.packet
        offset = int(info.msg_buf - packet)
        if not (offset >= 0 and info.len > 0 and offset + info.len <= len(packet)):
            raise ValueError("PJSIP's pjsip_rx_data has another layout")
        message: bytes = self._ffi.buffer(info.msg_buf, info.len)[:]
        self._passed(False, self._peer(rdata), message)
        return message

    def _peer(self, rdata: Any) -> str:
        return f"{self._ffi.string(rdata.pkt_info.src_name).decode('ascii', 'replace')}:{rdata.pkt_info.src_port}"

    def _destination(self, tdata: Any) -> str:
        """Address and port that the message goes to; "" when the structure cannot be read."""
        if self._tp_info_at is None:
            record = self._ffi.sizeof("pjsip_server_address_record")
            records_at = self._ffi.offsetof("pjsip_tx_data", "dest_info", "count") + 4
            # The records, cur_addr (4 bytes), and then tp_info, which begins with a pointer.
            places = [(records_at + count * record + 4 + 7) & ~7 for count in _RESOLVED_ADDRESSES]
            self._tp_info_at = next((place for place in places if self._destination_at(tdata, place)), -1)
        return "" if self._tp_info_at < 0 else self._destination_at(tdata, self._tp_info_at)

    def _destination_at(self, tdata: Any, place: int) -> str:
        info = self._ffi.cast("pjsip_tx_tp_info *", self._ffi.cast("char *", tdata) + place)
        port = int.from_bytes(int(info.dst_addr.port).to_bytes(2, "little"), "big")
        if info.dst_addr.family != 2 or info.dst_addr_len != 16 or port != info.dst_port:
            return ""
        return f"{self._ffi.string(info.dst_name).decode('ascii', 'replace')}:{port}"

    def _report(self, direction: str, error: Exception) -> None:
        if direction not in self._failed:
            self._failed.add(direction)
            log.error("SIP messages %s cannot be shown: %s", direction, error)
