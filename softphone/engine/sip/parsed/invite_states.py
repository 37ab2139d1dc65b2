"""What PJSIP 2.15.1 asserts of the state of a call when it is to be changed or ended is an error, as all expect who do so (sip_inv.c).

A session timer may want another INVITE in a call that was never acknowledged, and a call whose next INVITE could not be sent (after a
redirection or a challenge) has none to cancel. PJSUA then tries again to hang up, and ends such a call without a message at last.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from cffi import FFI

from softphone.engine.pjsip.abi import find_library
from softphone.engine.sip.call_table import Detour

PJ_EINVALIDOP = 70013
"""pj/errno.h."""
_CALLER = 0
"""PJSIP_ROLE_UAC."""
_NULL, _EARLY, _CONFIRMED, _DISCONNECTED = 0, 3, 5, 6
"""PJSIP_INV_STATE_*."""
_INVITE, _END = "pjsip_inv_invite", "pjsip_inv_end_session"


@cache
def _interface() -> tuple[FFI, Any]:
    ffi = FFI()
    ffi.cdef(f"""
typedef struct {{
    char obj_name[32]; void *pool; void *pool_prov; void *pool_active; int state; int cancelling; int pending_cancel; void *pending_bye;
    int cause; struct {{ char *ptr; long slen; }} cause_text; int notify; int sdp_done_early_rel; unsigned cb_called; void *dlg; int role;
    unsigned options; void *neg; unsigned sdp_neg_flags; void *invite_tsx; void *invite_req; void *last_answer;
}} pjsip_inv_session;
int {_INVITE}(pjsip_inv_session *session, void **made);
int {_END}(pjsip_inv_session *session, int code, const void *text, void **made);
""")
    return ffi, ffi.dlopen(str(find_library()))


class InviteStates:
    """Keep the object until after `libDestroy()`. Main thread only."""

    def __init__(self) -> None:
        ffi, library = _interface()
        self._invite = Detour(ffi, library, _INVITE, "int(pjsip_inv_session *, void **)", self._through_invite)
        self._end = Detour(ffi, library, _END, "int(pjsip_inv_session *, int, const void *, void **)", self._through_end)

    def install(self) -> None:
        """Raises AbiError."""
        self._invite.install()
        self._end.install()

    def uninstall(self) -> None:
        self._invite.remove()
        self._end.remove()

    def _through_invite(self, session: Any, made: Any) -> int:
        if not session or session.state not in (_NULL, _CONFIRMED):
            return PJ_EINVALIDOP
        return int(self._invite.original(session, made))

    def _through_end(self, session: Any, code: int, text: Any, made: Any) -> int:
        if not session or not _NULL <= session.state <= _DISCONNECTED:
            return PJ_EINVALIDOP
        if session.state <= _EARLY and not session.invite_tsx and (session.role == _CALLER or not session.last_answer):
            return PJ_EINVALIDOP
        return int(self._end.original(session, code, text, made))
