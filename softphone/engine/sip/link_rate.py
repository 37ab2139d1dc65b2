"""The link rate, measured on the messages that set up a call: the first thing known about a link."""

from __future__ import annotations

from codec.units.rates import IP_UDP_BYTES
from softphone.engine.sip.head import Head

SHORTEST_S = 0.05
"""Whatever is answered faster was not sent over a slow link."""
FAST_BPS = 9000.0
"""A retransmission answered at such a rate may mean that the first message was lost, and that the link is fast: or that the first was
answered late."""
UNSURE_BPS = 20_000.0
"""What the link is taken to carry then, where the retransmission does not show less: enough to be measured, not to be trusted."""


class LinkRate:
    """Of one dialog: from our INVITE to the first response, or from our final response to the ACK; the first such pair counts.

    Messages wait for each other on the way there and back, so this is what a link of one rate for both directions carries, and about half
    of what others do.
    """

    def __init__(self) -> None:
        self.bps: float | None = None
        """IP bit/s; None where nothing was answered yet, or too fast to tell."""
        self._asked: tuple[float, int] | None = None
        self._again: float | None = None
        self._settled = False

    def passed(self, sent: bool, message: bytes, now: float) -> None:
        """A message of the dialog; now: monotonic seconds."""
        if self._settled:
            return
        if sent and (message.startswith(b"INVITE ") or (message.startswith(b"SIP/2.0 2") and Head(message).cseq_method == "INVITE")):
            if self._asked is None:
                self._asked = now, len(message) + IP_UDP_BYTES
            else:
                self._again = now
        elif not sent and self._asked is not None and message.startswith((b"SIP/2.0 ", b"ACK ")):
            began, size = self._asked
            bits = 8 * (size + len(message) + IP_UDP_BYTES)
            self._settled = True
            if self._again is not None and bits >= FAST_BPS * (now - self._again):
                self.bps = min(UNSURE_BPS, bits / max(SHORTEST_S, now - self._again))
            elif now - began >= SHORTEST_S:
                self.bps = bits / (now - began)
