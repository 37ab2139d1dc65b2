"""The gate before PJSIP: room for calls, calls that are over, answers to nothing; and the engine behind it, which must live."""

import socket
import time
from collections.abc import Callable

import pytest

from softphone.control.protocol import Answer, AutoAnswer, CallState, ControlError, Event, Hangup, Log, Status
from softphone.control.protocol import Call as CallCommand
from softphone.engine.calls.admission.ack_watch import ACK_S, SLOW_ACK_S, AckWatch
from softphone.engine.calls.admission.call_gate import CallGate
from softphone.engine.limits import LINGER_S, MAX_CALLS, MAX_RINGING, MAX_UNCERTAIN, OWN_PLACES, PLACES
from softphone.engine.sip.head import read_head
from tests.fuzzing.sip_talk import Dialog
from tests.phones.phone import Phone

MakePhone = Callable[..., Phone]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def invite(number: int, tag: str = "") -> bytes:
    return Dialog(number, 5062, 4000, "sip:x@127.0.0.1:5060", tag).request("INVITE", sdp=True)


def answer_to(request: bytes) -> bytes:
    """200, with our tag."""
    _, _, rest = request.partition(b"\r\n")
    return b"SIP/2.0 200 OK\r\n" + rest.replace(b"5060>\r\nCall", b"5060>;tag=ours\r\nCall", 1)


def state(call: int, state: str, direction: str = "incoming") -> CallState:
    return CallState(call=call, state=state, direction=direction)  # type: ignore[arg-type]


@pytest.fixture
def gate() -> CallGate:
    return CallGate(lambda _event: None, Clock())


def arrives(gate: CallGate, number: int) -> int | None:
    code = gate.refuse(invite(number))
    if code is None:
        gate.follow(state(number, "incoming"), lambda _call: f"fuzz{number}@127.0.0.1")
    return code


def test_few_ring_at_a_time_and_few_are_up(gate: CallGate) -> None:
    assert [arrives(gate, number) for number in range(MAX_RINGING + 1)] == [None] * MAX_RINGING + [486]
    for number in range(MAX_RINGING):
        gate.follow(state(number, "confirmed"), lambda _call: "")
    for number in range(10, 10 + MAX_CALLS - MAX_RINGING):
        assert arrives(gate, number) is None
        gate.follow(state(number, "confirmed"), lambda _call: "")
    assert arrives(gate, 20) == 486
    with pytest.raises(Exception, match="end one first"):
        gate.check_room()
    gate.follow(state(0, "disconnected"), lambda _call: "")
    assert arrives(gate, 21) is None


def test_who_never_acknowledges_leaves_one_place(gate: CallGate) -> None:
    for number in range(MAX_UNCERTAIN):
        assert arrives(gate, number) is None
        gate.follow(state(number, "connecting"), lambda _call: "")
    assert arrives(gate, 10) == 486
    gate.check_room()
    gate.follow(state(0, "confirmed"), lambda _call: "")
    assert arrives(gate, 11) is None


def test_an_ack_is_waited_for_as_long_as_the_link_is_slow() -> None:
    acks = AckWatch()
    for number, limit in enumerate((b"", b"maxrate=2400;", b"")):
        answer = answer_to(invite(number)).replace(b"inventory=", limit + b"inventory=")
        head = read_head(answer)
        assert head is not None
        for _ in range(2):
            acks.passed(True, head, answer, 100.0 + number)
    ack = read_head(Dialog(2, 5062, 4000, "sip:x@127.0.0.1:5060", "ours").request("ACK"))
    assert ack is not None
    acks.passed(False, ack, b"", 103.0)
    assert acks.overdue(100 + ACK_S - 0.1) == []
    assert [dialog.call_id for dialog in acks.overdue(105 + ACK_S)] == [b"fuzz0@127.0.0.1"]
    again = answer_to(invite(2))
    head = read_head(again)
    assert head is not None
    acks.passed(True, head, again, 110.0)
    assert [tuple(dialog) for dialog in acks.overdue(101 + SLOW_ACK_S)] == [(b"fuzz1@127.0.0.1", b"ours", b"f1")]


def test_sockets_that_are_closed_keep_their_places_for_a_moment() -> None:
    clock, told = Clock(), list[Event]()
    gate = CallGate(told.append, clock)
    for number in range(PLACES - OWN_PLACES):
        assert arrives(gate, number) is None
        gate.follow(state(number, "disconnected"), lambda _call: "")
    assert arrives(gate, 100) == 486
    gate.check_room()
    for number in range(200, 200 + OWN_PLACES):
        gate.follow(state(number, "calling", "outgoing"), lambda _call: "")
        gate.follow(state(number, "disconnected", "outgoing"), lambda _call: "")
    assert gate.refuse(invite(200, tag="ours")) == 491, "in a call it is tried again"
    with pytest.raises(Exception, match="in a second"):
        gate.check_room()
    assert [type(event) for event in told] == [Log]
    clock.now += LINGER_S + 0.1
    assert arrives(gate, 101) is None
    gate.check_room()


def test_invites_that_never_become_calls_count_too(gate: CallGate) -> None:
    room = PLACES - OWN_PLACES
    assert [gate.refuse(invite(number)) for number in range(room + 1)] == [None] * room + [486]
    assert gate.refuse(invite(0)) is None, "one that is sent again goes to its transaction"


def test_requests_of_a_call_that_is_over_are_refused(gate: CallGate) -> None:
    assert arrives(gate, 1) is None
    dialog = Dialog(1, 5062, 4000, "sip:x@127.0.0.1:5060")
    gate.passed(True, answer_to(invite(1)))
    dialog.tag = "ours"
    assert gate.refuse(dialog.request("REFER")) is None
    gate.follow(state(1, "disconnected"), lambda _call: "")
    assert gate.refuse(dialog.request("REFER")) == 481
    assert gate.refuse(dialog.request("BYE")) is None
    dialog.tag = "another"
    assert gate.refuse(dialog.request("REFER")) is None


def of_fork(number: int, method: str, *, sent: bool) -> bytes:
    """A request in the dialog with the fork of this number, of a call that we made."""
    ours, theirs = b";tag=ours", b";tag=fork%d" % number
    request = Dialog(1, 5062, 4000, "sip:x@127.0.0.1:5060", "to").request(method, sdp=method == "INVITE")
    return request.replace(b";tag=f1", ours if sent else theirs).replace(b";tag=to", theirs if sent else ours)


def ok_to(request: bytes) -> bytes:
    return b"SIP/2.0 200 OK\r\n" + request.partition(b"\r\n")[2]


def test_the_fork_that_lives_on_is_not_refused(gate: CallGate) -> None:
    invitation = of_fork(0, "INVITE", sent=True).replace(b";tag=fork0", b"")
    gate.passed(True, invitation)
    gate.follow(state(1, "calling", "outgoing"), lambda _call: "fuzz1@127.0.0.1")
    for number in (1, 2):
        gate.passed(False, ok_to(of_fork(number, "INVITE", sent=True)))
    gate.passed(True, of_fork(2, "BYE", sent=True))
    assert gate.refuse(of_fork(1, "INVITE", sent=False)) is None
    assert gate.refuse(of_fork(2, "INVITE", sent=False)) == 481
    gate.follow(state(1, "disconnected", "outgoing"), lambda _call: "")
    assert gate.refuse(of_fork(1, "REFER", sent=False)) == 481


def test_a_bye_that_came_counts_when_it_was_obeyed(gate: CallGate) -> None:
    bye = of_fork(1, "BYE", sent=False)
    gate.passed(False, bye)
    gate.passed(True, ok_to(bye).replace(b"200 OK", b"481 Gone"))
    assert gate.refuse(of_fork(1, "REFER", sent=False)) is None
    gate.passed(True, ok_to(bye))
    assert gate.refuse(of_fork(1, "REFER", sent=False)) == 481


def test_a_call_id_that_is_no_utf_8_is_a_call_like_others(gate: CallGate) -> None:
    request = invite(1).replace(b"Call-ID: fuzz", b"Call-ID: \xff")
    gate.passed(True, answer_to(request))
    gate.follow(state(1, "incoming"), lambda _call: "\udcff1@127.0.0.1")
    gate.follow(state(1, "disconnected"), lambda _call: "")
    later = Dialog(1, 5062, 4000, "sip:x@127.0.0.1:5060", "ours").request("REFER")
    assert gate.refuse(later) is None
    assert gate.refuse(later.replace(b"Call-ID: fuzz", b"Call-ID: \xff")) == 481


@pytest.mark.parametrize(
    ("message", "method", "twice"),
    [
        (b"\r\nINVITE sip:a SIP/2.0\r\ni : x\r\nt:\r\n <sip:a@b;tag=no> ;TAG = yes\r\n\r\n", "INVITE", False),
        (b"REFER sip:a SIP/2.0\nCall-ID: x\nTo: <sip:a>;tag=yes\n\nTo: <sip:a>;tag=no", "REFER", False),
        (b"SIP/2.0 200 OK\r\nCSeq: 7 BYE\r\nCall-ID: x\r\nTo: sip:a;tag=yes\r\n\r\n", "BYE", False),
        (b"REFER sip:a SIP/2.0\r\nCall-ID: x\r\nt: <sip:a>;tag=yes\r\nTo: <sip:a>;tag=no\r\n\r\n", "REFER", True),
    ],
)
def test_heads_are_read_as_pjsip_reads_them(message: bytes, method: str, twice: bool) -> None:
    head = read_head(message)
    assert head is not None and (head.method, head.call_id, head.to_tag, head.twice) == (method, b"x", b"yes", twice)


def test_what_has_no_call_id_is_no_message() -> None:
    assert read_head(b"\r\n\r\n") is None and read_head(b"") is None and read_head(b"INVITE\r\n\r\n") is None


def test_a_call_with_a_call_id_that_is_no_utf_8_rings_and_ends(make_phone: MakePhone) -> None:
    phone = make_phone("phone", codecs=("PCMU",))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        address = ("127.0.0.1", int(phone.uri.rpartition(":")[2]))
        dialog = Dialog(1, stranger.getsockname()[1], 4000, f"sip:x@127.0.0.1:{address[1]}")
        for method in ("INVITE", "CANCEL"):
            message = dialog.request(method, sdp=method == "INVITE")
            stranger.sendto(message.replace(b"Call-ID: fuzz", b"Call-ID: \xff\xc3("), address)
            if method == "INVITE":
                call = phone.wait(CallState, lambda event: event.state in ("incoming", "early")).call
    phone.wait_state(call, "disconnected")
    assert phone.client.request(Status()).calls == []


def test_a_flood_of_calls_does_not_end_the_engine(make_phone: MakePhone) -> None:
    phone, friend = make_phone("phone", codecs=("PCMU",)), make_phone("friend", codecs=("PCMU",))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        address = ("127.0.0.1", int(phone.uri.rpartition(":")[2]))
        stranger.sendto(invite(5).replace(b"c=IN IP4 127.0.0.1", b"c=IN IP4 " + b"1" * 400), address)
        for number in range(300):
            own = Dialog(1000 + number, stranger.getsockname()[1], 4000, f"sip:x@127.0.0.1:{address[1]}")
            stranger.sendto(own.request("INVITE", sdp=True), address)
            stranger.sendto(own.request("CANCEL"), address)
            time.sleep(0.002)
        twice = Dialog(5000, stranger.getsockname()[1], 4000, "sip:x@127.0.0.1").request("ACK")
        stranger.sendto(twice.replace(b"Call-ID:", b"Call-ID: y\r\nCall-ID:"), address)
    phone.client.request(Hangup())
    deadline = time.monotonic() + 60
    while True:
        call = friend.call(phone.uri)
        told = friend.wait(CallState, lambda event, call=call: event.call == call and event.state in ("early", "disconnected"))  # type: ignore[misc]
        if told.state == "early":
            break
        assert told.code == 486 and time.monotonic() < deadline
        time.sleep(0.5)
    ringing = phone.client.request(Status()).calls
    phone.client.request(Answer(call=ringing[-1].call))
    friend.wait_state(call, "confirmed")


def test_strangers_who_never_acknowledge_are_hung_up_on(make_phone: MakePhone) -> None:
    phone, friend = make_phone("phone", codecs=("PCMU",)), make_phone("friend", codecs=("PCMU",))
    for each in (phone, friend):
        each.client.request(AutoAnswer())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        address = ("127.0.0.1", int(phone.uri.rpartition(":")[2]))
        came: list[int] = []
        for number in range(MAX_CALLS):
            own = Dialog(number, stranger.getsockname()[1], 4000, f"sip:x@127.0.0.1:{address[1]}")
            stranger.sendto(own.request("INVITE", sdp=True), address)
            if number < MAX_UNCERTAIN:
                came.append(phone.wait_state(number + 1, "connecting").call)
        phone.wait_state(phone.call(friend.uri), "confirmed")
        for call in came:
            assert "did not acknowledge" in phone.wait_state(call, "disconnected").reason
        friend.wait_state(friend.call(phone.uri), "confirmed")


def test_a_phone_that_is_full_says_so(make_phone: MakePhone) -> None:
    phone, friend = make_phone("phone", codecs=("PCMU",)), make_phone("friend", codecs=("PCMU",))
    for _ in range(MAX_RINGING):
        phone.wait_state(phone.call(friend.uri), "early")
    assert phone.wait_state(phone.call(friend.uri), "disconnected").code == 486
    for ringing in friend.client.request(Status()).calls:
        friend.client.request(Answer(call=ringing.call))
    friend.client.request(AutoAnswer())
    for _ in range(MAX_CALLS - MAX_RINGING):
        phone.wait_state(phone.call(friend.uri), "confirmed")
    with pytest.raises(ControlError, match=f"{MAX_CALLS} calls are in progress"):
        phone.client.request(CallCommand(uri=friend.uri))
