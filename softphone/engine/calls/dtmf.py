"""Keys pressed during a call: as RTP events (RFC 4733), or as SIP INFO with application/dtmf-relay."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import pjsua2 as pj

from softphone.control.protocol import Log
from softphone.engine.schedule import Schedule
from softphone.errors import SoftphoneError

if TYPE_CHECKING:
    from softphone.engine.calls.call import PhoneCall

Method = Literal["rfc4733", "info"]
KEYS = frozenset("0123456789*#ABCD")
TONE_MS = 160
PERIOD_S = 0.32
"""From one key to the next: PJMEDIA ends a key with three packets, of up to 60 ms each, while the next waits in its queue."""
PAUSE_S = 0.5
"""Of a comma."""
BAD_REQUEST = 400
_RELAY = re.compile(rb"Signal *= *[0-9A-Da-d*#] *\r\n(?:Duration *= *[0-9]{1,6} *)?[\r\n]*", re.IGNORECASE)
"""Body of application/dtmf-relay, as phones send it; there is no RFC of it."""
PJMEDIA_RTP_EREMNORFC2833 = 220107
_PJSUA_METHODS: dict[Method, int] = {"rfc4733": pj.PJSUA_DTMF_METHOD_RFC2833, "info": pj.PJSUA_DTMF_METHOD_SIP_INFO}


class DtmfError(SoftphoneError):
    """The keys cannot be sent; one sentence."""


class DtmfSender:
    """The keys of one call that are still to be sent, one after the other."""

    def __init__(self, call: Callable[[], PhoneCall | None], schedule: Schedule, publish: Callable[[Log], None]) -> None:
        self._call = call
        self._schedule = schedule
        self._publish = publish
        self._keys: deque[tuple[str, Method]] = deque()
        self._busy = False

    def press(self, digits: str, method: Method) -> None:
        """Send these keys after those that wait already. Raises DtmfError when the first cannot be sent."""
        self._keys.extend((digit.upper(), method) for digit in digits)
        if not self._busy:
            self._next()

    def _next(self) -> None:
        call = self._call()
        if call is None or call.over or not self._keys:
            self._keys.clear()
            self._busy = False
            return
        self._busy = True
        key, method = self._keys.popleft()
        if key == ",":
            self._schedule.later(PAUSE_S, self._go_on)
            return
        parameters = pj.CallSendDtmfParam()
        parameters.method, parameters.digits, parameters.duration = _PJSUA_METHODS[method], key, TONE_MS
        try:
            call.sendDtmf(parameters)
        except pj.Error as error:
            self._keys.clear()
            self._busy = False
            if error.status == PJMEDIA_RTP_EREMNORFC2833:
                raise DtmfError("the far end takes no keys as RTP events (RFC 4733); send them with the method info") from None
            raise DtmfError(f"the keys cannot be sent ({error.reason}); the call may have no sound now") from None
        self._schedule.later(PERIOD_S, self._go_on)

    def _go_on(self) -> None:
        try:
            self._next()
        except DtmfError as error:
            self._publish(Log(level="error", message=str(error)))


def refuse(message: bytes) -> int | None:
    """A status for an INFO of keys that PJSUA must not see, or None for any other message.

    PJSUA 2.15.1 ends the process at a body such as `Signal=5` without a line end (pjsua_call.c, pjsua_call_on_tsx_state_changed).
    """
    if not message.startswith(b"INFO "):
        return None
    head, _, body = message.partition(b"\r\n\r\n")
    if b"dtmf-relay" not in head.lower() or _RELAY.fullmatch(body):
        return None
    return BAD_REQUEST


def received(digit: str, method: int) -> tuple[str, Method] | None:
    """What PJSIP says of a key that came, or None for what is none: an INFO may carry any character."""
    key = digit.upper()
    if key not in KEYS:
        return None
    return key, "info" if method == pj.PJSUA_DTMF_METHOD_SIP_INFO else "rfc4733"
