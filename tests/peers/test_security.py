"""Encrypted signalling and media with real peers: TLS with kamailio, SRTP with baresip."""

from collections.abc import Callable
from pathlib import Path

import pytest

from softphone.control.protocol import Answer, AutoAnswer, CallState, CallStatistics, Hangup, Registration, Sdp
from tests.peers.programs.baresip import Baresip
from tests.peers.programs.kamailio import Kamailio
from tests.phones.phone import Phone

MakePhone = Callable[..., Phone]
MakeBaresip = Callable[..., Baresip]
SHORT_TAG = "AES_CM_128_HMAC_SHA1_32"


@pytest.mark.interop("registration and calls over TLS, keys of SRTP in it", "kamailio")
def test_over_tls_calls_are_encrypted_without_a_setting(kamailio: Kamailio, make_phone: MakePhone) -> None:
    tls = {"transport": "tls", "tls_ca_file": str(kamailio.authority.file)}
    alice, bob = (make_phone(name, codecs=("PCMU",), server=kamailio, **tls) for name in ("alice", "bob"))
    for phone in (alice, bob):
        phone.wait(Registration, lambda event: event.state == "registered")
    call = alice.call("bob")
    incoming = bob.wait(CallState, lambda event: event.state == "incoming")
    bob.client.request(Answer(call=incoming.call))
    assert alice.wait_media(call).srtp == bob.wait_media(incoming.call).srtp == SHORT_TAG
    alice.client.request(Hangup(call=call))
    bob.wait_state(incoming.call, "disconnected")


@pytest.mark.interop("registration and calls over TCP", "kamailio")
def test_a_call_over_tcp(kamailio: Kamailio, make_phone: MakePhone) -> None:
    alice, bob = (make_phone(name, codecs=("PCMU",), server=kamailio, transport="tcp") for name in ("alice", "bob"))
    for phone in (alice, bob):
        phone.wait(Registration, lambda event: event.state == "registered")
    bob.client.request(AutoAnswer())
    call = alice.call("bob")
    assert alice.wait_media(call).srtp == "", "keys that all can read are not offered"
    alice.client.request(Hangup(call=call))
    alice.wait_state(call, "disconnected")


@pytest.mark.interop("a TLS server that cannot prove who it is", "kamailio")
def test_a_server_that_nobody_vouches_for_gets_no_password(kamailio: Kamailio, make_phone: MakePhone) -> None:
    alice = make_phone("alice", codecs=("PCMU",), server=kamailio, transport="tls")
    failed = alice.wait(Registration, lambda event: event.state == "failed")
    assert "certificate" in failed.reason and "tls_ca_file" in failed.reason, failed.reason
    careless = make_phone("bob", codecs=("PCMU",), server=kamailio, transport="tls", tls_verify=False)
    careless.wait(Registration, lambda event: event.state == "registered")


@pytest.mark.interop("SRTP with SDES, optional and mandatory, both ways", "baresip-core")
@pytest.mark.parametrize(
    ("ours", "theirs", "encrypted"),
    [
        ("optional", ";mediaenc=srtp-mand", False),
        ("offer", ";mediaenc=srtp", True),
        ("offer", "", False),
        ("mandatory", ";mediaenc=srtp-mand", True),
    ],
)
def test_we_call_baresip(ours: str, theirs: str, encrypted: bool, make_phone: MakePhone, make_baresip: MakeBaresip, speech: Path) -> None:
    phone, peer = make_phone("phone", codecs=("PCMU",), srtp=ours), make_baresip(("pcmu",), theirs)
    call = phone.call(peer.uri, wav_in=speech)
    if ours == "optional":
        # We do not offer it over UDP, and the peer takes nothing else.
        assert phone.wait_state(call, "disconnected").code == 488
        return
    assert bool(phone.wait_media(call).srtp) == encrypted
    phone.wait_file(call, "played")
    sdp = phone.client.request(Sdp(call=call))
    assert ("a=crypto" in sdp.local and "a=crypto" in sdp.remote) == encrypted
    assert "inline:" not in str(sdp)
    statistics = phone.last_statistics(call)
    assert statistics.rx.packets > 50 and statistics.rx.loss_percent < 5
    phone.client.request(Hangup(call=call))
    peer.wait_for("CALL_CLOSED")


@pytest.mark.interop("SRTP with SDES, optional and mandatory, both ways", "baresip-core")
@pytest.mark.parametrize(("ours", "theirs"), [("optional", ";mediaenc=srtp-mand"), ("optional", ";mediaenc=srtp")])
def test_baresip_calls_us(ours: str, theirs: str, make_phone: MakePhone, make_baresip: MakeBaresip, speech: Path) -> None:
    phone, peer = make_phone("phone", codecs=("PCMU",), srtp=ours), make_baresip(("pcmu",), theirs)
    phone.client.request(AutoAnswer(wav_in=str(speech)))
    peer.command("dial", phone.uri)
    peer.wait_for("CALL_ESTABLISHED")
    call = phone.wait(CallState, lambda event: event.state == "incoming").call
    assert phone.wait_media(call).srtp, "what the far end wants encrypted is"
    phone.wait_file(call, "played")
    assert phone.last_statistics(call).rx.packets > 50
    peer.command("hangup")
    phone.wait_state(call, "disconnected")


@pytest.mark.interop("our codec, encrypted, between two of our phones", "softphone")
def test_our_codec_is_encrypted_between_two_of_us(make_phone: MakePhone, speech: Path) -> None:
    alice, bob = (make_phone(name, codecs=("x-phv",), srtp="mandatory") for name in ("alice", "bob"))
    for phone in (alice, bob):
        phone.wait_worker()
    bob.client.request(AutoAnswer())
    call = alice.call(bob.uri, wav_in=speech)
    media = alice.wait_media(call)
    assert (media.codec, media.srtp) == ("x-phv", SHORT_TAG)
    alice.wait_file(call, "played")
    taken = bob.wait(CallState, lambda event: event.state == "confirmed").call
    # The last words are still on their way when the file has been played.
    bob.wait(CallStatistics, lambda event: event.call == taken and event.rx.packets > 10)
    alice.client.request(Hangup(call=call))
    bob.wait_state(taken, "disconnected")
