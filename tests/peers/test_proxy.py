"""What servers do with our calls and messages: relay the media, ring several phones, ask for credentials of a newer kind."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from softphone.control.protocol import (
    Answer,
    AutoAnswer,
    CallState,
    CallStatistics,
    Hangup,
    Hold,
    Media,
    Message,
    MessageSent,
    Registration,
    Resume,
    SendMessage,
)
from tests.peers.programs.kamailio import PASSWORDS, Kamailio
from tests.peers.programs.rtpengine import Rtpengine
from tests.phones.phone import Phone

MakePhone = Callable[..., Phone]


@contextmanager
def server(folder: Path, **settings: Any) -> Iterator[Kamailio]:
    made = Kamailio(folder / "kamailio", PASSWORDS, **settings)
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Rtpengine]:
    made = Rtpengine(tmp_path / "rtpengine")
    made.start()
    yield made
    made.stop()


def wait_registered(*phones: Phone) -> None:
    for phone in phones:
        phone.wait(Registration, lambda event: event.state == "registered")


@pytest.mark.interop("our codec through a media relay and a proxy, also after hold", "rtpengine-daemon", "kamailio")
def test_our_codec_passes_a_media_relay(relay: Rtpengine, make_phone: MakePhone, speech: Path, tmp_path: Path) -> None:
    with server(tmp_path, relay=relay) as proxy:
        alice, bob = (make_phone(name, server=proxy) for name in ("alice", "bob"))
        wait_registered(alice, bob)
        for phone in (alice, bob):
            phone.wait_worker()
        bob.client.request(AutoAnswer(wav_in=str(speech)))
        call = alice.call("bob", wav_in=speech)
        ours = alice.wait_media(call)
        taken = bob.wait(CallState, lambda event: event.state == "confirmed").call
        theirs = bob.wait_media(taken)
        assert (ours.codec, theirs.codec) == ("x-phv", "x-phv")
        assert 40000 <= int(ours.remote_address.rpartition(":")[2]) <= 41000, "the media goes to the relay"
        assert (ours.fmtp_local, ours.rtpmap_local) == (theirs.fmtp_remote, theirs.rtpmap_remote), "untouched"
        for phone, number in ((alice, call), (bob, taken)):
            phone.wait_file(number, "played")
            phone.wait(CallStatistics, lambda event: event.codec == "x-phv" and event.rx.packets > 5)
        for command, state in ((Hold(call=call), "held"), (Resume(call=call), "active")):
            after = len(alice.events)
            alice.client.request(command)
            again = alice.wait(Media, lambda event: event.state == state, after=after)  # noqa: B023
            assert again.codec == "x-phv"
        alice.client.request(Hangup(call=call))
        bob.wait_state(taken, "disconnected")


@pytest.mark.interop("registration and calls with digest SHA-256", "kamailio")
def test_digest_with_sha_256(make_phone: MakePhone, tmp_path: Path) -> None:
    with server(tmp_path, algorithm="SHA-256") as proxy:
        alice, bob = (make_phone(name, codecs=("PCMU",), server=proxy) for name in ("alice", "bob"))
        wait_registered(alice, bob)
        bob.client.request(AutoAnswer())
        call = alice.call("bob")
        alice.wait_state(call, "confirmed")
        alice.client.request(Hangup(call=call))
        alice.wait_state(call, "disconnected")


@pytest.mark.interop("two phones of one user ring, one takes the call", "kamailio")
def test_two_phones_of_one_user_ring(make_phone: MakePhone, tmp_path: Path) -> None:
    with server(tmp_path, contacts=4) as proxy:
        alice = make_phone("alice", codecs=("PCMU",), server=proxy)
        desk, pocket = (
            make_phone(name, codecs=("PCMU",), server=proxy, user="bob", password=PASSWORDS["bob"]) for name in ("desk", "pocket")
        )
        wait_registered(alice, desk, pocket)
        call = alice.call("bob")
        ringing = {phone: phone.wait(CallState, lambda event: event.state == "incoming").call for phone in (desk, pocket)}
        pocket.client.request(Answer(call=ringing[pocket]))
        assert alice.wait_state(call, "confirmed")
        over = desk.wait_state(ringing[desk], "disconnected")
        assert over.code == 487 or "elsewhere" in over.reason
        assert alice.wait_media(call).codec == "PCMU"
        alice.client.request(Hangup(call=call))
        pocket.wait_state(ringing[pocket], "disconnected")


@pytest.mark.interop("text messages", "kamailio")
def test_a_message_through_the_proxy(make_phone: MakePhone, kamailio: Kamailio) -> None:
    alice, bob = (make_phone(name, codecs=("PCMU",), server=kamailio) for name in ("alice", "bob"))
    wait_registered(alice, bob)
    text = "Grüße durch den Proxy – 10 €"
    alice.client.request(SendMessage(uri="bob", text=text))
    got = bob.wait(Message)
    assert got.text == text and "alice@" in got.remote
    assert alice.wait(MessageSent).code == 200
