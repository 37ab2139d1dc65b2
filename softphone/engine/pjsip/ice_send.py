"""Media sent over ICE at the moment its call ends.

The media clock sends RTP while the main thread closes the call's ICE transport. PJNATH 2.15.1 does not check for a transport or a STUN
socket that is closed already, only for a closed TURN socket (transport_ice.c, transport_send_rtp; ice_strans.c, send_data): a NULL is
followed, or asserted, and the process ends. The calls are led through here, and get the error that PJNATH gives for a closed TURN socket.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from cffi import FFI

from softphone.engine.pjsip.abi import find_library
from softphone.engine.sip.call_table import Detour

PJ_EINVALIDOP = 70013
"""pj/errno.h."""
STUN_SEND, ICE_SEND = "pj_stun_sock_sendto", "pj_ice_strans_sendto2"
_DECLARATIONS = f"""
int {STUN_SEND}(void *socket, void *key, const void *packet, unsigned size, unsigned flag, const void *to, unsigned to_size);
int {ICE_SEND}(void *transport, unsigned component, const void *packet, size_t size, const void *to, int to_size);
"""


@cache
def _interface() -> tuple[FFI, Any]:
    ffi = FFI()
    ffi.cdef(_DECLARATIONS)
    return ffi, ffi.dlopen(str(find_library()))


class IceSend:
    """Keep the object until after `libDestroy()`. Sends on any thread."""

    def __init__(self) -> None:
        ffi, library = _interface()
        stun, ice = (
            "int(void *, void *, const void *, unsigned, unsigned, const void *, unsigned)",
            "int(void *, unsigned, const void *, size_t, const void *, int)",
        )
        self._stun = Detour(ffi, library, STUN_SEND, stun, lambda *given: self._send(self._stun, given))
        self._ice = Detour(ffi, library, ICE_SEND, ice, lambda *given: self._send(self._ice, given))

    def install(self) -> None:
        """After libInit(). Raises AbiError."""
        self._stun.install()
        self._ice.install()

    def uninstall(self) -> None:
        self._stun.remove()
        self._ice.remove()

    def _send(self, detour: Detour, given: tuple[Any, ...]) -> int:
        """The arguments and the result of the C function; the first argument is what is sent through."""
        return int(detour.original(*given)) if given[0] else PJ_EINVALIDOP
