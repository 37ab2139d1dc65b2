"""Notices a change of this machine's address: another network, or a VPN that came up or went down."""

from __future__ import annotations

import socket
from collections.abc import Callable

_FAR_AWAY = ("192.0.2.1", 9)
"""TEST-NET-1 (RFC 5737): the address that leads to it is the one that leads to the world. Nothing is sent there."""


def own_address() -> str:
    """The IPv4 address of this machine's default route; empty without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_FAR_AWAY)
            return str(probe.getsockname()[0])
        except OSError:
            return ""


class AddressWatch:
    """`changed(old, new)` is called when an address has taken the place of another one and stayed for two looks, on `tick`'s thread."""

    def __init__(self, changed: Callable[[str, str], None], look: Callable[[], str] = own_address) -> None:
        self._changed = changed
        self._look = look
        self._known = look()
        self._seen = self._known

    def tick(self) -> None:
        """Called each second."""
        now = self._look()
        if now and now != self._known and now == self._seen:
            # An address that a network gives out first may be gone a moment later.
            # Known from when it was dealt with: what failed is tried again at the next look.
            if self._known:
                self._changed(self._known, now)
            self._known = now
        self._seen = now
