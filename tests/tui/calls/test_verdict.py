"""What is wrong with a bad call: one case for each sentence that the card can say, and which comes first."""

from dataclasses import replace
from typing import Any

import pytest

from softphone.control import protocol
from softphone.control.protocol import CallStatistics, CodecCounters, Direction, Levels
from softphone.tui.calls.verdict import judge
from softphone.tui.state.call_view import CallView
from softphone.tui.state.phone_state import PhoneState
from tests.tui import recorded
from tests.tui.recorded import answered


def call_with(*events: protocol.AnyEvent, codec: str = "x-phv") -> CallView:
    state = PhoneState()
    for event in (*answered(1), recorded.media(1, codec), *events):
        state.apply(event)
    assert state.call is not None
    return state.call


def seconds(
    count: int = 12,
    loss: float = 0,
    jitter: float = 5,
    rtt_ms: float | None = 80,
    away: float = 0,
    packets: int = 100,
    codec: str = "x-phv",
) -> list[protocol.AnyEvent]:
    def one(second: int) -> CallStatistics:
        came = packets * (second + 1)
        lost = round(came * loss / (100 - loss))
        rx = Direction(packets=came, lost=lost, jitter_ms=jitter)
        return CallStatistics(call=1, codec=codec, tx=Direction(loss_percent=away), rx=rx, rtt_ms=rtt_ms)

    return [one(second) for second in range(count)]


@pytest.mark.parametrize(
    ("circumstances", "level", "words"),
    [
        ({}, "good", "Good"),
        ({"loss": 10}, "fair", "Network: 10 % packet loss, mostly repaired"),
        ({"loss": 40}, "bad", "words are lost"),
        ({"away": 12}, "fair", "12 % of what you send is lost"),
        ({"jitter": 70}, "fair", "jitter 70 ms"),
        ({"jitter": 200}, "bad", "uneven arrival"),
        ({"rtt_ms": 900}, "fair", "High delay (450 ms)"),
        ({"packets": 0}, "good", "not spoken yet"),
        ({"packets": 0, "rtt_ms": None}, "fair", "a firewall blocks it"),
        ({"packets": 0, "rtt_ms": None, "codec": "PCMU"}, "bad", "Nothing has arrived yet"),
        ({"count": 1}, "none", "Measuring"),
    ],
)
def test_the_network_is_judged_by_the_last_seconds(circumstances: dict[str, Any], level: str, words: str) -> None:
    verdict = judge(call_with(*seconds(**circumstances), codec=circumstances.get("codec", "x-phv")))
    assert verdict.level == level and words in verdict.text


def test_what_was_bad_long_ago_is_forgiven() -> None:
    bad, good = seconds(30, loss=30), seconds(60)
    offset = bad[-1]
    assert isinstance(offset, CallStatistics)
    for event in good:
        assert isinstance(event, CallStatistics)
        event.rx = Direction(packets=event.rx.packets + offset.rx.packets, lost=offset.rx.lost, jitter_ms=5)
    assert judge(call_with(*bad)).level == "bad"
    assert judge(call_with(*bad, *good)).level == "good"


def test_a_dead_microphone_is_not_the_network() -> None:
    levels = [Levels(monotonic=float(at), call=1, tx=-80, rx=-20) for at in range(8)]
    call = call_with(*seconds(), *levels)
    assert "Your microphone is silent" in judge(call).text
    assert "packet loss" in judge(call_with(*seconds(loss=30), *levels)).text, "the network comes first"
    assert "microphone" not in judge(call, microphone=False).text
    call.sending = False
    assert "microphone" not in judge(call).text, "with voice activation silence is what is sent"
    call.sending = None
    call.state = replace_muted(call)
    assert "microphone" not in judge(call).text


def replace_muted(call: CallView) -> protocol.CallState:
    return recorded.msgspec.structs.replace(call.state, muted=True)


def test_a_codec_that_died_is_this_machine() -> None:
    assert "restarting" in judge(call_with(*seconds()), worker="died").text
    assert judge(call_with(*seconds(codec="opus"), codec="opus"), worker="died").level == "good"


@pytest.mark.parametrize(("frames", "samples", "level"), [(0, 0, "good"), (5, 0, "fair"), (40, 0, "bad"), (0, 8000, "bad")])
def test_a_machine_without_time_is_not_the_network(frames: int, samples: int, level: str) -> None:
    events = seconds()
    for second, event in enumerate(events):
        assert isinstance(event, CallStatistics)
        event.codec_counters = CodecCounters(encoder_pcm_dropped=90 + second * frames, decoder_samples_not_made=50_000 + second * samples)
    verdict = judge(call_with(*events))
    assert verdict.level == level and verdict.text.startswith("Good" if level == "good" else "CPU ")


def test_hold_is_said_not_judged() -> None:
    assert judge(call_with(*seconds(), recorded.media(1, state="held"))).text == "On hold"
    assert judge(call_with(*seconds(), recorded.media(1, state="held_by_remote"))).text == "The other side put you on hold"
    failed = protocol.Media(call=1, state="failed", note="no port is free")
    assert judge(call_with(*seconds(), failed)) == replace(judge(call_with(failed)), level="bad")


@pytest.mark.parametrize("state", ["active", "held"])
def test_nothing_arrives_outranks_everything(state: Any) -> None:
    """Also on hold: the reports of the other side (RTCP) go on then."""
    events = seconds(loss=30)
    for event in events:
        assert isinstance(event, CallStatistics)
        event.silent_s = 14.0
        event.codec_counters = CodecCounters(encoder_pcm_dropped=1000)
    call = call_with(recorded.media(1, state=state), *events)
    assert judge(call, worker="died").text == "Nothing arrives from the other side (14 s)"
    assert judge(call, worker="died").level == "bad"


def test_reports_that_come_seldom_are_waited_for() -> None:
    events = seconds()
    for event in events:
        assert isinstance(event, CallStatistics)
        event.silent_s, event.profile = (
            20.0,
            protocol.SendProfile(interval_ms=640, redundancy=1, detail=0, repeated_detail=0, max_rate=1600),
        )
    assert judge(call_with(*events)).text == "Good"
