"""Calls across networks: two that reach nothing but a server between them, where ICE (RFC 8445) finds the relay; and one that changes."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from softphone.config import Account, Audio, Codecs, Config, Network
from softphone.control.protocol import AutoAnswer, CallState, CallStatistics, Hangup, Media, Registration, Sdp, SipLadder
from tests.peers.programs.coturn import PASSWORD, USER, Coturn
from tests.peers.programs.kamailio import DOMAIN, PASSWORDS, Kamailio
from tests.peers.programs.namespaces import AT_A, AT_B, SERVER_TO_A, SERVER_TO_B, TwoPlaces
from tests.phones.phone import Phone

SERVER = (SERVER_TO_A, SERVER_TO_B)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def phone_at(folder: Path, namespace: str, own: str, server: str, name: str, turn: str, stun: str = "") -> Phone:
    """turn: how the relay is reached, or empty for none; stun: the server that tells the public address."""
    folder.mkdir()
    for file, text in (("password", PASSWORDS[name]), ("turn", PASSWORD)):
        (folder / file).touch(mode=0o600)
        (folder / file).write_text(text)
    relay = {"turn": server, "turn_transport": turn, "turn_user": USER, "turn_password_file": str(folder / "turn")} if turn else {}
    config = Config(
        account=Account(id=f"sip:{name}@{DOMAIN}", proxy=f"sip:{server}:5060;lr", password_file=str(folder / "password")),
        network=Network(bind=own, stun=stun, **relay),
        audio=Audio(input="null", output="null"),
        codecs=Codecs(order=("PCMU",)),
    )
    return Phone(folder, config, namespace=namespace)


@pytest.mark.interop("another address under a call", "kamailio", "softphone")
def test_another_address_under_a_call(running: ExitStack, tmp_path: Path, speech: Path) -> None:
    places = running.enter_context(TwoPlaces())
    proxy = Kamailio(tmp_path / "kamailio", PASSWORDS, contacts=4, namespace=places.server, addresses=SERVER)
    alice = phone_at(tmp_path / "alice", places.a, "0.0.0.0", SERVER_TO_A, "alice", "")
    bob = phone_at(tmp_path / "bob", places.server, SERVER_TO_B, SERVER_TO_B, "bob", "")
    for each in (proxy, alice, bob):
        running.callback(each.stop)
        each.start()
    for phone in (alice, bob):
        phone.wait(Registration, lambda event: event.state == "registered")
    bob.client.request(AutoAnswer())
    call = alice.call("bob")
    alice.wait_state(call, "confirmed")
    taken = bob.wait(CallState, lambda event: event.state == "confirmed").call
    assert bob.wait_media(taken).remote_address.startswith(AT_A)
    seen, registered = len(bob.events), len(alice.events)
    places.move_a("10.77.1.9")
    assert bob.wait(Media, lambda event: event.state == "active", 40, seen).remote_address.startswith("10.77.1.9:")
    alice.wait(Registration, lambda event: event.state == "registered", 40, registered)
    seen = len(bob.events)
    bob.wait(CallStatistics, lambda event: event.rx.packets > 50, 40, seen)
    bob.client.request(Hangup(call=taken))
    alice.wait_state(call, "disconnected")
    # Calls find her at the new address.
    alice.client.request(AutoAnswer())
    again = bob.call("alice")
    bob.wait_state(again, "confirmed")


@pytest.mark.interop("the public address behind a NAT (STUN), in Contact and SDP, and sound both ways", "coturn", "kamailio")
def test_the_public_address_behind_a_nat(running: ExitStack, tmp_path: Path, speech: Path) -> None:
    places = running.enter_context(TwoPlaces())
    places.hide_a()
    # All but alice is out there, beyond the NAT.
    stun = Coturn(tmp_path / "coturn", places.b, [AT_B])
    proxy = Kamailio(tmp_path / "kamailio", PASSWORDS, namespace=places.b, addresses=[AT_B])
    alice = phone_at(tmp_path / "alice", places.a, AT_A, AT_B, "alice", "", stun=AT_B)
    bob = phone_at(tmp_path / "bob", places.b, AT_B, AT_B, "bob", "")
    for each in (stun, proxy, alice, bob):
        running.callback(each.stop)
        each.start()
    for phone in (alice, bob):
        phone.wait(Registration, lambda event: event.state == "registered")
    bob.client.request(AutoAnswer(wav_in=str(speech)))
    call = alice.call("bob", wav_in=speech)
    alice.wait_state(call, "confirmed", 40)
    taken = bob.wait(CallState, lambda event: event.state == "confirmed").call
    assert f"IN IP4 {SERVER_TO_B}" in alice.client.request(Sdp(call=call)).local
    invite = next(entry.text for entry in alice.client.request(SipLadder(call=call)).messages if entry.sent)
    assert f"@{SERVER_TO_B}:" in invite and AT_A not in invite.partition("\r\n\r\n")[2]
    for phone in (alice, bob):
        phone.wait(CallStatistics, lambda event: event.rx.packets > 100, 40)
    bob.client.request(Hangup(call=taken))
    alice.wait_state(call, "disconnected")


@pytest.mark.interop("a call through TURN, reached over UDP and TCP, where there is no direct way (ICE)", "coturn", "kamailio")
@pytest.mark.parametrize("turn", ["udp", "tcp", ""])
def test_a_call_without_a_direct_way(turn: str, running: ExitStack, tmp_path: Path, speech: Path) -> None:
    places = running.enter_context(TwoPlaces())
    relay = Coturn(tmp_path / "coturn", places.server, SERVER)
    proxy = Kamailio(tmp_path / "kamailio", PASSWORDS, namespace=places.server, addresses=SERVER)
    alice = phone_at(tmp_path / "alice", places.a, AT_A, SERVER_TO_A, "alice", turn)
    bob = phone_at(tmp_path / "bob", places.b, AT_B, SERVER_TO_B, "bob", turn)
    for each in (relay, proxy, alice, bob):
        running.callback(each.stop)
        each.start()
    for phone in (alice, bob):
        phone.wait(Registration, lambda event: event.state == "registered")
    bob.client.request(AutoAnswer(wav_in=str(speech)))
    call = alice.call("bob", wav_in=speech)
    alice.wait_state(call, "confirmed", 40)
    taken = bob.wait(CallState, lambda event: event.state == "confirmed").call
    for phone, number in ((alice, call), (bob, taken)):
        phone.wait_media(number)
        phone.wait_file(number, "played")
    got = [phone.last_statistics(number).rx.packets for phone, number in ((alice, call), (bob, taken))]
    if turn:
        assert min(got) > 100, f"{got}\n{relay.log()[-3000:]}"
        assert "CHANNEL_BIND" in relay.log() or "CREATE_PERMISSION" in relay.log()
        assert ("tcp or tls connected" in relay.log()) == (turn == "tcp")
    else:
        assert got == [0, 0], "there is a direct way, so the test proves nothing"
    alice.client.request(Hangup(call=call))
    bob.wait_state(taken, "disconnected")
    assert PASSWORD not in alice.log() + bob.log() + str(alice.events)
