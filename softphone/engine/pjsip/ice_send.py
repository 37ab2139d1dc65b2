"""Media sent over ICE at the moment its call ends.

The media clock sends RTP while the main thread closes the call's STUN sockets. PJNATH 2.15.1 checks for a closed TURN socket there but
not for a closed STUN socket (ice_strans.c, send_data), so `pj_stun_sock_sendto` is called with NULL and its assertion ends the process.
The call is led through here, and a closed socket gets the error that PJNATH gives for a closed TURN socket.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from cffi import FFI

from softphone.engine.pjsip.abi import find_library
from softphone.engine.sip.call_table import Detour

PJ_EINVALIDOP = 70013
"""pj/errno.h."""
_FUNCTION = "pj_stun_sock_sendto"
_DECLARATIONS = (
    f"int {_FUNCTION}(void *socket, void *key, const void *packet, unsigned size, unsigned flag, const void *to, unsigned to_size);"
)
_SIGNATURE = "int(void *, void *, const void *, unsigned, unsigned, const void *, unsigned)"


@cache
def _interface() -> tuple[FFI, Any]:
    ffi = FFI()
    ffi.cdef(_DECLARATIONS)
    return ffi, ffi.dlopen(str(find_library()))


class IceSend:
    """Keep the object until after `libDestroy()`. Sends on any thread."""

    def __init__(self) -> None:
        ffi, library = _interface()
        self._detour = Detour(ffi, library, _FUNCTION, _SIGNATURE, self.send)

    def install(self) -> None:
        """After libInit(). Raises AbiError."""
        self._detour.install()

    def uninstall(self) -> None:
        self._detour.remove()

    def send(self, socket: Any, key: Any, packet: Any, size: int, flag: int, to: Any, to_size: int) -> int:
        """The arguments and the result of pj_stun_sock_sendto."""
        if not socket:
            return PJ_EINVALIDOP
        return int(self._detour.original(socket, key, packet, size, flag, to, to_size))
