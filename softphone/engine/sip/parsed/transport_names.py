"""Of the transports that an address can name, this phone has UDP, TCP and TLS; any other is as unknown as a name that nobody has heard of.

PJSIP 2.15.1 knows the names "sctp" and "loop" besides, but not what they are over IPv6: it asserts that nobody asks (`get_tpname`,
sip_transport.c), and asks where an address that it is to send to names them.
"""

from __future__ import annotations

from typing import Any

from softphone.engine.sip.call_table import Detour

UNSPECIFIED = 0
_OURS = frozenset({1, 2, 3})
"""PJSIP_TRANSPORT_UDP, _TCP and _TLS (sip_types.h)."""
_IPV6 = 128


class TransportNames:
    """Keep the object until after `libDestroy()`. Main thread only."""

    def __init__(self, ffi: Any, library: Any) -> None:
        """ffi: knows pjsip_transport_get_type_from_name."""
        self._detour = Detour(ffi, library, "pjsip_transport_get_type_from_name", "int(const pj_str_t *)", self._type_of)

    def install(self) -> None:
        """Raises AbiError."""
        self._detour.install()

    def uninstall(self) -> None:
        self._detour.remove()

    def _type_of(self, name: Any) -> int:
        kind = int(self._detour.original(name))
        return kind if kind & ~_IPV6 in _OURS else UNSPECIFIED
