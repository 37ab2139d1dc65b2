"""Text messages between phones (SIP MESSAGE, RFC 3428)."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable

import pjsua2 as pj

from softphone.control.protocol import Event, Log, Message, MessageSent
from softphone.engine.accounts.account import PhoneAccount
from softphone.engine.sip.parsed.module import sip_library
from softphone.engine.sip.status_text import explain_message
from softphone.errors import SoftphoneError

MAX_BYTES = 500
"""Of the text: a request must not be longer than 1300 bytes (RFC 3428, 8), and headers with credentials take some 800."""
MAX_SHOWN = 2000
"""Characters of a message that came."""
MAX_WAITING = 64
"""Messages of ours whose fate is not known yet."""
BURST, PER_S = 30, 2.0
"""Requests accepted in a burst, and per second after that; more are refused."""
REFUSED = 480
"""What a flood gets. Not 503: a proxy would then take this phone for dead."""
NOTICE_S = 10.0

_UNSHOWN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class MessageError(SoftphoneError):
    """The message cannot be sent; one sentence."""


class Messages:
    """Main thread only. What comes is told through `publish`."""

    def __init__(self, publish: Callable[[Event], None]) -> None:
        self._publish = publish
        self._numbers = itertools.count(1)
        self._waiting: set[int] = set()

    def send(self, account: PhoneAccount, uri: str, text: str) -> int:
        """Send a text/plain message; its number, under which `MessageSent` follows. Raises MessageError."""
        content = text.encode("utf-8")
        if len(content) > MAX_BYTES:
            raise MessageError(f"the message has {len(content)} bytes, and one SIP message holds {MAX_BYTES}; send it in parts")
        if len(self._waiting) >= MAX_WAITING:
            raise MessageError(f"{MAX_WAITING} messages wait for an answer already; the network may be down, try later")
        number = next(self._numbers)
        ffi, lib = sip_library()
        raw_uri, raw_text = ffi.new("char[]", uri.encode("utf-8")), ffi.new("char[]", content)
        to = ffi.new("pj_str_t *", {"ptr": raw_uri, "slen": len(raw_uri) - 1})
        body = ffi.new("pj_str_t *", {"ptr": raw_text, "slen": len(content)})
        status = lib.pjsua_im_send(account.getId(), to, ffi.NULL, body, ffi.NULL, ffi.cast("void *", number))
        if status:
            reason = pj.Endpoint.instance().utilStrError(status)
            raise MessageError(f"the message to {uri} cannot be sent ({reason}); check the address and network.transport")
        self._waiting.add(number)
        return number

    def fared(self, number: int, code: int, reason: str) -> None:
        """The final answer to a message of ours."""
        if number not in self._waiting:
            return  # it failed while it was sent, and `send` said so
        self._waiting.discard(number)
        if code == 202:
            # RFC 3428, 7: a relay took it, and says nothing of the far end.
            self._publish(MessageSent(message=number, state="delivered", code=code, reason="the server keeps it until they are there"))
        elif code // 100 == 2:
            self._publish(MessageSent(message=number, state="delivered", code=code))
        else:
            self._publish(MessageSent(message=number, state="failed", code=code, reason=explain_message(code, reason)))

    def came(self, account: str, remote: str, content_type: str, body: str) -> None:
        """A message of somebody."""
        if content_type.partition(";")[0].strip().lower() not in ("", "text/plain"):
            body = f"(a message of the type {content_type}, which this phone does not show)"
        text = _UNSHOWN.sub("", body.replace("\r\n", "\n").replace("\r", "\n")).strip()
        if len(text) > MAX_SHOWN:
            text = text[: MAX_SHOWN - 4] + " ..."
        if text:
            self._publish(Message(account=account, remote=_UNSHOWN.sub("", remote), text=text))


class MessageGuard:
    """Refuses a flood before PJSIP works on it: a bucket of tokens for all senders together, since a sender's name costs nothing."""

    def __init__(self, publish: Callable[[Event], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._publish = publish
        self._clock = clock
        self._tokens = float(BURST)
        self._filled_at = clock()
        self._refused = 0
        self._noticed_at = float("-inf")

    def refuse(self, request: bytes) -> int | None:
        """The status with which this request is refused, or None."""
        if not request.startswith(b"MESSAGE "):
            return None
        now = self._clock()
        self._tokens = min(float(BURST), self._tokens + PER_S * (now - self._filled_at))
        self._filled_at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return None
        self._refused += 1
        if now - self._noticed_at >= NOTICE_S:
            self._noticed_at = now
            self._publish(
                Log(level="warning", message=f"messages come faster than {PER_S:g} a second; {self._refused} were refused, more may be")
            )
            self._refused = 0
        return REFUSED
