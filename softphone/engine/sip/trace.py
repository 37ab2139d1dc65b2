"""The SIP messages of each call as they were on the wire, without secrets, and the negotiated SDP."""

from __future__ import annotations

import re
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from softphone.control.protocol import AgreedSdp, CallState, Event, Media, SipMessage
from softphone.engine.sip.head import Head, party
from softphone.engine.sip.link_rate import LinkRate
from softphone.plain_text import visible

MAX_MESSAGES = 100
"""Most messages kept of one call, the newest."""
MAX_DIALOGS = 64
KEPT_S = 600.0
"""How long a call's messages are kept after its last one."""
HIDDEN = "(not shown)"

_SECRETS = (
    # Folded lines belong to the header (RFC 3261, 7.3.1). The scheme stays: which one was tried is worth knowing.
    (re.compile(r"^((?:Proxy-)?Authorization[ \t]*:[ \t]*\w*)[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*", re.IGNORECASE | re.MULTILINE), r"\1 "),
    # Keys of SRTP: RFC 4568, RFC 4567, the old k= line, and the password of ICE.
    (re.compile(r"^(a=crypto:[ \t]*\S+[ \t]+\S+)[^\r\n]*", re.IGNORECASE | re.MULTILINE), r"\1 "),
    (re.compile(r"^(a=key-mgmt:)[^\r\n]*", re.IGNORECASE | re.MULTILINE), r"\1"),
    (re.compile(r"^(a=ice-pwd:)[^\r\n]*", re.IGNORECASE | re.MULTILINE), r"\1"),
    (re.compile(r"^(k=)[^\r\n]*", re.MULTILINE), r"\1"),
)


@dataclass(frozen=True, slots=True)
class FarEnd:
    """What the far end says of itself: program (User-Agent or Server) and session description, and whether it made the offer."""

    program: str = ""
    sdp: str = ""
    offered: bool = False


@dataclass
class _Dialog:
    touched: float
    messages: deque[SipMessage] = field(default_factory=lambda: deque(maxlen=MAX_MESSAGES))
    number: int | None = None
    newest_sdp: dict[bool, str] = field(default_factory=dict)
    agreed_sdp: dict[bool, str] = field(default_factory=dict)
    far_end: FarEnd = FarEnd()
    open_offer: bool | None = None
    """Whether an offer that was not answered yet was sent (RFC 3264); None where there is none."""
    answer_follows: bool = False
    """PJSIP told of the agreement before our answer was sent."""
    parties: tuple[str, str] = ("", "")
    """From and To of the INVITE that began it."""
    invited: bool = False
    """It was the far end's INVITE."""
    link: LinkRate = field(default_factory=LinkRate)


class SipTrace:
    """Messages by Call-ID from the INVITE on; `learn` says which call of ours that is. One thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._dialogs: OrderedDict[str, _Dialog] = OrderedDict()
        self._registrations: deque[SipMessage] = deque(maxlen=MAX_MESSAGES)

    def passed(self, sent: bool, peer: str, data: bytes) -> None:
        """A message as it is on the wire. Only registrations, and dialogs that an INVITE began, are kept."""
        head = Head(data)
        if head.cseq_method.upper() == "REGISTER":
            text = blot(data.decode("utf-8", "replace"))
            self._registrations.append(SipMessage(time.time(), sent, peer, _summary(text, "REGISTER"), text))
            return
        call_id = head.value("call-id").decode("utf-8", "surrogateescape")  # as SWIG gives it
        if not call_id:
            return
        dialog = self._dialogs.get(call_id)
        if dialog is None:
            if not data.startswith(b"INVITE "):
                return
            dialog = self._begin(call_id)
            dialog.parties, dialog.invited = (party(data, "from"), party(data, "to")), not sent
        dialog.touched = self._clock()
        dialog.link.passed(sent, data, dialog.touched)
        text = blot(data.decode("utf-8", "replace"))
        dialog.messages.append(SipMessage(time.time(), sent, peer, _summary(text, head.cseq_method), text))
        if sdp := _sdp(text):
            dialog.newest_sdp[sent] = sdp
            if not text.startswith(("SIP/2.0 ", "ACK ")):
                dialog.open_offer = sent
            elif dialog.open_offer != sent:
                dialog.open_offer = None
            if not sent:
                # Only from messages with SDP: others may be a proxy's own.
                program = visible(head.get("user-agent") or head.get("server"), 60).strip()
                dialog.far_end = FarEnd(program, sdp, dialog.open_offer is False)
            if sent and dialog.answer_follows:
                dialog.agreed_sdp, dialog.answer_follows = dict(dialog.newest_sdp), False

    def follow(self, event: Event, call_id_of: Callable[[int], str]) -> None:
        """Learn from events of calls; `call_id_of` returns a call's Call-ID, or ""."""
        if isinstance(event, CallState) and not self.knows(event.call):
            self.learn(event.call, call_id_of(event.call))
        elif isinstance(event, Media):
            self.agreed(event.call)

    def learn(self, number: int, call_id: str) -> None:
        """The call of this number has this Call-ID."""
        if (dialog := self._dialogs.get(call_id)) is not None:
            dialog.number = number

    def knows(self, number: int) -> bool:
        """Whether messages of this call are kept."""
        return self._of(number) is not None

    def agreed(self, number: int) -> None:
        """An offer was answered: the SDP sent and received last is the negotiated one."""
        if (dialog := self._of(number)) is not None:
            dialog.answer_follows = dialog.open_offer is False
            if not dialog.answer_follows:
                dialog.agreed_sdp = dict(dialog.newest_sdp)

    def far_end(self, number: int) -> FarEnd:
        """What is known about the far end of the call."""
        dialog = self._of(number)
        return FarEnd() if dialog is None else dialog.far_end

    def parties(self, call_id: str) -> tuple[str, str]:
        """(we, the far end) as the INVITE of this Call-ID names them, of any length; "" where it is not known."""
        dialog = self._dialogs.get(call_id)
        if dialog is None:
            return "", ""
        came_from, goes_to = dialog.parties
        return (goes_to, came_from) if dialog.invited else (came_from, goes_to)

    def link_bps(self, number: int) -> float | None:
        """See `LinkRate.bps`."""
        dialog = self._of(number)
        return None if dialog is None else dialog.link.bps

    def ladder(self, number: int) -> list[SipMessage] | None:
        """Messages of the call in their order; None when the call is not known, or forgotten."""
        dialog = self._of(number)
        return None if dialog is None else list(dialog.messages)

    def registrations(self) -> list[SipMessage]:
        """REGISTER requests and their answers, the newest last."""
        return list(self._registrations)

    def sdp(self, number: int) -> AgreedSdp | None:
        """None when the call is not known, or forgotten."""
        dialog = self._of(number)
        return None if dialog is None else AgreedSdp(dialog.agreed_sdp.get(True, ""), dialog.agreed_sdp.get(False, ""))

    def _of(self, number: int) -> _Dialog | None:
        self._forget_old()
        return next((dialog for dialog in self._dialogs.values() if dialog.number == number), None)

    def _begin(self, call_id: str) -> _Dialog:
        self._forget_old()
        if len(self._dialogs) >= MAX_DIALOGS:
            # Dialogs without a call of ours go first.
            strangers = (key for key, dialog in self._dialogs.items() if dialog.number is None)
            del self._dialogs[next(strangers, next(iter(self._dialogs)))]
        return self._dialogs.setdefault(call_id, _Dialog(self._clock()))

    def _forget_old(self) -> None:
        oldest = self._clock() - KEPT_S
        for call_id in [call_id for call_id, dialog in self._dialogs.items() if dialog.touched < oldest]:
            del self._dialogs[call_id]


def blot(text: str) -> str:
    """The message without credentials and keys (shown as HIDDEN)."""
    for pattern, kept in _SECRETS:
        text = pattern.sub(kept + HIDDEN, text)
    return text


def _summary(text: str, method: str) -> str:
    first = text.partition("\r\n")[0][:200]
    if first.startswith("SIP/2.0 "):
        return f"{first[8:]} ({method})" if method else first[8:]
    return first.removesuffix(" SIP/2.0")


def _sdp(text: str) -> str:
    """The session description in the body, also as one part of several (RFC 5621); "" where there is none."""
    head, _, body = text.partition("\r\n\r\n")
    if "application/sdp" not in head.lower() and "multipart/" not in head.lower():
        return ""
    start = 0 if body.startswith("v=0") else body.find("\r\nv=0") + 2
    if not body[start:].startswith("v=0"):
        return ""
    return body[start:].partition("\r\n--")[0]
