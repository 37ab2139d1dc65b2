"""Messages whose header fields PJSIP's parser refuses, against a live engine: what is not needed is ignored (RFC 3261, 8.2), and who sends
a request without what is needed is told so."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from softphone.config import Audio, Codecs, Config, Network
from softphone.control.protocol import AutoAnswer, Call, CallState, ControlError, Hangup, Register, Registration, Status
from softphone.engine.calls.admission.ack_watch import Dialog
from softphone.engine.calls.admission.bye_watch import BYE_S, ByeWatch
from softphone.engine.limits import MOST_REPEATS
from softphone.engine.sip.head import SipHead
from softphone.engine.sip.unparsed.inspection import inspect
from softphone.engine.sip.unparsed.malformed import status
from tests.peers.sockets.callee import Callee
from tests.peers.sockets.server import SipServer
from tests.peers.sockets.stranger import PLAIN, SESSION, Stranger
from tests.phones.phone import Phone


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phone]:
    config = Config(network=Network(bind="127.0.0.1"), audio=Audio("null", "null"), codecs=Codecs(("PCMU",)))
    made = Phone(tmp_path_factory.mktemp("malformed"), config)
    made.start()
    made.client.request(AutoAnswer())
    yield made
    made.stop()


NOT_NEEDED = [
    "Supported:", "Allow:", "Accept:", "Subject:", "Session-Expires: abc", "Max-Forwards: -1", "Expires: abc", "Min-SE: x", "Timestamp: x",
    "garbage", ": value", "X-\xfcmlaut: x", "Date: not a date", "Retry-After: x", "Session-Expires: abc;\r\n refresher=uac",
]  # fmt: skip


@pytest.mark.parametrize("line", NOT_NEEDED)
def test_a_malformed_field_that_is_not_needed_costs_no_call(line: str, stranger: Stranger) -> None:
    stranger.extra = (line,)
    assert stranger.invite(SESSION + PLAIN).status == 200
    assert stranger.hears()


REFUSED = {
    "a From with a comment": (r"From: [^;\r\n]*;tag=s1", "From: <sip:a@b>;tag=s1 (comment)", 400),
    "blanks in a number": (r"From: [^;\r\n]*", "From: <sip:+49 30 12@b>", 400),
    "no scheme in From": (r"From: [^;\r\n]*", "From: a@b", 400),
    "a Contact that is none": (r"Contact: [^\r\n]*", "Contact: hello", 400),
    "a Contact that is a telephone": (r"Contact: [^\r\n]*", "Contact: <tel:+4930123>", 400),
    "a CSeq of 32 bits": (r"CSeq: 1 ", "CSeq: 4294967295 ", 400),
    "a length below zero": (r"Content-Length: [^\r\n]*", "Content-Length: -1", 400),
    "a length in words": (r"Content-Length: [^\r\n]*", "Content-Length: ten", 400),
    "a type that is none": (r"Content-Type: [^\r\n]*", "Content-Type: sdp", 400),
    "another scheme": (r"^INVITE \S+", "INVITE http://example.org/", 416),
    "an address in angles": (r"^INVITE (\S+)", r"INVITE <\1>", 400),
    "another version": (r"SIP/2\.0", "SIP/3.0", 505),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_malformed_request_gets_its_answer(name: str, stranger: Stranger) -> None:
    pattern, other, wanted = REFUSED[name]
    stranger.sequence = 1
    whole = stranger.message("INVITE", SESSION + PLAIN, "application/sdp").decode()
    stranger.send(re.sub(pattern, other, whole, count=1).encode())
    assert stranger.receive(time.monotonic() + 5).status == wanted


@pytest.mark.parametrize("line", ["Content-Encoding: gzip", "e:deflate"])
def test_a_body_that_is_compressed(line: str, stranger: Stranger) -> None:
    """RFC 3261, 8.2.3."""
    answer = stranger.invite("\x1f\x08" + 40 * "x", extra=(line,))
    assert answer.status == 415 and answer.field("accept-encoding") == "identity"


def test_what_is_never_answered() -> None:
    assert [status(line + b"\r\n\r\n") for line in (b"ACK <x> SIP/2.0", b"SIP/2.0 200 OK", b"hello")] == [0, 0, 0]


class Odd(Callee):
    """Answers with these header lines in place of its Contact."""

    lines = ""

    def ok(self, head: str, body: str) -> bytes:
        return re.sub(rb"Contact: [^\r\n]*", self.lines.encode(), super().ok(head, body), count=1)


@pytest.mark.parametrize(
    "lines",
    [
        "Contact: <tel:+4930123>", "Contact: <urn:service:sos>", "Contact: http://example.org/", 'Contact: "a <sip:b>" <mailto:a@b>',
        "Contact: *", "Contact: hello world", "Contact: <sip:@127.0.0.1>", "m: tel:1", "X-None: x",
        "Contact: <sip:CONTACT>\r\nRecord-Route: <tel:1>",
        "Contact: <sip:CONTACT>\r\nSession-Expires: x\r\nSupported:\r\ngarbage",
    ],
)  # fmt: skip
def test_an_answer_without_an_address_to_acknowledge_to(lines: str, phone: Phone) -> None:
    """PJSIP ends the process where the Contact of a 200 is no SIP URI; the ACK then goes where the INVITE went."""
    peer = Odd("m=audio PORT RTP/AVP 0")
    peer.lines = lines.replace("CONTACT", peer.uri.partition("@")[2])
    peer.start()
    try:
        call = phone.call(peer.uri)
        phone.wait_state(call, "confirmed")
        phone.wait_media(call)
        phone.client.request(Hangup(call=call))
        assert peer.ended.wait(10)
    finally:
        peer.stop()


class Server(SipServer):
    """Gives every request the answer that `reply(number of the request)` names, as (status line, headers)."""

    def __init__(self, reply: Callable[[int], tuple[str, str]]) -> None:
        super().__init__()
        self.requests = 0
        self._reply = reply

    def received(self, message: str, sender: tuple[str, int]) -> None:
        if not message.startswith(("ACK ", "SIP/")):
            self.requests += 1
            status, headers = self._reply(self.requests)
            self.answer(message, sender, status, headers.replace("HERE", self.address))


def register(phone: Phone, server: Server) -> Registration:
    seen = len(phone.events)
    phone.client.request(Register(account="tried", uri=f"sip:a@{server.address}", username="a", password="p", message_waiting=False))
    return phone.wait(Registration, lambda event: event.state in ("registered", "failed"), after=seen)


@pytest.mark.parametrize(
    "contact",
    ["Contact: *", "m:*", "Contact: *;expires=0", "Contact: <sip:a@b>, *", "Contact:\r\n *", "Contact: <sip:*@b>", "Contact: *, <sip:a@b>"],
)
def test_an_answer_to_register_whose_contact_is_any(contact: str, phone: Phone) -> None:
    """PJSIP takes the star for an address, and its process ends."""
    with Server(lambda _number: ("200 OK", f"{contact}\r\nExpires: 60")) as server:
        assert register(phone, server).state == "registered"
    with Server(lambda _number: ("302 Moved", contact)) as server:
        call = phone.client.request(Call(uri=f"sip:b@{server.address}")).call
        with suppress(ControlError):  # it may be over
            phone.client.request(Hangup(call=call))
    assert phone.client.request(Status()).pid


@pytest.mark.parametrize(
    "headers",
    [
        "Expires: 4294967295",
        "expires : 04294967295 ",
        "Expires:\r\n 8589934591",
        "Expires: 4294967295\r\nExpires: 4294967295",
        "Expires: 99999999",
    ],
)
def test_a_registration_for_ever(headers: str, phone: Phone) -> None:
    """The largest number means none at all to PJSIP, whose process then ended; the last one is merely long."""
    with Server(lambda _number: ("200 OK", headers)) as server:
        assert register(phone, server).state == "registered"
    assert phone.client.request(Status()).pid


@pytest.mark.parametrize("header", ["Min-Expires: 4294967295", "Min-Expires: GROWING"])
def test_a_registrar_that_always_wants_longer_is_given_up(header: str, phone: Phone) -> None:
    with Server(lambda number: ("423 Interval Too Brief", header.replace("GROWING", str(3600 * number)))) as server:
        told = register(phone, server)
        assert told.state == "failed" and "longer registration time" in told.reason
        assert server.requests <= MOST_REPEATS + 2


@pytest.mark.parametrize(
    ("status", "header"),
    [
        ("422 Session Interval Too Small", "Min-SE: NUMBER00"),
        ("302 Moved", "Contact: <sip:bNUMBER@HERE>"),
        ("422 Too Small", "Min-SE: 4294967295"),
    ],
)
def test_a_call_that_is_sent_on_and_on_ends(status: str, header: str, phone: Phone) -> None:
    with Server(lambda number: (status, header.replace("NUMBER", str(number)))) as server:
        call = phone.client.request(Call(uri=f"sip:b@{server.address}")).call
        assert phone.wait_state(call, "disconnected").code == int(status[:3])
        assert server.requests <= MOST_REPEATS + 2


def test_contacts_of_a_registration_are_left_as_they_are() -> None:
    answer = b"SIP/2.0 200 OK\r\nVia: x\r\nCSeq: 1 REGISTER\r\nContact: <mailto:a@b>, <sip:a@b>\r\n\r\n"
    assert inspect(answer).message == answer


def test_calls_to_who_does_not_answer_the_hangup_give_their_place_back(phone: Phone) -> None:
    peers = [Odd("m=audio PORT RTP/AVP 0") for _ in range(4)]
    try:
        for peer in peers:
            peer.lines = "Contact: <sip:x@127.0.0.1:9>"
            peer.start()
            call = phone.call(peer.uri)
            phone.wait_state(call, "confirmed")
            phone.client.request(Hangup(call=call))
            phone.wait_state(call, "disconnected")
    finally:
        for peer in peers:
            peer.stop()
    deadline = time.monotonic() + 3 * BYE_S
    while True:
        try:
            call = phone.call(peers[0].uri)
            break
        except Exception:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    phone.client.request(Hangup(call=call))
    assert phone.wait(CallState, lambda event: event.call == call and event.state == "disconnected")


def test_a_hangup_is_waited_for_once() -> None:
    watch, dialog = ByeWatch(), Dialog(b"c", b"ours", b"theirs")
    bye = SipHead("BYE", 0, b"c", b"ours", b"theirs", b"v", False)
    answer = SipHead("BYE", 200, b"c", b"ours", b"theirs", b"v", False)
    watch.passed(True, bye, 0.0)
    assert watch.overdue(BYE_S - 0.1) == []
    assert watch.overdue(BYE_S) == [dialog]
    watch.passed(True, bye, BYE_S)
    assert watch.overdue(9 * BYE_S) == []
    other = ByeWatch()
    other.passed(True, bye, 0.0)
    other.passed(False, answer, 1.0)
    assert other.overdue(BYE_S) == []
    other.passed(False, bye, 2.0)  # theirs
    assert other.overdue(9 * BYE_S) == []


def test_an_update_outside_of_a_call_is_told_so(phone: Phone, stranger: Stranger) -> None:
    assert stranger.request("UPDATE", SESSION + PLAIN, "application/sdp").status == 481
