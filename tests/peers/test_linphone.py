"""Calls and messages with another standard phone, Linphone: both ways, held by both, keys, encrypted, moved; the sound is told by tones."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from softphone.control.protocol import (
    Answer,
    AutoAnswer,
    Call,
    CallState,
    CallStatistics,
    Dtmf,
    Hangup,
    Hold,
    Media,
    MessageSent,
    Resume,
    SendDtmf,
    SendMessage,
    Transfer,
    TransferCall,
)
from tests.peers.programs.linphone import Linphone
from tests.phones.phone import Phone
from tests.tones import HEARD_DB, wait_levels, write_tone

MakePhone = Callable[..., Phone]
PHONE, LINPHONE = 500, 800


@contextmanager
def linphone(folder: Path, codecs: tuple[str, ...] = ("opus", "PCMU"), **settings: Any) -> Iterator[Linphone]:
    peer = Linphone(folder / "linphone", codecs, write_tone(folder / "says.wav", LINPHONE), **settings)
    peer.start()
    try:
        yield peer
    finally:
        peer.stop()


@pytest.mark.interop("Opus and G.711, both ways, tones heard at both ends", "linphone-cli")
@pytest.mark.parametrize("codec", ["opus", "PCMU", "PCMA"])
def test_calls_both_ways(codec: str, make_phone: MakePhone, tmp_path: Path) -> None:
    phone = make_phone("phone", codecs=("opus", "PCMU", "PCMA"))
    says, heard = write_tone(tmp_path / "phone.wav", PHONE), tmp_path / "heard.wav"
    with linphone(tmp_path, (codec,)) as peer:
        peer.command("autoanswer enable")
        call = phone.call(peer.uri, wav_in=says, wav_out=heard)
        assert phone.wait_media(call).codec == codec
        wait_levels(heard, lambda level: level(LINPHONE) > HEARD_DB)
        assert phone.wait(CallStatistics, lambda event: event.seconds > 3 and event.rx.packets > 100).rx.loss_percent < 5
        phone.client.request(Hangup(call=call))
        peer.wait_for(r"Call 1 with .* ended \(No error\)")
        assert peer.heard_db(PHONE) > HEARD_DB

        phone.client.request(AutoAnswer(wav_in=str(says), wav_out=str(tmp_path / "heard-{call}.wav")))
        peer.command(f"call {phone.uri}")
        call = phone.wait(CallState, lambda event: event.direction == "incoming" and event.state == "confirmed").call
        assert phone.wait_media(call).codec == codec
        wait_levels(tmp_path / f"heard-{call}.wav", lambda level: level(LINPHONE) > HEARD_DB)
        phone.wait(CallStatistics, lambda event: event.call == call and event.seconds > 3)
        peer.command("terminate")
        phone.wait_state(call, "disconnected")
        peer.wait_for(r"Call 2 with .* ended \(No error\)")
        assert peer.heard_db(PHONE) > HEARD_DB


@pytest.mark.interop("hold and resume from both sides", "linphone-cli")
def test_hold_from_both_sides(make_phone: MakePhone, tmp_path: Path) -> None:
    phone, heard = make_phone("phone", codecs=("opus",)), tmp_path / "heard.wav"
    with linphone(tmp_path) as peer:

        def resume() -> None:
            # It takes no resume before it has our answer to its hold.
            peer.wait_for("Call 1 with .* is now paused")
            peer.command("resume 1")

        peer.command("autoanswer enable")
        call = phone.call(peer.uri, wav_in=write_tone(tmp_path / "phone.wav", PHONE), wav_out=heard)
        phone.wait_media(call)
        for asked, released, state in (
            (lambda: phone.client.request(Hold(call=call)), lambda: phone.client.request(Resume(call=call)), "held"),
            (lambda: peer.command("pause"), resume, "held_by_remote"),
        ):
            wait_levels(heard, lambda level: level(LINPHONE) > HEARD_DB)
            after = len(phone.events)
            asked()
            phone.wait(Media, lambda event: event.state == state, after=after)  # noqa: B023
            after = len(phone.events)
            released()
            assert phone.wait(Media, lambda event: event.state == "active", after=after).codec == "opus"
        wait_levels(heard, lambda level: level(LINPHONE) > HEARD_DB)
        phone.client.request(Hangup())


@pytest.mark.interop("keys both ways (RFC 4733, INFO)", "linphone-cli")
@pytest.mark.interop("a text message from us", "linphone-cli")
def test_keys_both_ways_and_a_message(make_phone: MakePhone, tmp_path: Path) -> None:
    phone = make_phone("phone", codecs=("opus",))
    with linphone(tmp_path) as peer:
        peer.command("autoanswer enable")
        call = phone.call(peer.uri)
        phone.wait_media(call)
        for method in ("rfc4733", "info"):
            phone.client.request(SendDtmf(call=call, digits="42#", method=method))
            assert [peer.wait_for("Receiving tone (.)")[1] for _ in "42#"] == ["4", "2", "#"]
        # A line of its own each: it sends the keys of one line faster than they last.
        for key in "81":
            peer.command(key)
            phone.wait(Dtmf, lambda event, key=key: event.digit == key and event.method == "rfc4733")
        phone.client.request(Hangup())
        phone.client.request(SendMessage(uri=peer.uri, text="Grüße – 10 €"))
        peer.wait_for("Message received from .*: Grüße – 10 €")
        assert phone.wait(MessageSent).state == "delivered"


@pytest.mark.interop("SRTP with SDES, mandatory, both ways", "linphone-cli")
def test_encrypted_both_ways(make_phone: MakePhone, tmp_path: Path) -> None:
    phone, heard = make_phone("phone", codecs=("PCMU",), srtp="mandatory"), tmp_path / "heard.wav"
    with linphone(tmp_path, srtp=True) as peer:
        peer.command("autoanswer enable")
        call = phone.call(peer.uri, wav_out=heard)
        assert phone.wait_media(call).srtp
        wait_levels(heard, lambda level: level(LINPHONE) > HEARD_DB)
        phone.client.request(Hangup(call=call))
        phone.wait_state(call, "disconnected")
        phone.client.request(AutoAnswer(wav_out=str(tmp_path / "second.wav")))
        peer.command(f"call {phone.uri}")
        taken = phone.wait(CallState, lambda event: event.direction == "incoming" and event.state == "confirmed").call
        assert phone.wait_media(taken).srtp
        wait_levels(tmp_path / "second.wav", lambda level: level(LINPHONE) > HEARD_DB)


@pytest.mark.interop("transfer, both ways", "linphone-cli")
def test_transfers_both_ways(make_phone: MakePhone, tmp_path: Path) -> None:
    phone, other = make_phone("phone", codecs=("PCMU",)), make_phone("other", codecs=("PCMU",))
    with linphone(tmp_path, ("PCMU",)) as peer:
        peer.command("autoanswer enable")
        call = phone.client.request(Call(uri=peer.uri)).call
        phone.wait_state(call, "confirmed")
        phone.client.request(TransferCall(call=call, uri=other.uri))
        # Of its new call Linphone says only that it tries; who moved it hangs up.
        phone.wait(Transfer, lambda event: event.call == call and event.state == "progress")
        other.wait_state(1, "early")
        other.client.request(Answer(call=1))
        other.wait_state(1, "confirmed")
        phone.client.request(Hangup())
        assert phone.wait(Transfer, lambda event: event.call == call and event.state == "done")
        other.client.request(Hangup())
        peer.wait_for(r"Call 2 with .* ended")

        other.client.request(AutoAnswer())
        again = phone.call(peer.uri)
        phone.wait_state(again, "confirmed")
        peer.command(f"transfer {other.uri}")
        moved = phone.wait(Transfer, lambda event: event.call == again and event.state == "incoming")
        assert moved.new_call is not None
        phone.wait_state(moved.new_call, "confirmed")
        other.wait_state(2, "confirmed")
