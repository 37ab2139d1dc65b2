"""Calls that were hung up here and whose far end does not answer the BYE.

PJSUA keeps one of its four places for each, for 32 s: who hangs up four calls to an address that is gone could neither call nor be called.
"""

from __future__ import annotations

from collections import OrderedDict

from softphone.engine.calls.admission.ack_watch import Dialog
from softphone.engine.sip.head import SipHead

BYE_S = 4.0
"""It has been sent four times by then (RFC 3261, 17.1.2.2), and is sent on."""
_MOST = 256


class ByeWatch:
    """Sees the messages on their way. One thread. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._waits: OrderedDict[Dialog, float] = OrderedDict()
        self._done: OrderedDict[Dialog, None] = OrderedDict()
        """Answered or given up: a BYE that is sent again is no other one, and a session must not be ended twice."""

    def passed(self, sent: bool, head: SipHead, now: float) -> None:
        """A BYE that we sent, or its answer; others are passed over."""
        if head.method != "BYE" or sent == bool(head.status):
            return
        dialog = Dialog(head.call_id, head.from_tag, head.to_tag)
        if sent and dialog not in self._done:
            self._waits.setdefault(dialog, now)
        elif not sent and head.status >= 200 and head.status not in (401, 407):
            self._settle(dialog)
        for table in (self._waits, self._done):
            while len(table) > _MOST:
                table.popitem(last=False)

    def overdue(self, now: float) -> list[Dialog]:
        """Those that were waited for long enough, each told once."""
        over = [dialog for dialog, since in self._waits.items() if now - since >= BYE_S]
        for dialog in over:
            self._settle(dialog)
        return over

    def _settle(self, dialog: Dialog) -> None:
        self._waits.pop(dialog, None)
        self._done[dialog] = None
