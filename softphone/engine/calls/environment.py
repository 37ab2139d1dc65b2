"""What a call needs of the engine around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pjsua2 as pj

from softphone.control.protocol import Event
from softphone.engine.phv.stream import PhvStream
from softphone.engine.pjsip.negotiated import NegotiatedCodec
from softphone.engine.pjsip.rtcp_gate import RtcpGate
from softphone.engine.schedule import Schedule
from softphone.engine.sip.trace import FarEnd
from softphone.engine.sound.devices import Sound

if TYPE_CHECKING:
    from softphone.engine.calls.call import PhoneCall


@dataclass(frozen=True)
class CallEnvironment:
    """Functions of the engine, and what is the same for all its calls."""

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
    """A new call object in whose place PJSUA puts the call that follows this one after a transfer."""
    is_sip_uri: Callable[[str], bool]
    rtcp_gate: RtcpGate
    far_end: Callable[[int], FarEnd]
    """What the far end of the call of this number says of itself."""
    parties: Callable[[str], tuple[str, str]]
    """(we, the far end) as the INVITE of this Call-ID names them."""
    set_up_bps: Callable[[int], float | None]
    """How fast the messages went that set up the call of this number."""
