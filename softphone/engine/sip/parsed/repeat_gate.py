"""Answers on which PJSIP asks again at once, as often as they come: a server that always wants a longer interval, or always names another
address, would keep this phone sending hundreds of requests a second.
"""

from __future__ import annotations

from collections import OrderedDict

from softphone.engine.limits import MOST_REPEATS
from softphone.engine.sip.head import read_head
from softphone.engine.sip.parsed.message import ParsedMessage

_MOST = 64
_CHALLENGED = (401, 407)


class RepeatGate:
    """Main thread only."""

    def __init__(self) -> None:
        self._repeats: OrderedDict[bytes, int] = OrderedDict()
        """By Call-ID."""

    def response(self, message: ParsedMessage, raw: bytes) -> None:
        """Take out what PJSIP would ask again with, once that was often enough: its answer is then the last."""
        head = read_head(raw)
        if head is None or head.status < 200 or head.status in _CHALLENGED:
            return
        name = "Contact" if head.status // 100 == 3 else {422: "Min-SE", 423: "Min-Expires"}.get(head.status)
        if name is None:
            self._repeats.pop(head.call_id, None)
            return
        count = self._repeats[head.call_id] = self._repeats.pop(head.call_id, 0) + 1
        if count > MOST_REPEATS:
            message.remove(name, set(range(message.count(name))))
        while len(self._repeats) > _MOST:
            self._repeats.popitem(last=False)
