"""Media sent over ICE at the moment its call begins or ends.

The media clock sends RTP while the main thread closes the call's ICE transport. PJNATH 2.15.1 does not check for a transport or a STUN
socket that is closed already, only for a closed TURN socket (transport_ice.c, transport_send_rtp; ice_strans.c, send_data): a NULL is
followed, or asserted, and the process ends. The calls are led through here, and get the error that PJNATH gives for a closed TURN socket.
RTCP to a far end whose address is not known yet is asserted as well (transport_send_rtcp2, by `pj_sockaddr_get_len`).
"""

from __future__ import annotations

from functools import cache
from typing import Any

from cffi import FFI

from softphone.engine.pjsip.abi import find_library
from softphone.engine.pjsip.status_codes import PJ_EINVALIDOP
from softphone.engine.sip.call_table import Detour

STUN_SEND, ICE_SEND, ADDRESS_LENGTH = "pj_stun_sock_sendto", "pj_ice_strans_sendto2", "pj_sockaddr_get_len"
_LENGTHS = {2: 16, 10: 28}
"""Of a sockaddr_in and a sockaddr_in6, by family (Linux)."""
_DECLARATIONS = f"""
int {STUN_SEND}(void *socket, void *key, const void *packet, unsigned size, unsigned flag, const void *to, unsigned to_size);
int {ICE_SEND}(void *transport, unsigned component, const void *packet, size_t size, const void *to, int to_size);
unsigned {ADDRESS_LENGTH}(const void *address);
"""


@cache
def _interface() -> tuple[FFI, Any]:
    ffi = FFI()
    ffi.cdef(_DECLARATIONS)
    return ffi, ffi.dlopen(str(find_library()))


class IceSend:
    """Only where ICE is on: what PJSIP sends asks Python then. Keep the object until after `libDestroy()`. Any thread."""

    def __init__(self) -> None:
        self._ffi, library = _interface()
        stun = "int(void *, void *, const void *, unsigned, unsigned, const void *, unsigned)"
        ice = "int(void *, unsigned, const void *, size_t, const void *, int)"
        self._stun = Detour(self._ffi, library, STUN_SEND, stun, self._send_stun)
        self._ice = Detour(self._ffi, library, ICE_SEND, ice, self._send_ice)
        self._length = Detour(self._ffi, library, ADDRESS_LENGTH, "unsigned(const void *)", self._length_of)

    def install(self) -> None:
        """After libInit(). Raises AbiError."""
        for detour in (self._stun, self._ice, self._length):
            detour.install()

    def uninstall(self) -> None:
        for detour in (self._stun, self._ice, self._length):
            detour.remove()

    def _send_stun(self, socket: Any, *given: Any) -> int:
        return int(self._stun.original(socket, *given)) if socket else PJ_EINVALIDOP

    def _send_ice(self, transport: Any, component: int, packet: Any, size: int, to: Any, to_size: int) -> int:
        if not transport or not to_size:
            return PJ_EINVALIDOP
        return int(self._ice.original(transport, component, packet, size, to, to_size))

    def _length_of(self, address: Any) -> int:
        return _LENGTHS.get(self._ffi.cast("uint16_t *", address)[0], 0) if address else 0
