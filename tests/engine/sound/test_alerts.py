"""What is heard of calls that are not up yet, at a loudspeaker that is a file: ringing, ringback, early media, call waiting."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from softphone.config import Audio, Codecs, Config, Network
from softphone.control.protocol import Answer, AutoAnswer, CallState, Conference, Hangup, Mute, Record, Resume
from softphone.engine.sound.tones import NOTICE, RING, RINGBACK, WAITING
from tests.peers.sockets.early_media import TONE_HZ, EarlyMediaPeer
from tests.phones.phone import Phone
from tests.tones import HEARD_DB, SILENCE_DB, wait_levels, write_tone

MakePhone = Callable[..., Phone]
MICROPHONE, BOB, CAROL = 600, 750, 1100


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[Phone]:
    """A phone with microphone and loudspeaker, on PCMU; the microphone hears a tone."""
    folder = tmp_path / "phone"
    folder.mkdir()
    config = Config(network=Network(bind="127.0.0.1"), audio=Audio(echo_canceller="off"), codecs=Codecs(order=("PCMU",)))
    (folder / "microphone.raw").write_bytes(write_tone(tmp_path / "microphone.wav", MICROPHONE, 1).read_bytes()[44:])
    made = Phone(folder, config, module="tests.phones.cable_phone")
    made.start()
    yield made
    made.stop()


def loudspeaker(phone: Phone) -> Path:
    return phone.folder / "loudspeaker.raw"


def test_it_rings_until_it_is_answered_and_beeps_softly_when_a_second_call_waits(
    phone: Phone, make_phone: MakePhone, tmp_path: Path
) -> None:
    bob, carol = make_phone("bob", codecs=("PCMU",)), make_phone("carol", codecs=("PCMU",))
    call = bob.call(phone.uri, wav_in=write_tone(tmp_path / "bob.wav", BOB), wav_out=tmp_path / "heard.wav")
    wait_levels(loudspeaker(phone), lambda level: level(RING[0].hz) > HEARD_DB and level(RING[0].hz_too) > HEARD_DB)
    incoming = phone.wait(CallState, lambda event: event.state == "incoming")
    assert not incoming.waiting
    phone.client.request(Answer(call=incoming.call))
    bob.wait_state(call, "confirmed")
    wait_levels(loudspeaker(phone), lambda level: level(BOB) > HEARD_DB and level(RING[0].hz) < SILENCE_DB)
    wait_levels(tmp_path / "heard.wav", lambda level: level(MICROPHONE) > HEARD_DB)
    waiting = carol.call(phone.uri)
    wait_levels(loudspeaker(phone), lambda level: level(BOB) > HEARD_DB and SILENCE_DB < level(WAITING[0].hz) < level(BOB) - 10)
    wait_levels(tmp_path / "heard.wav", lambda level: level(WAITING[0].hz) < SILENCE_DB)
    carol.client.request(Hangup(call=waiting))
    carol.wait_state(waiting, "disconnected")
    phone.client.request(Mute(call=incoming.call))
    wait_levels(tmp_path / "heard.wav", lambda level: level(MICROPHONE) < SILENCE_DB)
    phone.client.request(Hangup())


def test_ringback_until_sound_comes_before_the_answer(phone: Phone, tmp_path: Path) -> None:
    peer = EarlyMediaPeer()
    peer.start()
    try:
        call = phone.call(peer.uri, wav_out=tmp_path / "heard.wav")
        assert peer.invited.wait(10)
        wait_levels(loudspeaker(phone), lambda level: level(RINGBACK[0].hz) > HEARD_DB)
        peer.play()
        early = phone.wait_media(call)
        assert early.codec == "PCMU"
        wait_levels(loudspeaker(phone), lambda level: level(TONE_HZ) > HEARD_DB and level(RINGBACK[0].hz) < SILENCE_DB)
        wait_levels(tmp_path / "heard.wav", lambda level: level(TONE_HZ) > HEARD_DB)
        assert not [event for event in phone.events if isinstance(event, CallState) and event.state == "confirmed"]
        peer.answer()
        phone.wait_state(call, "confirmed")
        wait_levels(loudspeaker(phone), lambda level: level(TONE_HZ) > HEARD_DB)
        phone.client.request(Hangup())
        phone.wait_state(call, "disconnected")
    finally:
        peer.stop()


def test_microphone_and_loudspeaker_in_conference_and_recording(phone: Phone, make_phone: MakePhone, tmp_path: Path) -> None:
    bob, carol = make_phone("bob", codecs=("PCMU",)), make_phone("carol", codecs=("PCMU",))
    for other, hertz in ((bob, BOB), (carol, CAROL)):
        name = other.folder.name
        tone = write_tone(tmp_path / f"{name}.wav", hertz)
        other.client.request(AutoAnswer(wav_in=str(tone), wav_out=str(tmp_path / f"{name}-{{call}}.wav")))
    first = phone.call(bob.uri)
    phone.wait_state(first, "confirmed")
    second = phone.call(carol.uri)
    phone.wait_state(second, "confirmed")
    wait_levels(loudspeaker(phone), lambda level: level(CAROL) > HEARD_DB and level(BOB) < SILENCE_DB)
    phone.client.request(Conference(calls=[first, second]))
    wait_levels(loudspeaker(phone), lambda level: level(CAROL) > HEARD_DB and level(BOB) > HEARD_DB)
    wait_levels(tmp_path / "bob-1.wav", lambda level: level(CAROL) > HEARD_DB and level(MICROPHONE) > HEARD_DB)
    # The notice of a recording is heard here too; the recording has all three.
    both = tmp_path / "both.wav"
    phone.client.request(Record(call=first, wav=str(both), both=True))
    wait_levels(loudspeaker(phone), lambda level: level(NOTICE[0].hz) > HEARD_DB, stretch_s=0.3)
    wait_levels(both, lambda level: min(level(MICROPHONE), level(BOB), level(CAROL)) > HEARD_DB)
    # Another call takes microphone and loudspeaker; the conference goes on without.
    third = phone.call(bob.uri)
    phone.wait_state(third, "confirmed")
    wait_levels(tmp_path / "bob-2.wav", lambda level: level(MICROPHONE) > HEARD_DB and level(CAROL) < SILENCE_DB)
    wait_levels(tmp_path / "bob-1.wav", lambda level: level(MICROPHONE) < SILENCE_DB and level(CAROL) > HEARD_DB)
    wait_levels(loudspeaker(phone), lambda level: level(BOB) > HEARD_DB and level(CAROL) < SILENCE_DB)
    phone.client.request(Resume(call=first))
    wait_levels(tmp_path / "bob-1.wav", lambda level: level(MICROPHONE) > HEARD_DB and level(CAROL) > HEARD_DB)
    wait_levels(tmp_path / "bob-2.wav", lambda level: level(MICROPHONE) < SILENCE_DB)
    phone.client.request(Hangup())
