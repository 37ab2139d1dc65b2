"""DTMF keys received as SIP INFO. No RFC specifies them; what phones and gateways send is read here, ahead of PJSUA 2.15.1, which knows one
form and ends the process at some others (pjsua_call.c, pjsua_call_on_tsx_state_changed)."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable

from softphone.control.protocol import Dtmf
from softphone.engine.calls.media.dtmf import KEYS
from softphone.engine.sip.head import Head, SipHead, read_head
from softphone.engine.sip.parsed.sdp_gate import Refusal

OK, BAD_REQUEST, UNSUPPORTED_MEDIA_TYPE = 200, 400, 415
DTMF, RELAY = "application/dtmf", "application/dtmf-relay"
FLASH = "flash"
_SIGNAL = re.compile(r"^[ \t]*signal[ \t]*[=:][ \t]*([^\r\n]*?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_MOST_BODY = 256
_MOST_DIALOGS = 64
_EVENTS: dict[int, str] = dict(enumerate([*"0123456789*#ABCD", FLASH]))
"""RFC 4733, 3.2: numbers of the keys, which some send in place of their characters."""
_WORDS = {"star": "*", "asterisk": "*", "hash": "#", "pound": "#", "flash": FLASH, "hf": FLASH, "!": FLASH}


class InfoKeys:
    """`call_in(head)` is the call in whose dialog a request came, or 0. Main thread only."""

    def __init__(self, call_in: Callable[[SipHead], int], publish: Callable[[Dtmf], None]) -> None:
        self._call_in = call_in
        self._publish = publish
        self._last: OrderedDict[tuple[bytes, bytes], tuple[int, int]] = OrderedDict()
        """(Call-ID, their tag) -> CSeq of the newest key and its response, to recognise retransmissions."""

    def take(self, request: bytes) -> int | Refusal | None:
        """The answer to an INFO in a call; None for any other message."""
        if not request.startswith(b"INFO "):
            return None
        head = read_head(request)
        number = self._call_in(head) if head is not None else 0
        if head is None or not number:
            return None  # PJSIP answers 481
        dialog = (head.call_id, head.from_tag)
        sequence, code = self._last.get(dialog, (0, OK))
        if head.sequence <= sequence:
            return code
        fields = Head(request)
        kind, body = fields.token("content-type"), fields.body
        if not body.strip(b"\0 \t\r\n"):
            return OK  # a keep-alive (RFC 2976, 2.2)
        if kind not in (DTMF, RELAY):
            return Refusal(UNSUPPORTED_MEDIA_TYPE, {"Accept": f"{DTMF}, {RELAY}"})
        key = read(kind, body)
        self._last[dialog] = head.sequence, OK if key else BAD_REQUEST
        self._last.move_to_end(dialog)
        while len(self._last) > _MOST_DIALOGS:
            self._last.popitem(last=False)
        if key in KEYS:
            self._publish(Dtmf(call=number, digit=key, method="info"))
        return OK if key else BAD_REQUEST


def read(kind: str, body: bytes) -> str:
    """The key in a body of this type: one of KEYS, FLASH, or empty where there is none that can be read."""
    text: str = body[:_MOST_BODY].decode("ascii", "replace").strip("\0 \t\r\n")
    signal = _SIGNAL.search(text)
    if signal is not None:
        return _key(signal[1])
    # A bare key is application/dtmf, but some send it as application/dtmf-relay.
    return _key(text)


def _key(text: str) -> str:
    word = text.strip(" \t\"'")
    if word.upper() in KEYS:
        return word.upper()
    if word.isascii() and word.isdigit() and len(word) <= 3:
        return _EVENTS.get(int(word), "")
    return _WORDS.get(word.lower(), "")
