"""Incoming calls: they ring, wait, are answered at once or refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Literal, Protocol

from softphone.control.protocol import Event, Log, Receiving
from softphone.engine.accounts.account import PhoneAccount
from softphone.engine.sip.parsed.module import end_session
from softphone.errors import SoftphoneError

if TYPE_CHECKING:
    from softphone.engine.calls.active_calls import ActiveCalls
    from softphone.engine.calls.admission.call_gate import CallGate
    from softphone.engine.calls.call import PhoneCall

BUSY_HERE = 486
TEMPORARILY_UNAVAILABLE = 480


class ContactRules(Protocol):
    """How to treat calls from and to a contact."""

    @property
    def auto_answer(self) -> bool: ...

    @property
    def codecs(self) -> Collection[str] | None:
        """What is offered in calls with them, best first; None leaves it to the configuration."""


RulesFor = Callable[[str], ContactRules | None]
"""Looks up the rules for a SIP URI or a whole From header. Must neither raise nor block."""


class CallMaker(Protocol):
    """What incoming calls need from the engine."""

    @property
    def calls(self) -> Mapping[int, PhoneCall]: ...

    @property
    def active_calls(self) -> ActiveCalls: ...

    @property
    def call_gate(self) -> CallGate: ...

    @property
    def contact_rules(self) -> RulesFor: ...

    def new_call(self, account: PhoneAccount, direction: Literal["incoming", "outgoing"], call_id: int) -> PhoneCall: ...

    def publish(self, event: Event) -> None: ...

    def defer(self, job: Callable[[], None]) -> None:
        """Run it on the main thread, outside PJSIP's callbacks."""


class IncomingCalls:
    """`ring_seconds`: a call that nobody answered for so long is given up, incoming or outgoing; `answer_seconds`: so long it
    rings before it is answered automatically. Main thread only."""

    def __init__(self, engine: CallMaker, ring_seconds: int, answer_seconds: int = 0) -> None:
        self._ring_seconds = ring_seconds
        self._answer_seconds = answer_seconds
        self.do_not_disturb = False
        self.answer_all = False
        self.answer_all_after_s: int | None = None
        """In place of `answer_seconds`, where that was said with the command."""
        self.answer_files: tuple[str | None, str | None] = (None, None)
        self._engine = engine
        self._rings_since: dict[int, float] = {}
        self._answer_at: dict[int, tuple[float, bool]] = {}
        """Calls that ring until they are answered automatically: when (CLOCK_MONOTONIC), and whether account or contact say so."""

    def tell(self) -> None:
        """Publish how calls are received now: to other front ends, and to the supervisor, which sets it again after a failure."""
        wav_in, wav_out = self.answer_files
        told = Receiving(auto_answer=self.answer_all, do_not_disturb=self.do_not_disturb, wav_in=wav_in, wav_out=wav_out)
        self._engine.publish(told)
        for number, (_, auto_answer) in self._answer_at.items():
            call = self._engine.calls.get(number)
            if call is not None and call.answered_at is not None and (self.do_not_disturb or not (self.answer_all or auto_answer)):
                call.answered_at = None  # nobody is to count down to what does not come
                call.tell()

    def arrive(self, account: PhoneAccount, call_id: int) -> None:
        """PJSIP has a new call for this account."""
        engine = self._engine
        call = engine.new_call(account, "incoming", call_id)
        call.waiting = bool(engine.active_calls.others(call))
        state = call.describe()
        rules = engine.contact_rules(state.remote)
        if rules is not None and rules.codecs:
            call.media.codec_order = list(rules.codecs)
        engine.publish(state)
        auto_answer = account.settings.auto_answer or (rules is not None and rules.auto_answer)
        # Not inside PJSIP's callback: where the call ends there (refused, or an answer that fails), PJSUA2 2.15.1 ends the process as soon
        # as media need time, as with ICE (endpoint.cpp, on_incoming_call, at the call's cloned INVITE).
        engine.defer(lambda: self._receive(call, auto_answer))

    def _receive(self, call: PhoneCall, auto_answer: bool) -> None:
        if call.over or call.state != "incoming":
            return  # the user was faster
        try:
            if self.do_not_disturb:
                call.end(BUSY_HERE, "refused because of do not disturb")
            elif self.answer_all or (auto_answer and not call.waiting):
                after_s = self._answer_seconds
                if self.answer_all and self.answer_all_after_s is not None:
                    after_s = self.answer_all_after_s
                if after_s:
                    call.answered_at = time.monotonic() + after_s
                    self._answer_at[call.number] = call.answered_at, auto_answer
                    call.ring()
                    call.tell()
                else:
                    self._answer(call)
            else:
                call.ring()
        except SoftphoneError as error:
            self._engine.publish(Log(level="error", message=f"call {call.number} was refused: {error}"))
            call.end(500, f"refused here: {error}")

    def tick(self) -> None:
        """Called each second: end calls that ring for too long, here or at the far end, which SIP itself does not limit, and calls whose
        answer is never acknowledged."""
        now, limit_s = time.monotonic(), self._ring_seconds
        for number in [number for number, (due, _) in self._answer_at.items() if now >= due]:
            self._answer_now(number, self._answer_at.pop(number)[1])
        ringing = {number: call for number, call in self._engine.calls.items() if call.state in ("incoming", "calling", "early")}
        self._rings_since = {number: self._rings_since.get(number, now) for number in ringing}
        for number, call in ringing.items():
            if now - self._rings_since[number] >= limit_s and not call.over:
                code = TEMPORARILY_UNAVAILABLE if call.direction == "incoming" else None
                call.end(code, f"no answer within {limit_s} s")
        for dialog in self._engine.call_gate.acks.overdue(now):
            unanswered = self._engine.calls.get(self._engine.call_gate.call_of(dialog.call_id))
            if unanswered is not None and not unanswered.over:
                unanswered.end(reason="the other side did not acknowledge that the call was answered")
            # Even after a hangup PJSIP would keep the call until an ACK arrives.
            end_session(*dialog)
        for dialog in self._engine.call_gate.byes.overdue(now):
            end_session(*dialog)

    def _answer_now(self, number: int, auto_answer: bool) -> None:
        """It rang long enough; meanwhile the user may have answered or refused it, begun another call, or switched this off."""
        call = self._engine.calls.get(number)
        if call is None or call.over or call.state not in ("incoming", "early") or self.do_not_disturb:
            return
        call.answered_at = None
        if not self.answer_all and (not auto_answer or self._engine.active_calls.others(call)):
            call.tell()
            return
        try:
            self._answer(call)
        except SoftphoneError as error:
            self._engine.publish(Log(level="error", message=f"call {number} was not answered: {error}"))

    def _answer(self, call: PhoneCall) -> None:
        wav_in, wav_out = self.answer_files
        if wav_in:
            call.audio.play(wav_in, stands_in=True)
        if wav_out:
            call.audio.record(wav_out.replace("{call}", str(call.number)))
        call.take()
