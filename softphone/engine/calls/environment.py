"""What a call needs from the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pjsua2 as pj

from softphone.control.protocol import Event
from softphone.engine.phv.stream import PhvStream
from softphone.engine.pjsip.negotiated import NegotiatedCodec
from softphone.engine.pjsip.transport.rtcp_gate import RtcpGate
from softphone.engine.schedule import Schedule
from softphone.engine.sip.trace import FarEnd
from softphone.engine.sound.devices import Sound

if TYPE_CHECKING:
    from softphone.engine.calls.call import PhoneCall


@dataclass(frozen=True)
class CallEnvironment:
    """Functions of the engine, and values shared by all calls."""

    publish: Callable[[Event], None]
    defer: Callable[[Callable[[], None]], None]
    """Run on the main thread, outside PJSIP's callbacks."""
    schedule: Schedule
    negotiated: Callable[[pj.Call, int], NegotiatedCodec]
    claim_stream: Callable[[], PhvStream | None]
    worker_state: Callable[[], tuple[str, str]]
    """(state, sentence) of the codec worker."""
    dropped: Callable[[int], dict[str, int]]
    sound: Sound
    offers_phv: Callable[[], bool]
    interval_ms: int
    """ptime of x-phv."""
    max_rate: int
    """Ceiling of x-phv in IP bit/s, 0 for none."""
    successor: Callable[[PhoneCall, Literal["incoming", "outgoing"]], PhoneCall]
    """A call object for the new call that PJSUA makes when this one is transferred."""
    is_sip_uri: Callable[[str], bool]
    rtcp_gate: RtcpGate
    far_end: Callable[[int], FarEnd]
    """What the far end of the call with this number says about itself."""
    parties: Callable[[str], tuple[str, str]]
    """(we, the far end) as the INVITE of this Call-ID names them."""
    link_bps: Callable[[int], float | None]
    """Rate of the link, measured on the messages that set up the call with this number."""
