"""Tells the user of messages that PJSIP must not see, without letting strangers fill the log."""

from __future__ import annotations

import time
from collections.abc import Callable

from softphone.control.protocol import Event, Log

NOTICE_S = 10.0


class RefusalNotices:
    """Main thread only."""

    def __init__(self, publish: Callable[[Event], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._publish, self._clock = publish, clock
        self._next_at = float("-inf")
        self._untold = 0

    def tell(self, peer: str, why: str) -> None:
        """Report one message. At most one notice in ten seconds; it counts the others."""
        now = self._clock()
        if now < self._next_at:
            self._untold += 1
            return
        more = f" ({self._untold} others since the last notice)" if self._untold else ""
        self._next_at, self._untold = now + NOTICE_S, 0
        self._publish(Log(level="warning", message=f"a message from {peer} was not taken: it {why}{more}"))
