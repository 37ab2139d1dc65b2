"""An ACK never gets a response (RFC 3261, 17.1.1.3), whatever PJSIP would make of it.

PJSIP 2.15.1 asserts that nobody tries (`pjsip_endpt_create_response`, sip_util.c), and tries itself: an ACK without a To tag that has the
Call-ID, CSeq and From tag of a request under way, and another branch, is a merged request to PJSUA, which answers 482. Here the attempt
is an error, which all who respond to requests expect.
"""

from __future__ import annotations

from typing import Any

from softphone.engine.pjsip.status_codes import PJ_EINVALIDOP
from softphone.engine.sip.call_table import Detour

REQUEST, ACK = 0, 2
"""PJSIP_REQUEST_MSG and PJSIP_ACK_METHOD (sip_msg.h)."""
_MESSAGE = "struct { int type; int padding; int method; } *"
"""How a pjsip_msg begins that is a request."""


class Unanswerable:
    """Keep the object until after `libDestroy()`. Main thread only."""

    def __init__(self, ffi: Any, library: Any) -> None:
        """ffi: knows pjsip_rx_data and pjsip_endpt_create_response."""
        self._ffi = ffi
        signature = "int(void *, pjsip_rx_data *, int, void *, void **)"
        self._detour = Detour(ffi, library, "pjsip_endpt_create_response", signature, self._create)

    def install(self) -> None:
        """Raises AbiError."""
        self._detour.install()

    def uninstall(self) -> None:
        self._detour.remove()

    def _create(self, endpoint: Any, rdata: Any, code: int, reason: Any, made: Any) -> int:
        message = self._ffi.cast(_MESSAGE, rdata.msg_info.msg)
        if message and message.type == REQUEST and message.method == ACK:
            return PJ_EINVALIDOP
        return int(self._detour.original(endpoint, rdata, code, reason, made))
