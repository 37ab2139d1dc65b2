"""DTMF keys sent in a call: as RTP events (RFC 4733), or as SIP INFO (dtmf_info.py has received ones)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import pjsua2 as pj

from softphone.control.protocol import Log
from softphone.engine.pjsip.status_codes import PJMEDIA_RTP_EREMNORFC2833
from softphone.engine.schedule import Schedule
from softphone.engine.sip.status_text import plain
from softphone.errors import SoftphoneError

if TYPE_CHECKING:
    from softphone.engine.calls.call import PhoneCall

Method = Literal["rfc4733", "info"]
KEYS = frozenset("0123456789*#ABCD")
TONE_MS = 160
PERIOD_S = 0.32
"""From one key to the next: PJMEDIA ends a key with three packets, of up to 60 ms each, while the next waits in its queue."""
PAUSE_S = 0.5
"""Pause for a comma."""
DIALLED_PAUSE_S = 2.0
"""Pause for a comma in a dialled number: what phones use, and address books assume."""
_PJSUA_METHODS: dict[Method, int] = {"rfc4733": pj.PJSUA_DTMF_METHOD_RFC2833, "info": pj.PJSUA_DTMF_METHOD_SIP_INFO}


def after_answer(keys: str) -> str:
    """The keys that stand behind a dialled number, as `DtmfSender.press` takes them: two seconds for whoever answers to listen, and for
    each further comma."""
    longer = "," * round(DIALLED_PAUSE_S / PAUSE_S)
    return longer + keys.removeprefix(",").replace(",", longer)


class DtmfError(SoftphoneError):
    """The keys cannot be sent; one sentence."""


class DtmfSender:
    """Sends the keys of one call, one after the other."""

    def __init__(self, call: Callable[[], PhoneCall | None], schedule: Schedule, publish: Callable[[Log], None]) -> None:
        self._call = call
        self._schedule = schedule
        self._publish = publish
        self._keys: deque[tuple[str, Method]] = deque()
        self._busy = False

    def press(self, digits: str, method: Method) -> None:
        """Queue these keys. Raises DtmfError if the first cannot be sent."""
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
                raise DtmfError("the other side takes no keys as RTP events (RFC 4733); send them with the method info") from None
            raise DtmfError(f"the keys cannot be sent ({plain(error.reason)}); the call may have no sound now") from None
        self._schedule.later(PERIOD_S, self._go_on)

    def _go_on(self) -> None:
        try:
            self._next()
        except DtmfError as error:
            self._publish(Log(level="error", message=str(error)))


def received(digit: str) -> str | None:
    """The key that PJSIP received as an RTP event; None for other events, such as a hook flash."""
    key = digit.upper()
    return key if key in KEYS else None
