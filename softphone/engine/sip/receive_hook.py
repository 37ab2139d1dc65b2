"""Each SIP message before PJSIP parses it: the call of `pjsip_parse_rdata` in PJSIP's transport manager is led through here.

What is refused reaches the parser as no more than the headers that an answer needs (`inspection.py`), so the module above
(`sip_module.py`) can answer it; what was refused, and with which status, is kept until that module asks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from softphone.engine.media.abi import find_library
from softphone.engine.media.errors import AbiError
from softphone.engine.sip.call_table import find_slot
from softphone.engine.sip.inspection import Verdict

_FUNCTION = "pjsip_parse_rdata"
log = logging.getLogger(__name__)


class ReceiveHook:
    """`inspect(message, rdata)` is given each message and its pjsip_rx_data, and says what PJSIP may see. Main thread only.

    Keep the object until after `libDestroy()`.
    """

    def __init__(self, ffi: Any, library: Any, inspect: Callable[[bytes, Any], Verdict]) -> None:
        self._ffi, self._library, self._inspect = ffi, library, inspect
        self._callback = ffi.callback("void *(char *, size_t, pjsip_rx_data *)", self._parse)
        self._slot: Any = None
        self._original: Any = None
        self._refused: tuple[int, int] | None = None
        self._failed = False

    def install(self) -> str:
        """The sentence that says why it cannot be; empty when it is in place."""
        try:
            slot, value = find_slot(find_library(), _FUNCTION)
        except AbiError as error:
            return str(error)
        self._original = self._ffi.addressof(self._library, _FUNCTION)
        base = int(self._ffi.cast("uintptr_t", self._original)) - value
        if base % 4096:
            return "the PJSIP library is loaded elsewhere than its table of calls says"
        self._slot = self._ffi.cast("uintptr_t *", base + slot)
        self._slot[0] = int(self._ffi.cast("uintptr_t", self._callback))
        return ""

    def uninstall(self) -> None:
        """PJSIP calls its own function again."""
        if self._slot is not None:
            self._slot[0] = int(self._ffi.cast("uintptr_t", self._original))
            self._slot = None

    @property
    def installed(self) -> bool:
        return self._slot is not None

    def refusal(self, rdata: Any) -> int:
        """The status with which the request in this structure is to be refused; 0 for none. Asked once."""
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
        return self._original(buffer, size, rdata)
