"""Two calls between two engines that both remember voices: the second begins with what the first learned."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from codec.units import audio_file
from softphone import paths
from softphone.config import Audio, Config, Network, Privacy
from softphone.control.protocol import AutoAnswer, CallState, CallStatistics, Hangup, Subscribe
from softphone.store.voices import OWN, KeptVoices
from tests.phones.phone import Phone

pytestmark = pytest.mark.alone


@pytest.fixture
def phones(tmp_path: Path) -> Iterator[tuple[Phone, Phone]]:
    privacy = Privacy(history=False, voices="always")
    config = Config(network=Network(bind="127.0.0.1"), audio=Audio(input="null", output="null"), privacy=privacy)
    alice, bob = Phone(tmp_path / "alice", config), Phone(tmp_path / "bob", config)
    try:
        alice.start()
        bob.start()
        yield alice, bob
    finally:
        alice.stop()
        bob.stop()


def kept_by(phone: Phone) -> KeptVoices:
    return KeptVoices(phone.folder / "data" / "softphone" / "voices")


def test_the_second_call_begins_with_the_voice_of_the_first(phones: tuple[Phone, Phone], tmp_path: Path) -> None:
    alice, bob = phones
    speech = tmp_path / "speech.wav"
    audio_file.write(speech, audio_file.read(paths.demo_recording()[0]))
    alice.wait_worker()
    bob.wait_worker()
    bob.client.request(AutoAnswer(wav_in=str(speech)))
    bob.client.request(Subscribe(events=["call_state", "statistics"]))
    for round_ in range(2):
        bobs = len(bob.events)
        call = alice.call(bob.uri, wav_in=speech)
        assert alice.wait_media(call).codec == "x-phv"
        known = bob.wait(CallStatistics, lambda event: bool(event.codec_counters.voice_known), seconds=90, after=bobs)
        if round_ == 0:
            bob.wait(CallStatistics, lambda event: event.codec_counters.sent_speech_ms > 8000, seconds=120, after=bobs)
            alice.wait_file(call, "played", seconds=120)
        else:
            # A receipt that left before the hash arrived names nothing, and is answered with one piece of 4 bytes; the voice has eight.
            assert known.codec_counters.voice_bytes <= 4, "a hash said which voice it is"
        alice.client.request(Hangup(call=call))
        bob.wait(CallState, lambda event: event.state == "disconnected", after=bobs)
        alice.wait_state(call, "disconnected")
        if round_ == 0:
            deadline = time.monotonic() + 30
            while not (len(kept_by(alice).all()) == len(kept_by(bob).all()) == 2) and time.monotonic() < deadline:
                time.sleep(0.1)
    (contact,) = (voice for voice in kept_by(bob).all() if voice.who != OWN)
    assert set(contact.voices) == {"mine", "theirs"}
    assert "pieces" not in json.dumps([str(event) for event in [*alice.events, *bob.events]]), "no event tells a voice"
