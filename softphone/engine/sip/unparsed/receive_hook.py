"""Hooks `pjsip_parse_rdata` in PJSIP's transport manager, to see each SIP message before PJSIP parses it.

What is refused reaches the parser as no more than the headers that an answer needs (`inspection.py`), so the module above
(`sip_module.py`) can answer it; what was refused, and with which status, is kept until that module asks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from softphone.engine.sip.call_table import Detour
from softphone.engine.sip.unparsed.inspection import Verdict

log = logging.getLogger(__name__)


class ReceiveHook:
    """`inspect(message, rdata)` is given each message and its pjsip_rx_data, and says what PJSIP may see. Main thread only.

    Keep the object until after `libDestroy()`.
    """

    def __init__(self, ffi: Any, library: Any, inspect: Callable[[bytes, Any], Verdict]) -> None:
        self._ffi, self._inspect = ffi, inspect
        self._detour = Detour(ffi, library, "pjsip_parse_rdata", "void *(char *, size_t, pjsip_rx_data *)", self._parse)
        self._refused: tuple[int, int] | None = None
        self._failed = False

    def install(self) -> None:
        """Raises AbiError."""
        self._detour.install()

    def uninstall(self) -> None:
        self._detour.remove()

    @property
    def installed(self) -> bool:
        return self._detour.installed

    def refusal(self, rdata: Any) -> int:
        """The status with which to refuse the request in this structure; 0 for none. Can be asked once."""
        refused, self._refused = self._refused, None
        return refused[1] if refused is not None and refused[0] == int(self._ffi.cast("uintptr_t", rdata)) else 0

    def _parse(self, buffer: Any, size: int, rdata: Any) -> Any:
        self._refused = None
        try:
            verdict = self._inspect(self._ffi.buffer(buffer, size)[:], rdata)
            message = verdict.message
            if not message or len(message) > size:
                return self._ffi.NULL  # dropped, as if it were lost
            if verdict.code:
                self._refused = int(self._ffi.cast("uintptr_t", rdata)), verdict.code
            if len(message) < size or verdict.code or verdict.why:
                self._ffi.memmove(buffer, message, len(message))
                buffer[len(message)] = b"\0"
                rdata.msg_info.len = size = len(message)
        except Exception:  # nothing may unwind through C frames
            if not self._failed:
                log.exception("a SIP message could not be looked at")
                self._failed = True
            return self._ffi.NULL
        return self._detour.original(buffer, size, rdata)
