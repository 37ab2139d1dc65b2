"""Registration and calls through a real registrar and proxy (kamailio), with digest authentication."""

from collections.abc import Callable
from pathlib import Path

import pytest

from softphone.control.protocol import (
    Answer,
    AutoAnswer,
    CallState,
    Dtmf,
    Hangup,
    Hold,
    Media,
    Registration,
    Resume,
    SendDtmf,
    Transfer,
    TransferCall,
)
from tests.peers.programs.kamailio import Kamailio
from tests.phones.phone import Phone, wait_registered

MakePhone = Callable[..., Phone]


@pytest.mark.interop("registration over UDP with digest MD5, our codec through the proxy", "kamailio")
def test_a_call_on_our_codec_through_the_proxy(kamailio: Kamailio, make_phone: MakePhone, speech: Path, tmp_path: Path) -> None:
    alice, bob = make_phone("alice", server=kamailio), make_phone("bob", server=kamailio)
    for phone in (alice, bob):
        wait_registered(phone)
        phone.wait_worker()
    call = alice.call("bob", wav_in=speech)
    incoming = bob.wait(CallState, lambda event: event.state == "incoming")
    assert "alice@softphone.test" in incoming.remote
    heard = tmp_path / "heard.wav"
    bob.client.request(Answer(call=incoming.call, wav_out=str(heard)))
    alice.wait_state(call, "confirmed")
    ours, theirs = alice.wait_media(call), bob.wait_media(incoming.call)
    assert (ours.codec, theirs.codec) == ("x-phv", "x-phv")
    # What one side sent is what the other received: the proxy carried our payload type and its fmtp untouched.
    assert ours.rtpmap_local is not None
    assert ours.rtpmap_local.endswith(" x-phv/16000")
    assert (ours.rtpmap_local, ours.fmtp_local) == (theirs.rtpmap_remote, theirs.fmtp_remote)
    assert (ours.rtpmap_remote, ours.fmtp_remote) == (theirs.rtpmap_local, theirs.fmtp_local)
    assert ours.fmtp_remote is not None
    assert {"version", "inventory", "model"} <= {part.split("=")[0] for part in ours.fmtp_remote.split(maxsplit=1)[1].split(";")}
    alice.wait_file(call, "played")
    alice.client.request(Hangup(call=call))
    assert bob.wait_state(incoming.call, "disconnected").duration_s > 4
    assert bob.last_statistics(incoming.call).rx.packets > 5


@pytest.mark.interop("a wrong password or user is said", "kamailio")
def test_a_wrong_password_is_refused_with_a_sentence(kamailio: Kamailio, make_phone: MakePhone) -> None:
    alice = make_phone("alice", codecs=("PCMU",), server=kamailio, password="not-the-password")
    failed = alice.wait(Registration, lambda event: event.state == "failed")
    assert failed.code in (401, 403)
    assert "password" in failed.reason
    assert "not-the-password" not in alice.log() + str(alice.events)


@pytest.mark.interop("a wrong password or user is said", "kamailio")
def test_a_user_that_the_registrar_does_not_know(kamailio: Kamailio, make_phone: MakePhone) -> None:
    mallory = make_phone("mallory", codecs=("PCMU",), server=kamailio, password="anything")
    failed = mallory.wait(Registration, lambda event: event.state == "failed")
    assert failed.code in (401, 403, 404)
    assert "user" in failed.reason


def test_nobody_of_that_name(kamailio: Kamailio, make_phone: MakePhone) -> None:
    alice = make_phone("alice", codecs=("PCMU",), server=kamailio)
    wait_registered(alice)
    over = alice.wait_state(alice.call("nobody"), "disconnected")
    assert over.code == 404
    assert "no such user" in over.reason


@pytest.mark.interop("a server that goes and comes back", "kamailio")
@pytest.mark.timeout(180)
def test_a_server_that_goes_and_comes_back(kamailio: Kamailio, make_phone: MakePhone, speech: Path) -> None:
    alice, bob = (
        make_phone("alice", codecs=("PCMU",), server=kamailio, expires_s=20, hasty=True),
        make_phone("bob", codecs=("PCMU",), server=kamailio, expires_s=20, hasty=True),
    )
    wait_registered(alice)
    wait_registered(bob)
    kamailio.stop()
    place = len(bob.events)
    gone = bob.wait(Registration, lambda event: event.state == "failed", seconds=60, after=place)
    assert gone.reason
    place = len(bob.events)
    kamailio.start()
    wait_registered(bob, after=place, seconds=60)
    wait_registered(alice, after=len(alice.events), seconds=60)
    call = alice.call("bob", wav_in=speech)
    incoming = bob.wait(CallState, lambda event: event.state == "incoming")
    bob.client.request(Answer(call=incoming.call))
    alice.wait_state(call, "confirmed")


@pytest.mark.interop("hold, keys as INFO, attended transfer (REFER with Replaces)", "kamailio")
def test_hold_keys_and_attended_transfer_through_the_proxy(kamailio: Kamailio, make_phone: MakePhone) -> None:
    alice, bob, carol = (make_phone(name, codecs=("PCMU",), server=kamailio) for name in ("alice", "bob", "carol"))
    for phone in (alice, bob, carol):
        wait_registered(phone)
    for phone in (bob, carol):
        phone.client.request(AutoAnswer())
    first = alice.call("bob")
    alice.wait_state(first, "confirmed")
    for command, state, at_bob in ((Hold(call=first), "held", "held_by_remote"), (Resume(call=first), "active", "active")):
        after, his_after = len(alice.events), len(bob.events)
        alice.client.request(command)
        alice.wait(Media, lambda event: event.state == state, after=after)  # noqa: B023
        bob.wait(Media, lambda event: event.state == at_bob, after=his_after)  # noqa: B023
    second = alice.call("carol")
    alice.wait_state(second, "confirmed")
    alice.client.request(SendDtmf(call=second, digits="5", method="info"))
    assert carol.wait(Dtmf).digit == "5"
    alice.client.request(TransferCall(call=first, other=second))
    alice.wait(Transfer, lambda event: event.state == "done")
    moved = bob.wait(Transfer, lambda event: event.state == "incoming").new_call
    taken = carol.wait(Transfer, lambda event: event.state == "incoming").new_call
    assert moved is not None and taken is not None
    assert "carol@softphone.test" in bob.wait_state(moved, "confirmed").remote
    assert "bob@softphone.test" in carol.wait_state(taken, "confirmed").remote
    for call in (first, second):
        alice.wait_state(call, "disconnected")
    bob.client.request(Hangup(call=moved))
    carol.wait_state(taken, "disconnected")
