"""The state that the screens show, reduced from events: calls, their past, registrations, an engine that dies."""

import msgspec
import pytest

from softphone.control import protocol
from softphone.control.protocol import CallStatistics, Direction, Levels
from softphone.tui.calls.call_words import talk_flag
from softphone.tui.state.call_view import PHONES, SAMPLES
from softphone.tui.state.phone_state import PhoneState
from tests.tui import recorded
from tests.tui.recorded import BOB, CAROL, answered, call_state


def fed(*events: protocol.AnyEvent) -> PhoneState:
    state = PhoneState()
    state.apply_status(recorded.status())
    for event in events:
        state.apply(event)
    return state


def test_status_tells_accounts_and_calls_that_were_there_before() -> None:
    state = PhoneState()
    running = call_state(4, "confirmed", duration_s=60.0)
    state.apply_status(recorded.status(calls=[running], media=[recorded.media(4)], do_not_disturb=True))
    assert {name: account.state for name, account in state.accounts.items()} == {"local": "direct", "work": "registered", "club": "failed"}
    assert "wrong password" in state.accounts["club"].reason
    assert state.engine.do_not_disturb
    assert state.call is not None and state.call.number == 4
    assert state.call.codec == "x-phv"
    assert state.call.seconds(1010.0) == pytest.approx(70.0)


def test_a_status_of_an_older_engine_is_enough() -> None:
    state = PhoneState()
    state.apply_status(msgspec.json.decode(b'{"accounts": [{"account": "local"}]}', type=protocol.PhoneStatus))
    assert state.engine.state == "ready"
    assert state.accounts["local"].state == "direct"


def test_an_outgoing_call_from_dialling_to_its_end() -> None:
    state = fed(call_state(1, "calling"), call_state(1, "early"))
    assert state.call is not None and not state.call.up and not state.call.incoming
    state.apply(call_state(1, "confirmed"))
    assert state.call.up and state.call.seconds(1042.0) == 42.0
    state.apply(call_state(1, "disconnected", reason="the other side hung up", duration_s=42.5))
    assert state.call is None and not state.calls
    assert state.last_call is not None and state.last_call.state.reason == "the other side hung up"
    assert state.last_call.seconds(9999.0) == 42.5


def test_a_call_that_rings_here_stays_incoming_when_the_caller_was_told() -> None:
    state = fed(call_state(1, "incoming", CAROL, "incoming"), call_state(1, "early", CAROL, "incoming"))
    assert state.ringing is not None and state.call is state.ringing


def test_a_second_call_waits_and_is_chosen_when_the_first_ends() -> None:
    state = fed(*answered(1), call_state(2, "incoming", CAROL, "incoming", waiting=True))
    assert state.selected == 1
    assert state.ringing is not None and state.ringing.number == 2
    state.apply(call_state(1, "disconnected"))
    assert state.selected == 2


def test_calls_are_stepped_through_round_and_round() -> None:
    state = fed(*answered(1), *answered(2, CAROL), *answered(3, BOB))
    state.select(1)
    seen = []
    for way in (1, 1, 1, -1):
        state.step(way)
        seen.append(state.selected)
    assert seen == [2, 3, 1, 3]
    assert PhoneState().step(1) == frozenset()
    assert state.select(17) == frozenset() and state.selected == 3


def test_hold_by_either_side_stops_talking() -> None:
    state = fed(*answered(1), recorded.media(1))
    call = state.call
    assert call is not None and call.talking
    state.apply(recorded.media(1, state="held"))
    assert call.held and not call.talking
    state.apply(recorded.media(1, state="held_by_remote"))
    assert call.held_by_remote and not call.held and not call.talking


def test_loss_is_that_of_each_second() -> None:
    def second(packets: int, lost: int) -> CallStatistics:
        return CallStatistics(call=1, codec="x-phv", rx=Direction(packets=packets, lost=lost))

    state = fed(*answered(1), second(10, 0), second(15, 5), second(25, 5), second(27, 4))
    assert state.call is not None
    # The last: a packet came late and took its loss back.
    assert [sample.loss_percent for sample in state.call.samples] == [0, 50, 0, 0]


def test_a_change_of_codec_starts_the_counters_anew() -> None:
    state = fed(
        *answered(1),
        CallStatistics(call=1, codec="opus", rx=Direction(packets=500, lost=100)),
        CallStatistics(call=1, codec="x-phv", rx=Direction(packets=3, lost=1)),
    )
    assert state.call is not None and state.call.samples[-1].loss_percent == 25


def test_the_past_is_bounded() -> None:
    state = fed(*answered(1), *recorded.seconds(1, count=SAMPLES + 30))
    for _ in range(5):
        for event in recorded.talk(1):
            state.apply(event)
    assert state.call is not None
    assert len(state.call.samples) == SAMPLES
    assert len(state.call.tx_phones) == len(state.call.rx_phones) == PHONES
    assert state.call.rx_phones[-1].label == "D"


def test_a_microphone_without_any_sound_is_timed() -> None:
    def level(at: float, tx: float) -> Levels:
        return Levels(monotonic=at, call=1, tx=tx, rx=-30.0)

    state = fed(*answered(1), level(10, -80), level(11, -80), level(13, -80))
    assert state.call is not None and state.call.quiet_s == 3
    state.apply(level(14, -62))
    assert state.call.quiet_s == 0


def test_voice_activation_says_whether_the_microphone_is_sent() -> None:
    state = PhoneState()
    for event in recorded.answered(1):
        state.apply(event)
    call = state.call
    assert call is not None and talk_flag(call) == []
    assert "calls" in state.apply(protocol.Talk(call=1, sending=True)) and talk_flag(call) == ["sending"]
    state.apply(protocol.Talk(call=1, sending=False))
    assert talk_flag(call) == ["waiting for you to speak"]
    # Another screen that comes to this phone learns it from the state.
    state.apply(recorded.call_state(1, "confirmed", sending=True))
    assert talk_flag(call) == ["sending"]
    state.apply(protocol.Talk(call=1, sending=None))
    assert talk_flag(call) == []


def test_events_of_calls_that_are_not_known_change_nothing() -> None:
    state = fed()
    for event in (recorded.media(9), *recorded.seconds(9, count=1), Levels(call=None, tx=0, rx=0), call_state(9, "disconnected")):
        state.apply(event)
    assert not state.calls and state.last_call is None


def test_a_refused_registration_is_told_with_the_time_of_the_next_try() -> None:
    state = fed(protocol.Registration(account="work", state="failed", code=503, reason="the server is overloaded", retry_s=30))
    assert state.accounts["work"].state == "failed"
    assert state.notices[-1].text == "work: registration failed: the server is overloaded. Next try in 30 s."


def test_voice_mail_is_counted_per_account() -> None:
    state = fed(protocol.MessageWaiting(account="work", waiting=True, new=3), protocol.MessageWaiting(account="club", waiting=True))
    assert (state.accounts["work"].voice_mail, state.accounts["club"].voice_mail) == (3, -1)
    state.apply(protocol.MessageWaiting(account="work", waiting=False))
    assert state.accounts["work"].voice_mail == 0


@pytest.mark.parametrize("state", ["died", "given_up", "stopped"])
def test_an_engine_that_goes_takes_its_calls_and_says_so(state: str) -> None:
    phone = fed(*answered(1))
    phone.apply(protocol.Engine(state=state, reason="it crashed; start it again"))  # type: ignore[arg-type]
    assert phone.engine.state == "down" and not phone.calls
    assert phone.last_call is not None and "call again" in phone.last_call.state.reason
    assert [notice.text for notice in phone.notices][-2:] == ["lost: the call with Bob Example; call again", "it crashed; start it again"]
    phone.apply_status(recorded.status())
    assert phone.engine.state == "ready" and "again" in phone.notices[-1].text


def test_the_same_sentence_is_told_once_in_a_row() -> None:
    state = fed(
        *[protocol.Log(level="warning", message="no microphone") for _ in range(3)], protocol.Log(level="info", message="not for people")
    )
    assert [notice.text for notice in state.notices] == ["no microphone"]


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (protocol.Transfer(call=1, state="failed", reason="nobody answered there"), "The call is still yours"),
        (protocol.Transfer(call=1, state="done"), "transferred"),
        (protocol.Media(call=1, state="failed", note="the port is taken"), "No audio: the port is taken"),
        (protocol.Worker(state="died", reason="the codec crashed"), "new calls use Opus until then"),
        (protocol.MessageSent(message=1, state="failed", reason="bob is not there"), "not delivered: bob is not there"),
        (protocol.SoundDevice(microphone=False, loudspeaker=True, note="the microphone was unplugged; plug it in"), "plug it in"),
    ],
)
def test_what_fails_is_told_in_a_sentence(event: protocol.AnyEvent, sentence: str) -> None:
    state = fed(*answered(1))
    topics = state.apply(event)
    assert "notices" in topics and sentence in state.notices[-1].text
