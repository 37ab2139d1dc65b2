"""One call, from the first INVITE to the last answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pjsua2 as pj

from softphone.control.protocol import CallState, Log, Media
from softphone.engine.account import PhoneAccount
from softphone.engine.call_audio import CallAudio
from softphone.engine.call_environment import CallEnvironment
from softphone.engine.guard import pjsip_callback
from softphone.engine.media.negotiated import NegotiatedCodec
from softphone.engine.media.sdp import add_packet_times
from softphone.engine.phv_stream import PhvStream
from softphone.engine.sentences import explain_call
from softphone.engine.statistics import MEDIA_TIMEOUT_S, CallMeter
from softphone.engine.wav import WavError
from softphone.errors import SoftphoneError

State = Literal["calling", "incoming", "early", "connecting", "confirmed", "disconnected"]
_STATES: dict[int, State] = {
    pj.PJSIP_INV_STATE_CALLING: "calling",
    pj.PJSIP_INV_STATE_INCOMING: "incoming",
    pj.PJSIP_INV_STATE_EARLY: "early",
    pj.PJSIP_INV_STATE_CONNECTING: "connecting",
    pj.PJSIP_INV_STATE_CONFIRMED: "confirmed",
    pj.PJSIP_INV_STATE_DISCONNECTED: "disconnected",
}

PJSIP_ESESSIONTERMINATED = 171140
MAX_PTIME_MS = 640
"""The longest packets that are promised to be understood, of any codec."""


class CallError(SoftphoneError):
    """The call cannot be made or changed; one sentence."""


class PhoneCall(pj.Call):  # type: ignore[misc]
    """`number` is the engine's own; PJSUA's ids are used again. `over` is set after the last event; the main loop then drops it."""

    def __init__(self, environment: CallEnvironment, account: PhoneAccount, number: int, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(account, call_id)
        self.number = number
        self.over = False
        self.state: State = "incoming" if call_id != pj.PJSUA_INVALID_ID else "calling"
        self.direction: Literal["incoming", "outgoing"] = "incoming" if call_id != pj.PJSUA_INVALID_ID else "outgoing"
        self.audio = CallAudio(number, environment.publish, environment.defer, environment.sound)
        self._environment = environment
        self.account_name = account.settings.name
        self._account = account  # PJSUA2 keeps a bare pointer to it
        self._meter = CallMeter(number)
        self._codec: NegotiatedCodec | None = None
        self._media_index = -1
        self._stream: PhvStream | None = None
        self._end_reason = ""
        self._phv_offered = environment.offers_phv()

    def dial(self, uri: str) -> None:
        """Send the INVITE. Raises CallError."""
        try:
            self.makeCall(uri, _call_parameters())
        except pj.Error as error:
            self.over = True
            raise CallError(
                f"{uri} cannot be called ({error.reason}); an address looks like sip:bob@example.org or sip:192.0.2.7:5060, "
                "and its transport must be that of network.transport"
            ) from None

    def take(self) -> None:
        """Answer with 200. Raises CallError."""
        if self.direction != "incoming" or self.state not in ("incoming", "early"):
            raise CallError(f"call {self.number} is {self.state}; only an incoming call that rings can be answered")
        parameters = _call_parameters()
        parameters.statusCode = pj.PJSIP_SC_OK
        self._perform("answered", lambda: self.answer(parameters))

    def ring(self) -> None:
        """Answer with 180."""
        parameters = pj.CallOpParam()
        parameters.statusCode = pj.PJSIP_SC_RINGING
        self._perform("answered", lambda: self.answer(parameters))

    def end(self, code: int | None = None, reason: str = "hung up here") -> None:
        """Hang up, cancel or refuse. Raises CallError."""
        self._end_reason = self._end_reason or reason
        parameters = pj.CallOpParam()
        if code is not None:
            parameters.statusCode = code
        try:
            self.hangup(parameters)
        except pj.Error as error:
            # On its way out already: what was asked for is happening.
            if error.status != PJSIP_ESESSIONTERMINATED:
                raise CallError(f"call {self.number} cannot be hung up ({error.reason}); it may be over already") from None

    def describe(self) -> CallState:
        """The state now, as an event."""
        return self._state_event()

    def tick(self) -> None:
        """Each second: statistics, and the end of a call whose far end vanished."""
        if not self.over and not self.isActive():
            self._finish(self._state_event())
        if self._codec is None or self.over:
            return
        try:
            event = self._meter.read(self, self._media_index, self._codec)
        except pj.Error:
            return
        event.worker = self._environment.worker_state()[0]
        if self._stream is not None:
            event.queues = {**self._environment.dropped(self._stream.number), **self._stream.counters}
            event.codec_counters = self._stream.codec_counters
        self._environment.publish(event)
        if self._meter.silent_s > MEDIA_TIMEOUT_S:
            self._meter = CallMeter(self.number)
            self.end(reason=f"nothing came from the far end for {MEDIA_TIMEOUT_S:g} s; it or the network between is gone, call again")

    @pjsip_callback
    def onCallState(self, prm: pj.OnCallStateParam) -> None:
        event = self._state_event()
        if event.state == "incoming":
            return  # told already, when the call object was made
        self.state = event.state
        if self.state == "disconnected":
            self._finish(event)
        else:
            self._environment.publish(event)

    def _finish(self, event: CallState) -> None:
        """The files are whole before the last event is sent."""
        self._codec = None
        self.audio.close()
        event.state = self.state = "disconnected"
        self._environment.publish(event)
        self.over = True

    @pjsip_callback
    def onStreamCreated(self, prm: pj.OnStreamCreatedParam) -> None:
        self._stream = self._environment.claim_stream()

    @pjsip_callback
    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:
        active = None
        held = False
        info = self.getInfo()  # kept by name: the media list lives inside it
        for media in info.media:
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status in (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD):
                active = int(media.index)
                break
            held = held or media.status == pj.PJSUA_CALL_MEDIA_LOCAL_HOLD
        if active is None:
            self._codec = None
            self.audio.detach()
            self._environment.publish(Media(call=self.number, state="held" if held else "none"))
            return
        self._media_index = active
        try:
            self._codec = self._environment.negotiated(self, active)
            self._meter = CallMeter(self.number)
            self._environment.publish(self._media_event(self._codec))
            self._attach(self.getAudioMedia(active))
        except WavError as error:
            self._environment.publish(Log(level="error", message=str(error)))
        except pj.Error as error:
            self._environment.publish(
                Media(call=self.number, state="failed", note=f"the sound of the call cannot be connected ({error.reason})")
            )

    @pjsip_callback
    def onCallSdpCreated(self, prm: pj.OnCallSdpCreatedParam) -> None:
        before = prm.sdp.wholeSdp
        text = add_packet_times(before, prm.remSdp.wholeSdp, self._environment.interval_ms, MAX_PTIME_MS)
        if text != before:
            prm.sdp.wholeSdp = text

    def _attach(self, media: pj.AudioMedia) -> None:
        sound = self._environment.sound
        try:
            self.audio.attach(media)
        except pj.Error as error:
            if not (sound.microphone or sound.loudspeaker):
                raise
            sound.give_up(f"the sound devices failed ({error.reason}); run: softphone doctor")
            self._environment.publish(Log(level="error", message=sound.note))
            self.audio.attach(media)

    def _perform(self, what: str, action: Callable[[], None]) -> None:
        try:
            action()
        except pj.Error as error:
            raise CallError(f"call {self.number} cannot be {what} ({error.reason}); it may be over already") from None

    def _state_event(self) -> CallState:
        try:
            info = self.getInfo()
        except pj.Error as error:
            # PJSUA has dropped the call without a word; `tick` finishes it.
            reason = self._end_reason or f"the call ended before it was set up ({error.reason})"
            return CallState(call=self.number, state="disconnected", direction=self.direction, account=self.account_name, reason=reason)
        state = _STATES.get(info.state, self.state)
        code, reason = int(info.lastStatusCode), str(info.lastReason)
        if state == "disconnected":
            reason = self._end_reason or ("the far end hung up" if code // 100 == 2 else explain_call(code, reason))
        return CallState(
            call=self.number,
            state=state,
            direction=self.direction,
            account=self.account_name,
            local=info.localUri,
            remote=info.remoteUri,
            code=code,
            reason=reason,
            duration_s=info.connectDuration.sec + info.connectDuration.msec / 1000,
        )

    def _media_event(self, codec: NegotiatedCodec) -> Media:
        note = ""
        if codec.codec != "x-phv":
            if not self._phv_offered:
                note = f"x-phv was not offered ({self._environment.worker_state()[1]}); the call uses {codec.codec}"
            else:
                note = f"the far end did not agree to x-phv (it lacks it, or has another version or model); the call uses {codec.codec}"
        stream = self.getStreamInfo(self._media_index)
        return Media(
            call=self.number,
            state="active",
            codec=codec.codec,
            clock_hz=codec.clock_rate,
            rtpmap_local=codec.rtpmap_local or None,
            fmtp_local=codec.fmtp_local or None,
            rtpmap_remote=codec.rtpmap_remote or None,
            fmtp_remote=codec.fmtp_remote or None,
            remote_address=stream.remoteRtpAddress,
            note=note,
        )


def _call_parameters() -> pj.CallOpParam:
    parameters = pj.CallOpParam(True)
    parameters.opt.audioCount = 1
    parameters.opt.videoCount = 0
    return parameters
