"""Hold and resume by re-INVITE, repeated until the far end has agreed (RFC 3261, 14; RFC 3264, 8)."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pjsua2 as pj

from softphone.engine.schedule import Schedule

if TYPE_CHECKING:
    from softphone.engine.calls.call import PhoneCall

ANSWER_LIMIT_S = 40.0
"""A re-INVITE that is longer without an answer than SIP's timers allow (RFC 3261, 17.1.1: 32 s) is forgotten."""
BUSY_RETRY_S = 0.3
"""While another re-INVITE of the call is under way, such as the one that settles on a codec."""
MAX_TRIES = 20
GLARE = 491


class Renegotiation:
    """Hold and resume. `held` is what we want; it may be changed at any time, also while the far end is being asked.

    `call` gives the call or None once it is gone: whoever waits for an answer must not keep it alive. Its `hold_refused` gets the status
    code when the far end does not agree. A hold stands all the same, because the call is silent here at once; a call that the far end does
    not take off hold stays on hold.
    """

    def __init__(self, call: Callable[[], PhoneCall | None], schedule: Schedule) -> None:
        self.held = False
        self._call = call
        self._schedule = schedule
        self._agreed = False
        """What the far end has agreed to."""
        self._asked: bool | None = None
        """What the pending re-INVITE asks for."""
        self._asked_at = 0.0
        self._tries = 0
        self._waiting = False

    def want(self, held: bool) -> None:
        self.held = held
        self._tries = 0
        self.settle()

    def settle(self) -> None:
        """Send a re-INVITE if one is needed and possible; called again whenever that may have changed."""
        call = self._call()
        if call is None or call.over or call.state != "confirmed" or self._waiting or self.held == self._agreed:
            return
        if self._asked is not None and time.monotonic() - self._asked_at < ANSWER_LIMIT_S:
            return
        call.media.keep_codec = True
        try:
            if self.held:
                call.setHold(pj.CallOpParam())
            else:
                parameters = pj.CallOpParam(True)
                parameters.opt.audioCount, parameters.opt.videoCount = 1, 0
                parameters.opt.flag = pj.PJSUA_CALL_UNHOLD
                call.reinvite(parameters)
        except pj.Error:
            self._retry(BUSY_RETRY_S)
        else:
            self._asked, self._asked_at = self.held, time.monotonic()
        finally:
            call.media.keep_codec = False

    def answered(self, code: int) -> None:
        """A re-INVITE of this call got its final response; PJSUA may have sent it on its own."""
        asked, self._asked = self._asked, None
        if asked is not None and code // 100 == 2:
            self._agreed, self._tries = asked, 0
        elif asked is not None and code == GLARE:
            # RFC 3261, 14.1: 2.1 to 4 s for the caller, up to 2 s for the called, so that the two do not meet again.
            call = self._call()
            outgoing = call is not None and call.direction == "outgoing"
            self._retry(random.uniform(2.1, 4.0) if outgoing else random.uniform(0.0, 2.0))
        elif asked is not None:
            self._give_up(code)
        # PJSUA itself has not processed the response yet.
        self._schedule.later(0, self.settle)

    def _retry(self, seconds: float) -> None:
        self._tries += 1
        if self._tries > MAX_TRIES:
            self._give_up(GLARE)
            return
        self._waiting = True
        self._schedule.later(seconds, self._again)

    def _again(self) -> None:
        self._waiting = False
        self.settle()

    def _give_up(self, code: int) -> None:
        self.held = self._agreed = True
        call = self._call()
        if call is not None and not call.over:
            call.hold_refused(code)
