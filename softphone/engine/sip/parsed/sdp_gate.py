"""Checks and rewrites far ends' session descriptions after PJSIP's parser and before anything uses them (sdp/acceptable.py)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from softphone.control.protocol import Log
from softphone.engine.limits import MAX_URI_BYTES
from softphone.engine.sdp.acceptable import Ability, write
from softphone.engine.sdp.description import SdpError, parse
from softphone.engine.sip.head import Head, party, read_head
from softphone.engine.sip.parsed.message import ParsedMessage
from softphone.engine.sip.status_text import NO_IPV6

SDP = "application/sdp"
NOTICE_S = 10.0
BAD_REQUEST, UNSUPPORTED_MEDIA_TYPE, NOT_ACCEPTABLE_HERE = 400, 415, 488
REJECTION = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\n"
"""Stands for an answer that cannot be read: nothing of what was offered is taken."""
_NO_COMMON_LINE = '304 softphone "no audio line with a codec, a protocol and keys that this phone has"'
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Refusal:
    """A final status for a request, with headers that say more (RFC 3261, 8.2)."""

    code: int
    headers: dict[str, str] = field(default_factory=dict)


class SdpGate:
    """`able()` is what the phone can do now. Of calls that were refused, at most one in NOTICE_S: `publish` hears a warning and
    `missed(caller, called, why)` both parties (as in From and To) and why. Main thread only."""

    def __init__(
        self,
        able: Callable[[], Ability],
        publish: Callable[[Log], None],
        missed: Callable[[str, str, str], None] = lambda _caller, _called, _why: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._able = able
        self._publish = publish
        self._missed = missed
        self._clock = clock
        self._noticed_at = float("-inf")

    def request(self, message: ParsedMessage, raw: bytes) -> Refusal | None:
        """Put what PJSIP may see into its place, or say how the request is refused. An ACK is never refused: what it may not bring is
        taken as no to all that we offered."""
        is_ack = raw.lstrip(b"\r\n").startswith(b"ACK")
        if raw.lstrip(b"\r\n").startswith(b"PRACK") and message.content_type:
            # Our provisional answers bring no description, so there is nothing to answer, and no offer may follow (RFC 3262, 5). PJSIP
            # would negotiate all the same, and ends the process where it cannot.
            message.set_body(b"")
            return None
        if message.content_type != SDP:
            return None if is_ack or message.content_type else _without_type(raw)
        text, taken = self._written(message)
        if not text and not is_ack and Head(raw).token("content-encoding") not in ("", "identity"):
            return Refusal(UNSUPPORTED_MEDIA_TYPE, {"Accept-Encoding": "identity"})
        if not text and not is_ack:
            return Refusal(BAD_REQUEST, {"Warning": '399 softphone "the session description cannot be read"'})
        if not taken and not is_ack:
            self._tell(raw, message.body)
            return Refusal(NOT_ACCEPTABLE_HERE, {"Warning": _NO_COMMON_LINE})
        message.set_body(_bytes(text or REJECTION))
        return None

    def response(self, message: ParsedMessage, raw: bytes) -> None:
        """The same for an answer. A provisional one that we cannot use goes on as one that brings nothing."""
        if message.content_type != SDP:
            return
        text, taken = self._written(message)
        message.set_body(_bytes(text or REJECTION) if taken or Head(raw).status // 100 != 1 else b"")

    def _tell(self, raw: bytes, body: bytes) -> None:
        """Of a call that nobody will hear ring."""
        head = read_head(raw)
        now = self._clock()
        if head is None or head.method != "INVITE" or head.to_tag or now - self._noticed_at < NOTICE_S:
            return
        self._noticed_at = now
        why = NO_IPV6 if b"IN IP6 " in body and b"c=IN IP4" not in body else "it has no audio line, codec or encryption that this phone has"
        caller = party(raw, "from")[:MAX_URI_BYTES]
        self._publish(Log(level="warning", message=f"a call from {caller[:200]} was refused with 488: {why}"))
        self._missed(caller, party(raw, "to")[:MAX_URI_BYTES], why)

    def _written(self, message: ParsedMessage) -> tuple[str, bool]:
        """See acceptable.write; empty where the description cannot be read. What PJSIP gets in its place is never the text itself."""
        try:
            return write(parse(_text(message.body)), self._able())
        except SdpError as error:
            log.debug("a session description was refused: %s", error)
        except Exception:
            log.exception("a session description could not be judged")
        return "", False


def _without_type(raw: bytes) -> Refusal | None:
    """RFC 3261, 20.15: a body has a type. PJSIP passes over one that has none, and would answer an offer with one of ours."""
    head, gap, body = raw.lstrip(b"\r\n").partition(b"\r\n\r\n")
    if not gap or not body.strip() or not head.startswith((b"INVITE ", b"UPDATE ", b"PRACK ")) or Head(raw).number("content-length") == 0:
        return None
    return Refusal(BAD_REQUEST, {"Warning": '399 softphone "a body needs a Content-Type"'})


def _text(body: bytes) -> str:
    return body.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
