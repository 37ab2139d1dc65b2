"""Session descriptions that PJSIP changes stay in memory that lives as long as they do.

Where a far end moves its payload types (or we offer ours after theirs were other ones), PJMEDIA 2.15.1 writes the new numbers into the
pool of the *previous* session description, which is freed as soon as the new one is agreed (sdp_neg.c, assign_pt_and_update_map; fixed
in 55964d8e8, #4661). The next answer or offer then prints freed memory to the far end, or ends the process. So while PJMEDIA works on a
description, the negotiator is told that the pool of the new one is the one in use, which is what the later version does.

What PJMEDIA asserts of both functions is an error here, as it is of the others in `negotiator_states.py`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from cffi import FFI

from softphone.engine.pjsip.abi import find_library
from softphone.engine.pjsip.errors import AbiError
from softphone.engine.pjsip.status_codes import PJ_SUCCESS
from softphone.engine.sip.call_table import Detour

_DECLARATIONS = """
typedef struct { int state; int prefer_remote_codec_order; int answer_with_multiple_codecs; int has_remote_answer; } pjmedia_sdp_neg;
void *pjsua_pool_create(const char *name, size_t size, size_t increment);
void pj_pool_release(void *pool);
int pjmedia_sdp_parse(void *pool, char *text, size_t size, void **sdp);
int pjmedia_sdp_neg_create_w_local_offer(void *pool, const void *local, pjmedia_sdp_neg **negotiator);
int pjmedia_sdp_neg_negotiate(void *pool, pjmedia_sdp_neg *negotiator, int allow_asymmetric);
int pjmedia_sdp_neg_modify_local_offer2(void *pool, pjmedia_sdp_neg *negotiator, unsigned flags, const void *local);
"""
_PROBE = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
PJ_EINVAL, EINSTATE, ENOACTIVE = 70004, 220040, 220042
"""pj/errno.h, pjmedia/errno.h."""
LOCAL_OFFER, REMOTE_OFFER, WAIT_NEGO, DONE = 1, 2, 3, 4
"""pjmedia_sdp_neg_state."""
INITIAL, ACTIVE_LOCAL, ACTIVE_REMOTE, NEG_LOCAL, NEG_REMOTE, LAST_SENT = -56, -40, -32, -24, -16, -8
"""Where a negotiator keeps its descriptions, counted from its pool."""
_LARGEST = 8192
"""Bytes of a pjmedia_sdp_neg, and more."""


@cache
def interface() -> tuple[FFI, Any]:
    ffi = FFI()
    ffi.cdef(_DECLARATIONS)
    return ffi, ffi.dlopen(str(find_library()))


def holds(negotiator: Any, place: int) -> bool:
    """Whether a negotiator keeps something there."""
    ffi, _ = interface()
    return bool(ffi.cast("void **", ffi.cast("char *", negotiator) + place)[0])


def find_pool() -> int:
    """Where a negotiator keeps the pool that it thinks is in use: found in one that is made here, of a pool that is known. After libInit().
    Raises AbiError."""
    ffi, lib = interface()
    pool = lib.pjsua_pool_create(b"softphone", 8 * _LARGEST, _LARGEST)
    try:
        text = ffi.new("char[]", _PROBE)
        sdp, made = ffi.new("void **"), ffi.new("pjmedia_sdp_neg **")
        status = lib.pjmedia_sdp_parse(pool, text, len(_PROBE), sdp)
        if status != PJ_SUCCESS or lib.pjmedia_sdp_neg_create_w_local_offer(pool, sdp[0], made) != PJ_SUCCESS:
            raise AbiError("PJMEDIA's negotiator cannot be tried")
        words = ffi.cast("uintptr_t *", made[0])
        wanted = int(ffi.cast("uintptr_t", pool))
        at = 8 * next(number for number in range(_LARGEST // 8) if words[number] == wanted)
        held = [bool(words[(at + place) // 8]) for place in (INITIAL, ACTIVE_LOCAL, ACTIVE_REMOTE, NEG_LOCAL, NEG_REMOTE, LAST_SENT)]
        if made[0].state != LOCAL_OFFER or held != [True, False, False, True, False, True]:
            raise AbiError("PJMEDIA's negotiator has another layout")
        return at
    except StopIteration:
        raise AbiError("PJMEDIA's negotiator has another layout") from None
    finally:
        lib.pj_pool_release(pool)


class NegotiatorPool:
    """Keep the object until after `libDestroy()`. Main thread only."""

    def __init__(self) -> None:
        self._ffi, self._lib = interface()
        self._at = 0
        self._negotiate = Detour(
            self._ffi, self._lib, "pjmedia_sdp_neg_negotiate", "int(void *, pjmedia_sdp_neg *, int)", self._through_negotiate
        )
        self._modify = Detour(
            self._ffi,
            self._lib,
            "pjmedia_sdp_neg_modify_local_offer2",
            "int(void *, pjmedia_sdp_neg *, unsigned, const void *)",
            self._through_modify,
        )

    def install(self) -> None:
        """After libInit(). Raises AbiError."""
        self._at = find_pool()
        self._negotiate.install()
        self._modify.install()

    def uninstall(self) -> None:
        self._negotiate.remove()
        self._modify.remove()

    def _pool_of(self, negotiator: Any) -> Any:
        return self._ffi.cast("void **", self._ffi.cast("char *", negotiator) + self._at)

    def _through_negotiate(self, pool: Any, negotiator: Any, allow_asymmetric: int) -> int:
        # With an answer of the far end nothing is renumbered; and what failed is kept in the pool that was in use.
        if not negotiator or negotiator.state != WAIT_NEGO:
            return EINSTATE
        if negotiator.has_remote_answer:
            return int(self._negotiate.original(pool, negotiator, allow_asymmetric))
        held = self._pool_of(negotiator)
        before, held[0] = held[0], pool
        status = int(self._negotiate.original(pool, negotiator, allow_asymmetric))
        if status != PJ_SUCCESS:
            held[0] = before
        return status

    def _through_modify(self, pool: Any, negotiator: Any, flags: int, local: Any) -> int:
        if not negotiator or not local or negotiator.state != DONE:
            return EINSTATE
        # Without either it has nothing to compare the offer with, and ends the process.
        if not holds(negotiator, self._at + ACTIVE_LOCAL) and not holds(negotiator, self._at + LAST_SENT):
            return ENOACTIVE
        held = self._pool_of(negotiator)
        before, held[0] = held[0], pool
        status = int(self._modify.original(pool, negotiator, flags, local))
        held[0] = before
        return status
