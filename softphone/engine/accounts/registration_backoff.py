"""Registration backoff: after a failure the servers in turn, then longer and longer waits (RFC 5626, 4.5)."""

from __future__ import annotations

import random
from collections.abc import Callable

from softphone.engine.sip.head import Head

_SPREAD = 0.2
"""Random share of the wait, so that not all phones return to a recovered server at the same moment."""


class RegistrationBackoff:
    """first_s, longest_s: of the waits, which double; they lie up to a fifth off. place: of the server to use now, from 0."""

    def __init__(self, servers: int, first_s: float, longest_s: float, chance: Callable[[], float] = random.random) -> None:
        self.place = 0
        self._servers = servers
        self._first_s = first_s
        self._longest_s = longest_s
        self._chance = chance
        self._failures = 0

    def succeeded(self) -> None:
        """Registered: what went before is forgotten, and the server stays."""
        self._failures = 0

    def failed(self, asked_s: float = 0.0) -> float:
        """Seconds until the next attempt, which is for `place`; asked_s: what the server asked for (Retry-After), or 0."""
        self._failures += 1
        self.place = (self.place + 1) % self._servers
        rounds, tried = divmod(self._failures, self._servers)
        if tried:
            return 0.0  # another server has not been asked yet in this round
        wait = min(self._first_s * 2.0 ** min(rounds - 1, 30), self._longest_s)
        wait *= 1 + _SPREAD * (2 * self._chance() - 1)
        return max(wait, min(asked_s, self._longest_s) if self._servers == 1 else 0.0)


def retry_after(message: str) -> float:
    """Seconds that a response asks to wait for (RFC 3261, 20.33); 0 where it does not."""
    return float(Head(message).number("retry-after") or 0)
