"""Far ends that do not agree: to hold, to resume; that ask to be called elsewhere, sensibly or not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from softphone.control.protocol import (
    Call,
    CallState,
    ControlError,
    Dtmf,
    Hangup,
    Hold,
    Log,
    Media,
    Resume,
    SendDtmf,
    Status,
    Transfer,
    TransferCall,
)
from tests.peers.sockets.refusing_peer import RefusingPeer
from tests.phones.phone import Phone

MakePhone = Callable[..., Phone]


@contextmanager
def call_to(phone: Phone, *answers: int) -> Iterator[tuple[RefusingPeer, int]]:
    peer = RefusingPeer(*answers)
    peer.start()
    try:
        call = phone.client.request(Call(uri=peer.uri)).call
        phone.wait_state(call, "confirmed")
        yield peer, call
        phone.client.request(Hangup())
        phone.wait_state(call, "disconnected")
    finally:
        peer.stop()


def media(phone: Phone, state: str, after: int) -> Media:
    return phone.wait(Media, lambda event: event.state == state, after=after)


def test_hold_is_asked_for_again_after_491(make_phone: MakePhone) -> None:
    phone = make_phone("phone", codecs=("PCMU",))
    with call_to(phone, 491, 491) as (peer, call):
        after = len(phone.events)
        phone.client.request(Hold(call=call))
        assert media(phone, "held", after).note == ""
        assert [("a=sendonly" in offer) for offer in peer.offers] == [False, True, True, True]


def test_a_refused_hold_is_silence_and_a_refused_resume_is_said(make_phone: MakePhone) -> None:
    phone = make_phone("phone", codecs=("PCMU",))
    with call_to(phone, 488, 488) as (peer, call):
        after = len(phone.events)
        phone.client.request(Hold(call=call))
        assert "the other side refused (488)" in media(phone, "held", after).note
        after = len(phone.events)
        phone.client.request(Resume(call=call))
        assert "the other side refused (488)" in media(phone, "held", after).note
        after = len(phone.events)
        phone.client.request(Resume(call=call))
        assert media(phone, "active", after).codec == "PCMU"
        assert len(peer.offers) == 4


def test_a_transfer_that_the_far_end_does_not_take(make_phone: MakePhone) -> None:
    phone = make_phone("phone", codecs=("PCMU",))
    with call_to(phone) as (_peer, call):
        # It answers nothing but INVITE and BYE, so the transfer is under way until the call ends.
        phone.client.request(TransferCall(call=call, uri="sip:nobody@127.0.0.1:9"))
        after = len(phone.events)
        phone.client.request(Hangup())
        assert phone.wait(Transfer, after=after).state == "failed"


def test_strange_keys_are_none(make_phone: MakePhone) -> None:
    phone = make_phone("phone", codecs=("PCMU",))
    with call_to(phone) as (peer, call):
        bodies = ("", "Signal=", "Signal", "Signal=\xff\r\nDuration=160", "Signal==5", "Signal=\r\n", "\r\n\r\n", "Signal=x\r\nDuration=1")
        for body in (*bodies, "Duration=160\r\nSignal=5", "Signal=" + " " * 1000, "Signal=7\r\nDuration=160"):
            peer.request("INFO", "Content-Type: application/dtmf-relay", body=body)
        assert phone.wait(Dtmf, lambda event: event.digit == "7").method == "info"
        assert {event.digit for event in phone.events if isinstance(event, Dtmf)} <= {"5", "7"}
        assert phone.client.request(Status()).calls[0].call == call


def test_keys_that_the_far_end_does_not_take_are_told_of(make_phone: MakePhone) -> None:
    phone = make_phone("phone", codecs=("PCMU",))
    with call_to(phone) as (_peer, call):
        # Its SDP has no telephone-event, and it knows no INFO.
        with pytest.raises(ControlError, match="takes no keys as RTP events"):
            phone.client.request(SendDtmf(call=call, digits="12"))
        phone.client.request(SendDtmf(call=call, digits="1", method="info"))
        assert "did not take a key as SIP INFO (405)" in phone.wait(Log, lambda event: "INFO" in event.message).message


def test_strange_wishes_to_be_called_elsewhere(make_phone: MakePhone, tmp_path: Path) -> None:
    phone = make_phone("phone", codecs=("PCMU",))
    with call_to(phone) as (peer, call):
        targets = ["<http://example.org>", "nonsense", "", "<sip:>", "<sip:a@b?Replaces=%00>", "<mailto:a@b>"]
        targets += ["<" + "x" * 3000 + ">", f"<sip:{'x' * 700}@b>", f"<sip:a@b{';x' * 300}>", f"<sip:a@b?{'x=y&' * 150}z=1>"]
        for target in targets:
            peer.request("REFER", f"Refer-To: {target}")
        peer.request("REFER")
        peer.request("REFER", f"Refer-To: <sip:nobody@127.0.0.1:{peer.uri.rpartition(':')[2]};transport=tcp>")
        notify = peer.wait_for("message/sipfrag")
        assert notify.startswith("NOTIFY ")
        assert peer.wait_for("SIP/2.0 400 ")
        assert phone.wait(Transfer).state == "incoming"
        assert phone.client.request(Status()).calls[0].state == "confirmed"
        phone.client.request(Hold(call=call))
        media(phone, "held", 0)
    assert phone.wait(CallState, lambda event: event.call == call and event.state == "disconnected").reason == "you hung up"
