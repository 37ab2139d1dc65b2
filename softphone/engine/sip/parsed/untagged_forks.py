"""A second 2xx to an INVITE of ours belongs to another far end, if its To has another tag (RFC 3261, 13.2.2.4); without one it is nobody's.

PJSIP 2.15.1 asserts that there is a tag (`pjsip_dlg_fork`, sip_dialog.c) where PJSUA has not looked. Here its lack is an error, and
the answer is left to itself.
"""

from __future__ import annotations

from typing import Any

from softphone.engine.sip.call_table import Detour

EMISSINGTAG = 171120
"""PJSIP_EMISSINGTAG (sip_errno.h)."""


class UntaggedForks:
    """Keep the object until after `libDestroy()`. Main thread only."""

    def __init__(self, ffi: Any, library: Any) -> None:
        """ffi: knows pjsip_rx_data and pjsip_dlg_fork."""
        self._detour = Detour(ffi, library, "pjsip_dlg_fork", "int(const void *, const pjsip_rx_data *, void **)", self._fork)

    def install(self) -> None:
        """Raises AbiError."""
        self._detour.install()

    def uninstall(self) -> None:
        self._detour.remove()

    def _fork(self, first: Any, rdata: Any, made: Any) -> int:
        if not rdata.msg_info.to or rdata.msg_info.to.tag.slen <= 0:
            return EMISSINGTAG
        return int(self._detour.original(first, rdata, made))
