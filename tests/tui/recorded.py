"""Events as an engine sends them, for screens and states that must look the same every time. No clock, no chance."""

import math
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from softphone.control.protocol import (
    AccountStatus,
    AnyEvent,
    CallState,
    CallStatistics,
    Direction,
    Levels,
    Media,
    Phone,
    Phones,
    PhoneStatus,
    Registration,
    Voice,
    WorkerStatus,
)

BOB = '"Bob Example" <sip:bob@example.org>'
CAROL = '"Carol Danvers" <sip:carol@example.com>'
NOW = 1134.0
"""CLOCK_MONOTONIC of the pictures; calls were answered at 1000."""
NOT_AGREED = "the other side did not agree to x-phv: it lacks it, or has another version or model of it; the call uses opus"
_SAID = "DH AH K W IH K B R AW N F AA K S JH AH M P S OW V ER DH AH L EY Z IY D AO G"
_HEARD = "HH AW M AH CH W UH D AH (W) (UH) D CH AH K !CH !AH K IH F AH W UH D CH AH K K UH D"


def status(**changes: Any) -> PhoneStatus:
    """The answer to `Status` of a phone with a registered account, one with a wrong password, and none of the two."""
    registered = Registration(time=0, monotonic=0, account="work", state="registered", code=200, reason="OK", expires_s=300)
    refused = Registration(time=0, monotonic=0, account="club", state="failed", code=403, reason="wrong password; see the settings")
    accounts = [
        AccountStatus("local", "sip:softphone@192.0.2.7"),
        _account("work", "sip:alice@example.org", registered),
        _account("club", "sip:alice.b@club.example.net", refused),
    ]
    usual = PhoneStatus(
        version="0.1.0",
        address="192.0.2.7:5060",
        codecs=["x-phv", "opus"],
        microphone=True,
        loudspeaker=True,
        worker=WorkerStatus("ready"),
        accounts=accounts,
    )
    return msgspec.structs.replace(usual, **changes)


def _account(name: str, uri: str, last: Registration) -> AccountStatus:
    return AccountStatus(name, uri, f"sip:{uri.rpartition('@')[2]}", last.state == "registered", last)


def call_state(
    call: int,
    state: Literal["calling", "incoming", "early", "connecting", "confirmed", "disconnected"],
    remote: str = BOB,
    direction: Literal["outgoing", "incoming"] = "outgoing",
    **fields: Any,
) -> CallState:
    return CallState(time=0, monotonic=1000.0, call=call, state=state, direction=direction, account="work", remote=remote, **fields)


def answered(call: int, remote: str = BOB, direction: Literal["outgoing", "incoming"] = "outgoing", **fields: Any) -> Iterator[AnyEvent]:
    """A call comes about; `fields` are those of its last state."""
    yield call_state(call, "calling" if direction == "outgoing" else "incoming", remote, direction)
    yield call_state(call, "confirmed", remote, direction, code=200, reason="OK", **fields)


def media(call: int, codec: str = "x-phv", state: Literal["active", "held", "held_by_remote"] = "active") -> Media:
    return Media(time=0, monotonic=1000, call=call, state=state, codec=codec, clock_hz=16000, note="" if codec == "x-phv" else NOT_AGREED)


def seconds(call: int, count: int = 100, codec: str = "x-phv", lossy_from: int = 1000, rtt_ms: float | None = 84.0) -> Iterator[AnyEvent]:
    """Statistics of `count` seconds: our codec's rates, a jitter that breathes, and from `lossy_from` on bursts of loss."""
    packets = lost = 0
    for second in range(count):
        packets += 6
        lost += (0, 0, 1, 0, 2, 0, 0)[second % 7] if second >= lossy_from else 0
        tx = Direction(packets=packets, bytes=packets * 23, payload_bps=1050 + 90 * math.sin(second), ip_bps=2970 + 250 * math.sin(second))
        rx = Direction(
            packets=packets - lost,
            bytes=packets * 23,
            payload_bps=980 + 80 * math.cos(second),
            ip_bps=2800 + 240 * math.cos(second),
            lost=lost,
            loss_percent=100 * lost / packets,
            jitter_ms=8 + 6 * math.sin(second / 5),
        )
        yield CallStatistics(time=0, monotonic=1000 + second, call=call, codec=codec, seconds=float(second), tx=tx, rx=rx, rtt_ms=rtt_ms)


def phones(text: str, state: Literal["sent", "received"]) -> list[Phone]:
    """`AH (W) !CH`: one as said, one recovered, one lost."""
    marks: dict[str, Literal["recovered", "lost"]] = {"(": "recovered", "!": "lost"}
    return [Phone(label=word.strip("()!"), duration_ms=80, state=marks.get(word[0], state)) for word in text.split()]


def talk(call: int, lossy_from: int = 1000) -> Iterator[AnyEvent]:
    """Everything that our codec tells in a call."""
    yield media(call)
    yield from seconds(call, lossy_from=lossy_from)
    yield Levels(time=0, monotonic=1100, call=call, tx=-18.0, rx=-32.0)
    yield Phones(time=0, monotonic=1100, call=call, tx=phones(_SAID, "sent"), rx=phones(_HEARD, "received"))
    yield Voice(time=0, monotonic=1100, call=call, tx_bytes=38, tx_similarity=0.86, rx_bytes=24)
