"""A session description needs an address: where no media of a call has a socket any more, an offer is refused instead of asserted.

PJSUA 2.15.1 takes the address of the origin line from the first media that has a transport. A call that lost all of them, and is then put
on hold or gets an offer, has none, and `pjmedia_endpt_create_base_sdp` asserts its family and ends the process (endpoint.c). The call is
led through here and fails, as PJSUA expects of it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from cffi import FFI

from softphone.engine.pjsip.abi import find_library
from softphone.engine.sip.call_table import Detour

PJ_EAFNOTSUP = 70022
"""pj/errno.h."""
_FUNCTION = "pjmedia_endpt_create_base_sdp"
_FAMILIES = (2, 10)
"""AF_INET and AF_INET6 (Linux)."""


@cache
def _interface() -> tuple[FFI, Any]:
    ffi = FFI()
    ffi.cdef(f"int {_FUNCTION}(void *endpoint, void *pool, const void *name, const void *origin, void **made);")
    return ffi, ffi.dlopen(str(find_library()))


class Origin:
    """Keep the object until after `libDestroy()`."""

    def __init__(self) -> None:
        self._ffi, library = _interface()
        self._detour = Detour(self._ffi, library, _FUNCTION, "int(void *, void *, const void *, const void *, void **)", self._create)

    def install(self) -> None:
        """After libInit(). Raises AbiError."""
        self._detour.install()

    def uninstall(self) -> None:
        self._detour.remove()

    def _create(self, endpoint: Any, pool: Any, name: Any, origin: Any, made: Any) -> int:
        if not origin or self._ffi.cast("uint16_t *", origin)[0] not in _FAMILIES:
            return PJ_EAFNOTSUP
        return int(self._detour.original(endpoint, pool, name, origin, made))
