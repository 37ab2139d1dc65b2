"""What people do with calls, with a standard phone (baresip) at the other end: hold from both sides, keys both ways, transfer by both."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from softphone.control.protocol import (
    AutoAnswer,
    Call,
    CallState,
    Dtmf,
    Hangup,
    Hold,
    Media,
    Resume,
    SendDtmf,
    Status,
    Transfer,
    TransferCall,
)
from tests.peers.programs.baresip import Baresip
from tests.phones.phone import Phone
from tests.tones import HEARD_DB, SILENCE_DB, wait_levels, write_tone

MakePhone = Callable[..., Phone]
OPUS = ("opus/48000/2", "pcmu", "pcma")
PHONE, BARESIP = 500, 800
SPEECH_BPS = 4000
"""Opus with a tone has about 8000 bit/s, with silence less than 2000."""


@pytest.fixture
def peer(tmp_path: Path) -> Baresip:
    """A baresip that sends a tone."""
    made = Baresip(tmp_path / "baresip", OPUS, write_tone(tmp_path / "says.wav", BARESIP))
    made.start()
    yield made  # type: ignore[misc]
    made.stop()


@pytest.mark.interop("hold and resume from both sides", "baresip-core")
def test_hold_from_both_sides(make_phone: MakePhone, peer: Baresip, tmp_path: Path) -> None:
    phone = make_phone("phone", codecs=("opus", "PCMU"))
    heard = tmp_path / "heard.wav"
    call = phone.call(peer.uri, wav_in=write_tone(tmp_path / "phone.wav", PHONE), wav_out=heard)
    assert phone.wait_media(call).codec == "opus"
    peer.wait_for("CALL_ESTABLISHED")
    wait_levels(heard, lambda level: level(BARESIP) > HEARD_DB)
    wait_levels(peer.heard(), lambda level: level(PHONE) > HEARD_DB)
    for asked, released, state in (
        (lambda: phone.client.request(Hold(call=call)), lambda: phone.client.request(Resume(call=call)), "held"),
        (lambda: peer.command("hold"), lambda: peer.command("resume"), "held_by_remote"),
    ):
        wait_until(lambda: peer.received_bps() > SPEECH_BPS)
        after = len(phone.events)
        asked()
        phone.wait(Media, lambda event: event.state == state, after=after)  # noqa: B023
        wait_until(lambda: peer.received_bps() < SPEECH_BPS)
        if state == "held_by_remote":
            wait_levels(heard, lambda level: level(BARESIP) < SILENCE_DB)
        after = len(phone.events)
        released()
        assert phone.wait(Media, lambda event: event.state == "active", after=after).codec == "opus"
        wait_levels(heard, lambda level: level(BARESIP) > HEARD_DB)
        wait_until(lambda: peer.received_bps() > SPEECH_BPS)
    phone.client.request(Hangup())


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.interop("keys both ways (RFC 4733, INFO)", "baresip-core")
@pytest.mark.parametrize("codec", ["opus", "PCMU"])
def test_keys_both_ways(codec: str, make_phone: MakePhone, peer: Baresip) -> None:
    phone = make_phone("phone")
    call = phone.client.request(Call(uri=peer.uri, codecs=[codec])).call
    assert phone.wait_media(call).codec == codec
    phone.wait_state(call, "confirmed")
    for method in ("rfc4733", "info"):
        phone.client.request(SendDtmf(call=call, digits="4,2#", method=method))
        assert [peer.wait_for("CALL_DTMF_START")["param"] for _ in "42#"] == ["4", "2", "#"]
    for key in "8*1":
        peer.command("sndcode", key)
    keys: list[Dtmf] = []
    while len(keys) < 3:
        keys.append(phone.wait(Dtmf, lambda event: event not in keys))
    assert [(key.digit, key.method) for key in keys] == [(key, "rfc4733") for key in "8*1"]
    phone.client.request(Hangup())


@pytest.mark.interop("transfer, both ways", "baresip-core")
def test_baresip_transfers_us_and_is_transferred(make_phone: MakePhone, peer: Baresip, tmp_path: Path) -> None:
    phone, other = make_phone("phone", codecs=("PCMU",)), make_phone("other", codecs=("PCMU",))
    other.client.request(AutoAnswer(wav_in=str(write_tone(tmp_path / "other.wav", PHONE)), wav_out=str(tmp_path / "other-{call}.wav")))
    call = phone.call(peer.uri)
    phone.wait_state(call, "confirmed")
    peer.wait_for("CALL_ESTABLISHED")
    peer.command("transfer", other.uri)
    moved = phone.wait(Transfer, lambda event: event.state == "incoming")
    assert moved.call == call and moved.new_call
    phone.wait_state(moved.new_call, "confirmed")
    other.wait_state(1, "confirmed")
    # The old call ends, whoever ends it, and the new one stays.
    phone.wait_state(call, "disconnected")
    peer.wait_for("CALL_CLOSED")
    assert [entry.call for entry in phone.client.request(Status()).calls] == [moved.new_call]
    phone.client.request(Hangup())
    other.wait_state(1, "disconnected")

    again = phone.call(peer.uri)
    phone.wait_state(again, "confirmed")
    peer.wait_for("CALL_ESTABLISHED")
    phone.client.request(TransferCall(call=again, uri=other.uri))
    phone.wait(Transfer, lambda event: event.call == again and event.state == "done")
    assert phone.wait_state(again, "disconnected").reason == "transferred"
    taken = other.wait(CallState, lambda event: event.call == 2 and event.state == "confirmed")
    wait_levels(tmp_path / "other-2.wav", lambda level: level(BARESIP) > HEARD_DB)
    other.client.request(Hangup(call=taken.call))


@pytest.mark.interop("attended transfer to it, though it does not know Replaces", "baresip-core")
def test_an_attended_transfer_leaves_no_leg_on_hold(make_phone: MakePhone, peer: Baresip) -> None:
    phone, other = make_phone("phone", codecs=("PCMU",)), make_phone("other", codecs=("PCMU",))
    other.client.request(AutoAnswer())
    consulted = phone.call(peer.uri)
    phone.wait_state(consulted, "confirmed")
    peer.wait_for("CALL_ESTABLISHED")
    moved = phone.call(other.uri)
    phone.wait_state(moved, "confirmed")
    phone.client.request(TransferCall(call=moved, other=consulted))
    phone.wait(Transfer, lambda event: event.call == moved and event.state == "done")
    for call in (moved, consulted):
        phone.wait_state(call, "disconnected")
    assert phone.client.request(Status()).calls == []
