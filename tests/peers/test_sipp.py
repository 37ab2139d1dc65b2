"""Far ends that do what is rare and allowed, played by SIPp."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from softphone.control.protocol import AutoAnswer, Hangup, Log
from tests.peers.programs.sipp import PCMU_SDP, Sipp, response
from tests.phones.phone import Phone

MakePhone = Callable[..., Phone]
INVITED = '<recv request="INVITE" crlf="true"/>'
ACK = '<recv request="ACK"/>'
BYE = f'<recv request="BYE"/>{response("200 OK", contact=False, tag="")}'
OK = response("200 OK", body=PCMU_SDP)
LATE_OK = OK.replace("[last_CSeq:]", "CSeq: [cseq] INVITE")
"""Where another request than the INVITE came last."""
RELIABLE = response("183 Session Progress", "Require: 100rel\nRSeq: 7", PCMU_SDP)


@contextmanager
def sipp(folder: Path, *steps: str) -> Iterator[Sipp]:
    peer = Sipp(folder / "sipp", "\n".join(steps))
    peer.start()
    try:
        yield peer
    finally:
        peer.stop()


@pytest.mark.interop("early media that must be acknowledged (183 with 100rel, PRACK)", "sip-tester")
def test_reliable_early_media(make_phone: MakePhone, tmp_path: Path) -> None:
    phone = make_phone("phone", codecs=("PCMU",))
    prack = f'<recv request="PRACK"/>{response("200 OK", contact=False, tag="")}'
    with sipp(tmp_path, INVITED, RELIABLE, prack) as peer:
        call = phone.call(peer.uri)
        assert phone.wait_state(call, "early").code == 183
        assert phone.wait_media(call).codec == "PCMU"
        peer.wait()
        phone.client.request(Hangup(call=call))


@pytest.mark.interop("a far end that hangs up at once, busy, gone, and asks to come back later", "sip-tester")
@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        ("486 Busy Here", "", "busy"),
        ("503 Service Unavailable", "Retry-After: 30", "overloaded"),
        ("415 Unsupported Media Type", "Accept: application/sdp", "cannot read the offer"),
        ("699 Whatever", "", "Whatever"),
    ],
)
def test_final_answers_are_said(status: str, headers: str, words: str, make_phone: MakePhone, tmp_path: Path) -> None:
    phone = make_phone("phone", codecs=("PCMU",))
    with sipp(tmp_path, INVITED, response(status, headers), ACK) as peer:
        over = phone.wait_state(phone.call(peer.uri), "disconnected")
        assert over.code == int(status[:3]) and words in over.reason
        peer.wait()


@pytest.mark.interop("a call that is sent on to another address (302)", "sip-tester")
def test_a_redirected_call(make_phone: MakePhone, tmp_path: Path) -> None:
    phone, other = make_phone("phone", codecs=("PCMU",)), make_phone("other", codecs=("PCMU",))
    other.client.request(AutoAnswer())
    moved = response("302 Moved Temporarily", f"Contact: <{other.uri}>", contact=False)
    with sipp(tmp_path, INVITED, moved, ACK) as peer:
        call = phone.call(peer.uri)
        phone.wait_state(call, "confirmed")
        peer.wait()
    assert "softphone@127.0.0.1" in phone.wait(Log, lambda event: "sends this call on" in event.message).message
    phone.client.request(Hangup(call=call))
    other.wait_state(1, "disconnected")


@pytest.mark.interop("an answer that crosses the CANCEL", "sip-tester")
def test_an_answer_that_crosses_our_cancel(make_phone: MakePhone, tmp_path: Path) -> None:
    phone = make_phone("phone", codecs=("PCMU",))
    cancelled = f'<recv request="CANCEL"/>{response("200 OK", contact=False, tag="")}'
    with sipp(tmp_path, INVITED, response("180 Ringing"), cancelled, LATE_OK, ACK, BYE) as peer:
        call = phone.call(peer.uri)
        phone.wait_state(call, "early")
        phone.client.request(Hangup(call=call))
        peer.wait()
        phone.wait_state(call, "disconnected")


@pytest.mark.interop("an answer that is sent several times, and a BYE right after it", "sip-tester")
def test_an_answer_sent_twice(make_phone: MakePhone, tmp_path: Path) -> None:
    phone = make_phone("phone", codecs=("PCMU",))
    with sipp(tmp_path, INVITED, OK, ACK, LATE_OK, BYE) as peer:
        call = phone.call(peer.uri)
        phone.wait_state(call, "confirmed")
        phone.client.request(Hangup(call=call))
        assert phone.wait_state(call, "disconnected").reason == "you hung up"
        peer.wait()
