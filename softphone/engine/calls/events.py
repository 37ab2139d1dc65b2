"""A call as the events of the control socket describe it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import pjsua2 as pj

from softphone.control.protocol import CallState, Media
from softphone.engine.phv.worker import SWITCHED_OFF
from softphone.engine.pjsip.endpoint import USER_AGENT
from softphone.engine.pjsip.negotiated import NegotiatedCodec
from softphone.engine.sip.head import TOO_LONG
from softphone.engine.sip.status_text import NO_IPV6, explain_call, plain
from softphone.engine.sip.trace import FarEnd
from softphone.store import sip_address

if TYPE_CHECKING:
    from softphone.engine.calls.call import PhoneCall

NOT_ACCEPTABLE_HERE = 488
State = Literal["calling", "incoming", "early", "connecting", "confirmed", "disconnected"]
_STATES: dict[int, State] = {
    pj.PJSIP_INV_STATE_CALLING: "calling",
    pj.PJSIP_INV_STATE_INCOMING: "incoming",
    pj.PJSIP_INV_STATE_EARLY: "early",
    pj.PJSIP_INV_STATE_CONNECTING: "connecting",
    pj.PJSIP_INV_STATE_CONFIRMED: "confirmed",
    pj.PJSIP_INV_STATE_DISCONNECTED: "disconnected",
}


class CallLength:
    """How long a call has been up, by a monotonic clock: PJSIP uses the time of day, so a change of clock made calls last minus an hour."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began: float | None = None
        self._over: float | None = None

    def seconds(self, state: State) -> float:
        """The duration now that the call is in this state; it stops growing when the call ends."""
        if state == "confirmed" and self._began is None:
            self._began = self._clock()
        if state == "disconnected" and self._over is None:
            self._over = self._clock()
        if self._began is None:
            return 0.0
        return (self._clock() if self._over is None else self._over) - self._began


def state_event(call: PhoneCall, end_reason: str) -> CallState:
    """The current state. `end_reason` is ours; if empty, the far end's status code explains the end."""
    event = CallState(
        call=call.number,
        state="disconnected",
        direction=call.direction,
        account=call.account_name,
        muted=call.audio.muted,
        conference=call.conference,
        recording=call.audio.recording,
        transcript=call.transcript,
        waiting=call.waiting,
        sending=call.audio.sending,
    )
    try:
        info = call.getInfo()
    except pj.Error as error:
        # PJSUA has dropped the call without a callback; `tick` finishes it.
        event.reason = end_reason or f"the call ended before it was set up ({plain(error.reason)})"
        event.duration_s = call.length.seconds("disconnected")
        return event
    event.state = _STATES.get(info.state, call.state)
    event.local, event.remote = info.localUri, info.remoteUri
    if TOO_LONG & {event.local, event.remote}:
        we, they = call.parties(info.callIdString)
        event.local = we if event.local in TOO_LONG and we else event.local
        event.remote = they if event.remote in TOO_LONG and they else event.remote
    if call.answered_at is not None and event.state in ("incoming", "early"):
        event.answered_in_s = max(call.answered_at - time.monotonic(), 0.0)
    event.code, event.reason = int(info.lastStatusCode), str(info.lastReason)
    event.duration_s = call.length.seconds(event.state)
    if event.state == "disconnected":
        found = sip_address.parse(sip_address.bare_uri(event.remote)[0])
        host = found.host if found is not None else ""
        said = explain_call(event.code, event.reason, call.unknown_way, host=host, up=event.duration_s > 0)
        event.reason = end_reason or ("the other side hung up" if event.code // 100 == 2 else said)
        if event.code == NOT_ACCEPTABLE_HERE and not end_reason and _wants_ipv6(call.far_end.sdp):
            event.reason = f"{event.code}: {NO_IPV6}"
    return event


def _wants_ipv6(sdp: str) -> bool:
    return "IN IP6 " in sdp.partition("c=")[2] and "c=IN IP4" not in sdp


def media_event(call: PhoneCall, codec: NegotiatedCodec, media_index: int, *, held_by_remote: bool, note: str) -> Media:
    """What was negotiated for a call with active audio. Raises pj.Error if it no longer has any."""
    return Media(
        call=call.number,
        state="held_by_remote" if held_by_remote else "active",
        codec=codec.codec,
        clock_hz=codec.clock_rate,
        rtpmap_local=codec.rtpmap_local or None,
        fmtp_local=codec.fmtp_local or None,
        rtpmap_remote=codec.rtpmap_remote or None,
        fmtp_remote=codec.fmtp_remote or None,
        remote_address=call.getStreamInfo(media_index).remoteRtpAddress,
        note=note,
    )


def codec_note(codec: str, chosen: Sequence[str] | None, phv_offered: bool, worker: str, far_end: FarEnd) -> str:
    """Why the call does not use our own codec; empty if it does."""
    if codec == "x-phv":
        return ""
    if chosen and "x-phv" not in chosen:
        return f"x-phv is switched off for this call, which uses {codec}"
    if not phv_offered and worker == SWITCHED_OFF:
        return f"{worker}; the call uses {codec}"
    if not phv_offered:
        state = "" if worker.endswith("is ready") else f" ({worker})"
        return f"x-phv was not ready when this call began{state}; it uses {codec}"
    program = far_end.program or "its program"
    ours = far_end.program.startswith(USER_AGENT.partition("/")[0] + "/")
    listed = "x-phv/" in far_end.sdp.lower()
    if listed:
        why = f"{program} has another version or model of it; install the same release on both sides"
    elif ours:
        why = f"{program} has another version or model of it, or does not offer it now"
    elif not far_end.program:
        why = "it lacks it, or has another version or model of it"
    else:
        why = f"{program} does not know it"
    did_not = "offer" if far_end.offered and not listed else "agree to"
    return f"the other side did not {did_not} x-phv: {why}; the call uses {codec}"
