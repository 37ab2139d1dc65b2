"""Compact SIP for slow links: at 2400 bit/s each hundred bytes delay the ringing by a third of a second.

What sets a call up is written in the compact form (RFC 3261, 7.3.3), which all must understand. A call that either end wants below
`TIGHT_BPS` of sdp/compact.py also goes without what is only good to know, and with a T1 that fits the time its messages take: RFC 3261,
17.1.1.1 wants T1 to estimate the round trip, and to be larger on slow links.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from softphone.engine.sdp.compact import rate_limit, tight
from softphone.engine.sip.head import Head

T1_MS = 500
"""RFC 3261, table 4."""
LONGEST_T1_MS = 10000
_ROUND_TRIP_BYTES = 1500
"""A short INVITE and its answer, with headers of IPv4 and UDP, and some more: one that is sent again while the answer is under way
fills the queue of the link, and the ACK is lost."""
_MOST_CALLS = 64
_COMPACT = {
    "call-id": "i", "contact": "m", "content-length": "l", "content-type": "c", "from": "f", "to": "t", "via": "v",
}  # fmt: skip
"""RFC 3261, 20. Linphone 5.1 drops Supported and Session-Expires in their short forms, so that it would know of no session timer and of no
Replaces; PJSIP itself does not know the short forms of rarer ones, such as Refer-To."""
_LISTS = frozenset({"allow", "supported", "k"})
_GOOD_TO_KNOW = frozenset({"allow", "supported", "k", "user-agent", "server", "session-expires", "x", "allow-events", "u"})
"""All optional; without them the far end asks for nothing but what it must have anyway."""
_ELSEWHERE = frozenset({"MESSAGE", "SUBSCRIBE", "OPTIONS", "ACK", "BYE", "CANCEL", "PRACK", "NOTIFY"})
"""Nobody asks whether a call has them, or it is said already: who makes calls takes BYE and CANCEL, who supports 100rel takes PRACK, who
allows REFER takes NOTIFY, and an ACK cannot be refused. Leaving a method out of Allow says nothing of it (RFC 3261, 20.5)."""
_OF_REFER = "norefersub"
_KEEP_ALIVE = b"\r\n"
_SETS_UP = ("INVITE", "ACK")


class CompactSip:
    """Rewrites what is sent. `set_t1(ms)` sets T1 for the transactions that begin from then on. One thread."""

    def __init__(self, set_t1: Callable[[int], None], answers_at_once: bool = True) -> None:
        """answers_at_once: a call is answered with more than 100 as soon as it came, so that nobody needs the 100 (RFC 3261, 17.2.1)."""
        self._set_t1 = set_t1
        self._t1_ms = T1_MS
        self._answers_at_once = answers_at_once
        self._rates: OrderedDict[bytes, int] = OrderedDict()

    def received(self, message: bytes) -> None:
        """Learn from a message of the far end what it bears."""
        if message.startswith(b"INVITE "):
            self._learn(message)

    def sent(self, message: bytes) -> bytes:
        """What is to be sent instead; never longer. Sending it again changes nothing."""
        if message.startswith(b"INVITE "):
            self._learn(message)
        rate = self._rate(message)
        # Short requests may be sent again at once; the wait for the answer to a CANCEL is 64 * T1 in PJSIP.
        self._choose_t1(rate if Head(message).cseq_method in _SETS_UP else 0)
        if self._answers_at_once and message.startswith(b"SIP/2.0 100 ") and _goes_by_udp(message):
            return _KEEP_ALIVE
        return shorten(message, bare=rate > 0)

    def _learn(self, message: bytes) -> None:
        head = Head(message)
        call_id, rate = head.value("call-id"), rate_limit(head.body.decode("utf-8", "replace"))
        if not call_id or not tight(rate):
            return
        self._rates[call_id] = rate
        self._rates.move_to_end(call_id)
        while len(self._rates) > _MOST_CALLS:
            self._rates.popitem(last=False)

    def _rate(self, message: bytes) -> int:
        return self._rates.get(Head(message).value("call-id"), 0) if self._rates else 0

    def _choose_t1(self, rate: int) -> None:
        wanted = min(max(T1_MS, 8000 * _ROUND_TRIP_BYTES // rate), LONGEST_T1_MS) if rate else T1_MS
        if wanted != self._t1_ms:
            self._t1_ms = wanted
            self._set_t1(wanted)


def _goes_by_udp(response: bytes) -> bool:
    """By the top Via, which is of who asked us; the others are of proxies before (RFC 3261, 18.2.2)."""
    sent_protocol = Head(response).get("via").upper().replace(" ", "").replace("\t", "")
    return sent_protocol.startswith("SIP/2.0/UDP")


def shorten(message: bytes, *, bare: bool) -> bytes:
    """A message of an INVITE transaction, or an ACK, in the compact form; bare: also without headers that are only good to know.

    Any other message is unchanged.
    """
    head, gap, body = message.partition(b"\r\n\r\n")
    fields = Head(head)
    if not gap or b"SIP/2.0" not in head.partition(b"\r\n")[0] or fields.cseq_method not in _SETS_UP:
        return message
    needs_timer = any("timer" in value.lower() for value in fields.all("require"))
    first, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    kept = [first]
    for line in lines:
        name, colon, value = line.partition(":")
        lower = name.strip().lower()
        if not colon or line[:1] in " \t":
            kept.append(line)
            continue
        if (bare and lower in _GOOD_TO_KNOW and not needs_timer) or (lower == "min-se" and value.strip() == "90"):
            continue  # 90 s is what its absence means (RFC 4028, 5)
        text = value.strip()
        if lower in _LISTS:
            needless = _ELSEWHERE if lower == "allow" else {_OF_REFER}
            text = ",".join(word for word in text.replace(" ", "").split(",") if word not in needless)
            if not text:
                continue
        kept.append(f"{_COMPACT.get(lower, name.strip())}:{text}")
    return "\r\n".join(kept).encode("utf-8", "surrogateescape") + gap + body
