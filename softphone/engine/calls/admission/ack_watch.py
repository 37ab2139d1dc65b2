"""Calls that were answered here but never acknowledged: no ACK arrives for our 200.

PJSIP waits 32 s for it, and 32 s more for the answer to its BYE, and of its four places a stranger who never acknowledges would fill three.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from softphone.engine.sdp.compact import rate_limit, tight
from softphone.engine.sip.head import SipHead

ACK_S = 8.0
"""Our 200 has been sent five times by then (RFC 3261, 13.3.1.4)."""
SLOW_ACK_S = 64.0
"""Over a link on which each message takes seconds."""
_MOST = 256


class Dialog(NamedTuple):
    """RFC 3261, 12."""

    call_id: bytes
    our_tag: bytes
    their_tag: bytes


class AckWatch:
    """Sees the messages of INVITE transactions. One thread. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._waits: OrderedDict[Dialog, tuple[float, float]] = OrderedDict()
        """When it was answered, and how long to wait for the ACK."""
        self._done: OrderedDict[Dialog, None] = OrderedDict()

    def passed(self, sent: bool, head: SipHead, message: bytes, now: float) -> None:
        """A 200 that we sent, or an ACK that arrived."""
        dialog = Dialog(head.call_id, head.to_tag, head.from_tag)
        if sent and head.method == "INVITE" and head.status // 100 == 2 and dialog not in self._done and dialog not in self._waits:
            few_bits = tight(rate_limit(message.partition(b"\r\n\r\n")[2].decode("utf-8", "replace")))
            self._waits[dialog] = now, SLOW_ACK_S if few_bits else ACK_S
        elif not sent and head.method == "ACK" and dialog in self._waits:
            del self._waits[dialog]
            # A later answer in this dialog is to a re-INVITE, and its call is up.
            self._done[dialog] = None
        for table in (self._waits, self._done):
            while len(table) > _MOST:
                table.popitem(last=False)

    def overdue(self, now: float) -> list[Dialog]:
        """Calls whose ACK is overdue, each reported once."""
        over = [dialog for dialog, (since, patience) in self._waits.items() if now - since >= patience]
        for dialog in over:
            del self._waits[dialog]
        return over
