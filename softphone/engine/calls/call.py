"""One call, from the first INVITE to the last answer."""

from __future__ import annotations

import logging
import secrets
import time
import weakref
from collections.abc import Callable
from typing import Literal

import pjsua2 as pj

from softphone.codecs import PHV
from softphone.control.protocol import CallState, Dtmf, Log, Transfer
from softphone.engine.accounts.account import PhoneAccount
from softphone.engine.calls import slots
from softphone.engine.calls.environment import CallEnvironment
from softphone.engine.calls.events import CallLength, State, state_event
from softphone.engine.calls.media import dtmf
from softphone.engine.calls.media.audio import CallAudio
from softphone.engine.calls.media.negotiated import CallMedia
from softphone.engine.calls.renegotiation import Renegotiation
from softphone.engine.calls.transfer import TransferProgress
from softphone.engine.phv.rate_model import RTCP_INTERVAL_S
from softphone.engine.pjsip.guard import pjsip_callback
from softphone.engine.pjsip.status_codes import PJ_EINVALIDOP, PJ_EPENDING, PJ_ETOOMANY, PJSIP_ESESSIONTERMINATED
from softphone.engine.sdp.native import text_of
from softphone.engine.sip.parsed.auth_gate import has_no_answer
from softphone.engine.sip.status_text import plain
from softphone.engine.sip.trace import FarEnd
from softphone.errors import SoftphoneError
from softphone.store.history import HUNG_UP_HERE

BAD_EXTENSION = 420
REPLACED_S = 2.0
"""How long a call may stay after its other side was given to somebody else."""
MAX_REDIRECTIONS = 5
NO_MEDIA_S = 5.0
"""How long a call may be up without negotiated media."""
log = logging.getLogger(__name__)


class CallError(SoftphoneError):
    """The call cannot be made or changed; one sentence."""


class PhoneCall(pj.Call):  # type: ignore[misc]
    """`number` is the engine's own, since PJSUA reuses its ids. `over` is set with the last event; the main loop then drops the object."""

    def __init__(
        self,
        environment: CallEnvironment,
        account: PhoneAccount,
        number: int,
        direction: Literal["incoming", "outgoing"],
        call_id: int = pj.PJSUA_INVALID_ID,
    ) -> None:
        super().__init__(account, call_id)
        self.number = number
        self.over = False
        self.direction: Literal["incoming", "outgoing"] = direction
        self.state: State = "incoming" if direction == "incoming" else "calling"
        self.length = CallLength()
        self.waiting = False
        """It arrived while another call was up."""
        self.answered_at: float | None = None
        """While it rings: when it will be answered automatically (CLOCK_MONOTONIC)."""
        self.conference = False
        self.transcript = ""
        """File of the words of this call, or empty."""
        self.rang = False
        """The remote party's phone is ringing (180)."""
        self.audio = CallAudio(number, environment.publish, environment.defer, environment.sound)
        self.media = CallMedia(number, environment, offers_srtp=account.offers_srtp)
        self.account_name = account.settings.name
        self.account = account  # PJSUA2 keeps a bare pointer to it
        self._environment = environment
        self._transferred_to: weakref.ref[PhoneCall] | None = None
        """With whom the other side of this call was asked to talk, in an attended transfer."""
        self._negotiation = Renegotiation(weakref.ref(self), environment.schedule)
        self._keys = dtmf.DtmfSender(weakref.ref(self), environment.schedule, environment.publish)
        self._transfer = TransferProgress(number, environment.publish)
        self.unknown_way = False
        """The INVITE was challenged for a kind of authentication that this phone does not support."""
        self.keys_when_up = ""
        """Sent once the remote party has answered; see `Call.keys` of the control protocol."""
        self._redirections = 0
        self._end_reason = ""
        self._successor: weakref.ref[PhoneCall] | None = None
        self._transports: list[int] = []

    @property
    def is_known(self) -> bool:
        """Whether PJSUA still has this call. Asking PJSUA about one that it does not have ends the process (pjsua_call.c asserts), or
        concerns the call that has its slot now."""
        return bool(self.getId() != pj.PJSUA_INVALID_ID) and not slots.is_of_another(self)

    def isActive(self) -> bool:
        """Whether the call has a session that is not over."""
        return self.is_known and bool(super().isActive())

    def getInfo(self) -> pj.CallInfo:
        """Raises pj.Error, also for a call that PJSUA does not have."""
        if not self.is_known:
            raise pj.Error(PJ_EINVALIDOP, "getInfo", "its address or transport is not one that this phone can use", __file__, 0)
        return super().getInfo()

    @property
    def is_gone(self) -> bool:
        """Whether PJSUA 2.15.1 gave up this incoming call without a word, as where its ICE transport cannot be made: then it has no INVITE
        session, and answering it ends the process (pjsua_call.c, pjsua_call_answer2)."""
        return self.direction == "incoming" and not self.isActive()

    @property
    def far_end(self) -> FarEnd:
        """What the far end has said about itself."""
        return self._environment.far_end(self.number)

    def parties(self, call_id: str) -> tuple[str, str]:
        """(we, the far end) as the INVITE names them."""
        return self._environment.parties(call_id)

    @property
    def held(self) -> bool:
        """Held by us, or about to be."""
        return self._negotiation.held

    def dial(self, uri: str) -> None:
        """Send the INVITE. Raises CallError."""
        try:
            parameters = _call_parameters()
            parameters.opt.customCallId = _call_id()
            self.makeCall(uri, parameters)
        except pj.Error as error:
            self.over = True
            if error.status == PJ_ETOOMANY:
                raise CallError(
                    f"{uri} cannot be called yet: calls that were hung up wait for an answer of their far end; try again in half a minute"
                ) from None
            raise CallError(
                f"{uri} cannot be called ({plain(error.reason)}); an address looks like sip:bob@example.org or sip:192.0.2.7:5060, "
                "and its transport must be that of network.transport"
            ) from None

    def take(self) -> None:
        """Answer with 200. Raises CallError."""
        self.check_rings()
        parameters = _call_parameters()
        parameters.statusCode = pj.PJSIP_SC_OK
        self._perform("answered", lambda: self.answer(parameters))

    def ring(self) -> None:
        """Answer with 180. Raises CallError."""
        self.check_rings()
        parameters = pj.CallOpParam()
        parameters.statusCode = pj.PJSIP_SC_RINGING
        self._perform("answered", lambda: self.answer(parameters))

    def end(self, code: int | None = None, reason: str = HUNG_UP_HERE) -> None:
        """Hang up, cancel or refuse. Raises CallError."""
        ended_before = bool(self._end_reason)
        self._end_reason = self._end_reason or reason
        if not self.is_known or (self.is_gone and not ended_before):
            self._finish(self.describe())
            return
        parameters = pj.CallOpParam()
        if code is not None:
            parameters.statusCode = code
        try:
            self.hangup(parameters)
        except pj.Error as error:
            # It is ending already.
            if error.status != PJSIP_ESESSIONTERMINATED:
                raise CallError(f"call {self.number} cannot be hung up ({plain(error.reason)}); it may be over already") from None

    def hold(self, on: bool) -> None:
        """Hold or resume. When held, both sides are silent at once; the re-INVITE follows as soon as possible."""
        self._negotiation.want(on)
        self.audio.silence(on)

    def hold_refused(self, code: int) -> None:
        """The remote party refused to hold or resume: the call is on hold locally all the same."""
        self.audio.silence(True)
        self.media.tell_hold_refused(code)

    def press(self, digits: str, method: dtmf.Method) -> None:
        """Send keys. Raises CallError, DtmfError."""
        self.check_up("take keys")
        self._keys.press(digits, method)

    def transfer(self, target: str | PhoneCall) -> None:
        """Transfer the remote party to `target`: an address, or the remote party of another of our calls. Raises CallError."""
        self.check_up("be transferred")
        if self._transfer.running:
            raise CallError(f"call {self.number} is being transferred already; wait for what becomes of it")
        self._transfer.begin()
        self._transferred_to = None if isinstance(target, str) else weakref.ref(target)
        try:
            if isinstance(target, str):
                self.xfer(target, pj.CallOpParam())
            else:
                self.xferReplaces(target, pj.CallOpParam())
        except pj.Error as error:
            self._transfer.running = False
            raise CallError(f"call {self.number} cannot be transferred ({plain(error.reason)}); it may be over already") from None

    def check_up(self, what: str) -> None:
        """Raises CallError unless the call is up."""
        if self.state != "confirmed":
            raise CallError(f"call {self.number} is {self.state}; only a call in progress can {what}")

    def check_rings(self) -> None:
        """Raises CallError unless the call can be answered."""
        if self.direction != "incoming" or self.state not in ("incoming", "early"):
            raise CallError(f"call {self.number} is {self.state}; only an incoming call that rings can be answered")
        if self.is_gone:
            raise CallError(f"call {self.number} ended before it could be answered: its media could not be set up")

    def describe(self) -> CallState:
        """The state now, as an event."""
        return state_event(self, self._end_reason)

    def tell(self) -> None:
        """Publish the state now."""
        self._environment.publish(self.describe())

    def tick(self) -> None:
        """Called each second: publish statistics, and end a call whose far end has vanished."""
        if not self.over and not self.isActive() and self._is_dropped():
            self._finish(self.describe())
        if self.over:
            return
        self.media.tell_statistics(self)
        if self.state == "confirmed" and self.media.last is None and self.length.seconds(self.state) > NO_MEDIA_S and not self._end_reason:
            # RFC 3261, 13.2.2.4: our offer in the 200 is to be answered in the ACK.
            self.end(reason="the other side took the call without a word of its media; no sound can be agreed on")
        if self.state == "confirmed" and self.media.silent_s > self.media.silence_limit_s and not self._end_reason:
            self.end(reason=f"lost contact: nothing arrived for {self.media.silence_limit_s:g} s; check the network and call again")

    def look(self) -> None:
        """Called each turn of the main loop: what has to be known before the next `tick`."""
        if not self.over:
            self.media.look(self, time.monotonic())

    def _is_dropped(self) -> bool:
        """Not active may also mean that a relay or STUN server is still being asked, before the INVITE goes out."""
        try:
            return bool(self.getInfo().state == pj.PJSIP_INV_STATE_DISCONNECTED)
        except pj.Error:
            return True

    @pjsip_callback
    def onCallState(self, prm: pj.OnCallStateParam) -> None:
        transaction = prm.e.body.tsxState
        if prm.e.type == pj.PJSIP_EVENT_TSX_STATE and transaction.type == pj.PJSIP_EVENT_RX_MSG:
            self.unknown_way = has_no_answer(int(transaction.tsx.statusCode), str(transaction.src.rdata.wholeMsg))
        event = self.describe()
        if event.state == "incoming":
            return  # told already, when the call object was made
        self.state = event.state
        self.rang = self.rang or (self.state == "early" and event.code == pj.PJSIP_SC_RINGING)
        if self.state == "confirmed":
            for transport in self._transports:
                self._environment.rtcp_gate.open(transport)
            self.media.call_is_up()
            if self.keys_when_up:
                self._keys.press(dtmf.after_answer(self.keys_when_up), "rfc4733")
                self.keys_when_up = ""
        if self.state == "disconnected":
            self._finish(event)
        else:
            self._environment.publish(event)
            self._negotiation.settle()

    def _finish(self, event: CallState) -> None:
        """Closes the files before the last event is sent."""
        while self._transports:
            self._environment.rtcp_gate.forget(self._transports.pop())
        self.media.close()
        self._transfer.call_over()
        self.audio.close()
        event.state = self.state = "disconnected"
        event.recording = event.transcript = ""
        self.over = True
        self._environment.publish(event)

    @pjsip_callback
    def onCallTsxState(self, prm: pj.OnCallTsxStateParam) -> None:
        event = prm.e.body.tsxState
        transaction, code = event.tsx, int(event.tsx.statusCode)
        final = transaction.state >= pj.PJSIP_TSX_STATE_COMPLETED and event.prevState < pj.PJSIP_TSX_STATE_COMPLETED
        # After 401 and 407 PJSIP tries again, with the password.
        if not final or transaction.role != pj.PJSIP_ROLE_UAC or code in (401, 407):
            return
        if transaction.method == "INVITE":
            self._negotiation.answered(code)
        elif transaction.method == "INFO" and code >= 300 and self.state == "confirmed":
            text = f"call {self.number}: the other side did not take a key as SIP INFO ({code}); send keys with the method rfc4733"
            self._environment.publish(Log(level="warning", message=text))

    @pjsip_callback
    def onCreateMediaTransport(self, prm: pj.OnCreateMediaTransportParam) -> None:
        transport = int(prm.mediaTp)
        if self._environment.rtcp_gate.shut(transport):
            self._transports.append(transport)
            if self.state == "confirmed":
                self._environment.rtcp_gate.open(transport)

    @pjsip_callback
    def onStreamCreated(self, prm: pj.OnStreamCreatedParam) -> None:
        self.media.stream_created(self, int(prm.streamIdx), int(prm.stream))
        few_bits = self.getStreamInfo(int(prm.streamIdx)).codecName.lower() == PHV.name.lower()
        for transport in self._transports:
            self._environment.rtcp_gate.pace(transport, RTCP_INTERVAL_S if few_bits else 0.0)

    @pjsip_callback
    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:
        self.media.changed(self)

    @pjsip_callback
    def onCallSdpCreated(self, prm: pj.OnCallSdpCreatedParam) -> None:
        # Never wholeSdp, which is empty where the text has more than 1024 bytes.
        before = text_of(prm.sdp)
        if not before:
            return
        text = self.media.sdp(before, text_of(prm.remSdp))
        if text != before:
            prm.sdp.wholeSdp = text

    @pjsip_callback
    def onDtmfDigit(self, prm: pj.OnDtmfDigitParam) -> None:
        key = dtmf.received(prm.digit)
        if key is not None:
            self._environment.publish(Dtmf(call=self.number, digit=key))

    @pjsip_callback
    def onInstantMessage(self, prm: pj.OnInstantMessageParam) -> None:
        # PJSUA2 reports a message within the call here, and answers it with 200.
        self.account.onInstantMessage(prm)

    def onCallRedirected(self, prm: pj.OnCallRedirectedParam) -> int:
        """The answer was that the call is to be made elsewhere (RFC 3261, 8.1.3.4). PJSIP asks each address once, and servers that
        name new ones without end are not followed."""
        try:
            target = prm.targetUri
            self._redirections += 1
            if self._redirections <= MAX_REDIRECTIONS and self._environment.is_sip_uri(target):
                self._environment.publish(Log(level="info", message=f"call {self.number}: the other side sends this call on to {target}"))
                return int(pj.PJSIP_REDIRECT_ACCEPT)
        except Exception:
            log.exception("a redirected call is given up")
        return int(pj.PJSIP_REDIRECT_STOP)

    # Transfers. PJSUA makes the new call and puts it into the object that it gets here.

    @pjsip_callback
    def onCallTransferStatus(self, prm: pj.OnCallTransferStatusParam) -> None:
        target = self._transferred_to() if self._transferred_to is not None else None
        if int(prm.statusCode) == BAD_EXTENSION and target is not None and not target.over and self._transfer.running:
            # Their phone does not know Replaces, and PJSIP requires it: a plain call takes the place of the one that we hold.
            prm.cont = False
            self._environment.schedule.later(0, lambda: self._transfer_anew(target))
            return
        if self._transfer.status(int(prm.statusCode), prm.reason, prm.finalNotify):
            prm.cont = False
            self.end(reason="transferred")
            if target is not None:
                # Who knows Replaces (RFC 3891) ends this one by itself; others would leave it on hold for ever.
                self._environment.schedule.later(REPLACED_S, lambda: None if target.over else target.end(reason="transferred"))

    def _transfer_anew(self, target: PhoneCall) -> None:
        """To the other side of `target` as to any address; that call ends when they talk."""
        try:
            self.xfer(target.getInfo().remoteUri, pj.CallOpParam())
        except pj.Error as error:
            self._transfer.status(BAD_EXTENSION, plain(error.reason), True)

    @pjsip_callback
    def onCallTransferRequest(self, prm: pj.OnCallTransferRequestParam) -> None:
        # Until there is a call for it: PJSUA2 would put the new call into this object (endpoint.cpp, on_call_transfer_request2).
        prm.statusCode = pj.PJSIP_SC_DECLINE
        target = prm.dstUri
        if not self._environment.is_sip_uri(target):
            prm.statusCode = pj.PJSIP_SC_BAD_REQUEST
            self._environment.publish(
                Log(level="warning", message=f"call {self.number}: the other side asked to be called at no SIP address")
            )
            return
        prm.newCall = successor = self._environment.successor(self, "outgoing")
        prm.statusCode = pj.PJSIP_SC_ACCEPTED
        reason = f"the other side sends this call on to {target}"
        self._environment.publish(Transfer(call=self.number, state="incoming", reason=reason, new_call=successor.number))

    @pjsip_callback
    def onCallReplaceRequest(self, prm: pj.OnCallReplaceRequestParam) -> None:
        # As above: a new call that finds no object of its own would be put into this one.
        wanted, prm.statusCode = prm.statusCode, pj.PJSIP_SC_DECLINE
        prm.newCall = successor = self._environment.successor(self, "incoming")
        prm.statusCode = wanted
        self._successor = weakref.ref(successor)

    @pjsip_callback
    def onCallReplaced(self, prm: pj.OnCallReplacedParam) -> None:
        successor = self._successor() if self._successor is not None else None
        if successor is not None:
            successor.tell()
            self._end_reason = self._end_reason or f"goes on as call {successor.number}"
            reason = f"the other side put call {successor.number} in the place of this call"
            self._environment.publish(Transfer(call=self.number, state="incoming", reason=reason, new_call=successor.number))

    def _perform(self, what: str, action: Callable[[], None]) -> None:
        try:
            action()
        except pj.Error as error:
            # PJSUA sends it once the call's sockets are ready: with ICE that takes a while.
            if error.status != PJ_EPENDING:
                raise CallError(f"call {self.number} cannot be {what} ({plain(error.reason)}); it may be over already") from None


def _call_parameters() -> pj.CallOpParam:
    parameters = pj.CallOpParam(True)
    parameters.opt.audioCount = 1
    parameters.opt.videoCount = 0
    return parameters


def _call_id() -> str:
    """Unique, hard to guess (RFC 3261, 8.1.1.4), and shorter than PJSIP's 32 characters: each message of the call has it."""
    return secrets.token_urlsafe(9)
