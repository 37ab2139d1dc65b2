"""What PJMEDIA 2.15.1 asserts of the state of a negotiation is an error, as all expect who call its negotiator (sdp_neg.c).

A far end brings such states about with requests in an unusual order: a call without an offer has no negotiator while it rings, and an
UPDATE then ended the process. We still owe that call an offer, so an UPDATE with another one is answered as RFC 3311, 5.2, has it where an
answer is owed: 500 and Retry-After.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from softphone.engine.pjsip.status_codes import PJ_EINVAL, PJMEDIA_SDPNEG_EINSTATE, PJMEDIA_SDPNEG_ENOACTIVE, PJMEDIA_SDPNEG_ENONEG
from softphone.engine.sdp.negotiator_pool import (
    ACTIVE_LOCAL,
    ACTIVE_REMOTE,
    DONE,
    LAST_SENT,
    LOCAL_OFFER,
    NEG_LOCAL,
    NEG_REMOTE,
    REMOTE_OFFER,
    WAIT_NEGO,
    find_pool,
    holds,
    interface,
)
from softphone.engine.sip.detours.call_table import Detour


@dataclass(frozen=True, slots=True)
class _Guard:
    """`takes`: what the function takes; in which states it may be called (any if empty), and what has to be there in state DONE or, where
    states do not matter, in any. `without`: the result where there is no negotiator."""

    takes: str
    states: tuple[int, ...] = ()
    there: tuple[int, ...] = ()
    missing: int = PJMEDIA_SDPNEG_ENOACTIVE
    without: int = PJ_EINVAL
    wrong: int = PJMEDIA_SDPNEG_EINSTATE


_ALONE, _WITH_RESULT, _WITH_POOL = "pjmedia_sdp_neg *", "pjmedia_sdp_neg *, void *", "void *, pjmedia_sdp_neg *, void *"
_GUARDS = {
    "get_state": _Guard(_ALONE, without=REMOTE_OFFER),
    "was_answer_remote": _Guard(_ALONE, without=0),
    "has_local_answer": _Guard(_ALONE, (WAIT_NEGO,), without=0, wrong=0),
    "cancel_offer": _Guard(_ALONE, (LOCAL_OFFER, REMOTE_OFFER)),
    "get_active_local": _Guard(_WITH_RESULT, there=(ACTIVE_LOCAL,)),
    "get_active_remote": _Guard(_WITH_RESULT, there=(ACTIVE_REMOTE,)),
    "get_neg_local": _Guard(_WITH_RESULT, there=(NEG_LOCAL,), missing=PJMEDIA_SDPNEG_ENONEG),
    "get_neg_remote": _Guard(_WITH_RESULT, there=(NEG_REMOTE,), missing=PJMEDIA_SDPNEG_ENONEG),
    "send_local_offer": _Guard(_WITH_POOL, (LOCAL_OFFER, DONE), (ACTIVE_LOCAL, LAST_SENT)),
    "set_remote_answer": _Guard(_WITH_POOL, (LOCAL_OFFER,)),
    "set_remote_offer": _Guard(_WITH_POOL, (DONE,)),
    "set_local_answer": _Guard(_WITH_POOL, (REMOTE_OFFER, WAIT_NEGO)),
}


class NegotiatorStates:
    """Keep the object until after `libDestroy()`. Main thread only."""

    def __init__(self) -> None:
        ffi, library = interface()
        for name, guard in _GUARDS.items():
            ffi.cdef(f"int pjmedia_sdp_neg_{name}({guard.takes});", override=True)
        self._at = 0
        self._detours = {
            name: Detour(ffi, library, f"pjmedia_sdp_neg_{name}", f"int({guard.takes})", self._through(name, guard))
            for name, guard in _GUARDS.items()
        }

    def install(self) -> None:
        """After libInit(). Raises AbiError."""
        self._at = find_pool()
        for detour in self._detours.values():
            detour.install()

    def uninstall(self) -> None:
        for detour in self._detours.values():
            detour.remove()

    def _through(self, name: str, guard: _Guard) -> Callable[..., int]:
        place = 1 if guard.takes == _WITH_POOL else 0

        def through(*arguments: Any) -> int:
            negotiator = arguments[place]
            if not negotiator:
                return guard.without
            if not all(arguments):
                return PJ_EINVAL
            if guard.states and negotiator.state not in guard.states:
                return guard.wrong
            matters = not guard.states or negotiator.state == DONE
            if matters and not all(holds(negotiator, self._at + there) for there in guard.there):
                return guard.missing
            return int(self._detours[name].original(*arguments))

        return through
