"""What a screen can ask of a call: its SIP messages and SDP, and the phones and voice as they pass."""

import re
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from softphone.control.protocol import (
    AgreedSdp,
    AutoAnswer,
    CallState,
    ControlError,
    Hangup,
    Phones,
    Sdp,
    SipLadder,
    Subscribe,
    Voice,
)
from tests.peers.programs.kamailio import PASSWORDS, Kamailio
from tests.phones.phone import Phone, wait_registered

MakePhone = Callable[..., Phone]


def steps(phone: Phone, call: int) -> list[tuple[bool, str]]:
    return [(step.sent, step.summary) for step in phone.client.request(SipLadder(call=call)).messages]


def test_the_ladder_of_a_call_through_a_proxy(kamailio: Kamailio, make_phone: MakePhone) -> None:
    alice, bob = (make_phone(name, codecs=("PCMU",), server=kamailio) for name in ("alice", "bob"))
    for phone in (alice, bob):
        wait_registered(phone)
    bob.client.request(AutoAnswer())
    call = alice.call("bob")
    alice.wait_state(call, "confirmed")
    alice.wait_media(call)
    sdp = alice.client.request(Sdp(call=call))
    theirs = bob.wait(CallState).call
    assert sdp.local.startswith("v=0") and "m=audio" in sdp.remote
    assert bob.client.request(Sdp(call=theirs)) == AgreedSdp(sdp.remote, sdp.local)
    alice.client.request(Hangup(call=call))
    alice.wait_state(call, "disconnected")
    deadline = time.monotonic() + 20
    while (ladder := steps(alice, call))[-1] != (False, "200 OK (BYE)"):
        assert time.monotonic() < deadline, ladder
        time.sleep(0.05)
    assert [step for step in ladder if "100 " not in step[1]] == [
        (True, "INVITE sip:bob@softphone.test"),
        (False, "407 Proxy Authentication Required (INVITE)"),
        (True, "ACK sip:bob@softphone.test"),
        (True, "INVITE sip:bob@softphone.test"),
        (False, "200 OK (INVITE)"),
        (True, ladder[-3][1]),
        (True, ladder[-2][1]),
        (False, "200 OK (BYE)"),
    ]
    assert ladder[-3][1].startswith("ACK sip:bob@127.0.0.1") and ladder[-2][1].startswith("BYE sip:bob@127.0.0.1")
    messages = alice.client.request(SipLadder(call=call)).messages
    assert {message.peer for message in messages} == {f"127.0.0.1:{kamailio.port}"}
    assert re.search(r"Proxy-Authorization: ?Digest \(not shown\)\r\n", messages[3].text)
    assert "response=" not in str(messages) and PASSWORDS["alice"] not in str(messages)

    failed = alice.call("nobody")
    alice.wait_state(failed, "disconnected")
    assert steps(alice, failed)[-2][1] == "404 Not Found (INVITE)"
    with pytest.raises(ControlError, match="no SIP messages of call 99"):
        alice.client.request(SipLadder(call=99))
    with pytest.raises(ControlError, match="ten minutes"):
        alice.client.request(Sdp(call=99))


def test_retransmissions_are_in_the_ladder(make_phone: MakePhone) -> None:
    alice = make_phone("alice", codecs=("PCMU",))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        mute.settimeout(20)
        call = alice.call(f"sip:mute@127.0.0.1:{mute.getsockname()[1]}")
        for _ in range(3):
            assert mute.recv(4000).startswith(b"INVITE ")
        assert [summary.split()[0] for _, summary in steps(alice, call)][:3] == ["INVITE"] * 3
        alice.client.request(Hangup(call=call))


def test_phones_and_voice_as_they_pass(make_phone: MakePhone, speech: Path) -> None:
    alice, bob = make_phone("alice"), make_phone("bob")
    alice.wait_worker()
    bob.wait_worker()
    bob.client.request(AutoAnswer())
    for phone in (alice, bob):
        phone.client.request(Subscribe(events=["phones", "voice", "call_state", "media"]))
    call = alice.call(bob.uri, wav_in=speech)
    sent = alice.wait(Phones, lambda event: event.call == call and len(event.tx) > 0, seconds=60).tx
    assert all(phone.state == "sent" and phone.label.isalpha() and phone.duration_ms % 20 == 0 for phone in sent)
    heard = bob.wait(Phones, lambda event: len(event.rx) > 0, seconds=60).rx
    assert {phone.state for phone in heard} <= {"received", "recovered", "lost"}
    known = alice.wait(Voice, lambda event: event.tx_similarity is not None, seconds=60)
    assert known.tx_bytes >= 4 and 0.3 < (known.tx_similarity or 0) <= 1
    assert bob.wait(Voice, lambda event: event.rx_bytes > 0, seconds=60).rx_bytes % 4 == 0
    alice.client.request(Hangup())
    alice.wait_state(call, "disconnected", seconds=60)
