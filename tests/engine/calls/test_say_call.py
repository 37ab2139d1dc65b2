"""Typed text spoken into real calls between two engines: as tokens on our codec, as sound on others; queueing and hanging up."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from codec.text.speaker import TextSpeaker
from codec.units.phones import PHONES, SILENCE
from softphone.cli.main import main
from softphone.control.protocol import (
    AutoAnswer,
    CallState,
    CallStatistics,
    ControlError,
    Hangup,
    Mute,
    Phones,
    Record,
    Say,
    Status,
    Subscribe,
)
from tests.phones.phone import Phone

pytestmark = pytest.mark.alone

MakePhone = Callable[..., Phone]
TEXT = "Please call me back at three, I refuse to wait."


def received(phone: Phone) -> list[str]:
    return [heard.label for event in list(phone.events) if isinstance(event, Phones) for heard in event.rx if heard.state != "lost"]


def typed(text: str) -> list[str]:
    return [PHONES[token.phone] for token in TextSpeaker.load().speak(text).tokens if token.phone != SILENCE]


def test_typed_text_arrives_as_its_phones_though_the_microphone_is_muted(make_phone: MakePhone, tmp_path: Path) -> None:
    alice, bob = make_phone("alice"), make_phone("bob")
    alice.wait_worker()
    bob.wait_worker()
    bob.client.request(AutoAnswer(wav_out=str(tmp_path / "bob.wav")))
    bob.client.request(Subscribe(events=["phones", "call_state", "media", "statistics"]))
    call = alice.call(bob.uri)
    assert alice.wait_media(call).codec == "x-phv"
    alice.wait_state(call, "confirmed")
    # On a busy machine the first phones may come before anybody is told of them.
    bob.wait(CallStatistics, lambda event: event.seconds > 0.5, seconds=60)
    alice.client.request(Mute(call=call))
    answer = alice.client.request(Say(call=call, text=TEXT))
    assert 2 < answer.seconds < 8 and answer.doubts == []
    assert main(["say", "Bye.", "--socket", str(alice.socket)]) == 0, "from another process, queued behind the first"
    wanted = typed(TEXT) + typed("Bye.")
    bob.wait(Phones, lambda _: len([label for label in received(bob) if label != "SIL"]) >= len(wanted), seconds=60)
    assert [label for label in received(bob) if label != "SIL"] == wanted
    alice.client.request(Hangup(call=call))
    bob.wait(CallState, lambda event: event.state == "disconnected")
    sound, _ = soundfile.read(tmp_path / "bob.wav", dtype="int16")
    assert np.sqrt(np.mean(sound.astype(float) ** 2)) > 100, "nothing was heard"


def test_on_another_codec_it_is_sound_and_bad_requests_get_a_sentence(make_phone: MakePhone, tmp_path: Path) -> None:
    alice, bob = make_phone("alice"), make_phone("bob", codecs=("PCMU",))
    alice.wait_worker()
    with pytest.raises(ControlError, match="there is no call 7"):
        alice.client.request(Say(call=7, text="Hello."))
    ringing = alice.call(bob.uri)
    with pytest.raises(ControlError, match="only a call in progress can speak typed text"):
        alice.client.request(Say(call=ringing, text="Hello."))
    alice.client.request(Hangup(call=ringing))
    alice.wait_state(ringing, "disconnected")
    bob.wait(CallState, lambda event: event.state == "disconnected")  # or he answers it while its CANCEL is under way
    bob.client.request(AutoAnswer(wav_out=str(tmp_path / "bob.wav")))
    call = alice.call(bob.uri)
    assert alice.wait_media(call).codec == "PCMU"
    alice.wait_state(call, "confirmed")
    for nonsense, words in (
        ("\u4f60\u597d", "nothing in .* that can be spoken"),
        ("?!", "type English words"),
        ("\U0001f600" * 2000, "too long"),
    ):
        with pytest.raises(ControlError, match=words):
            alice.client.request(Say(call=call, text=nonsense))
    answer = alice.client.request(Say(call=call, text="Hello Kamailio. This is sound."))
    assert 1 < answer.seconds < 6 and "kamailio" in answer.doubts[0]
    alice.client.request(Say(call=call, text="And so on. " * 20))
    bob_call = bob.wait(CallState, lambda event: event.state == "confirmed").call
    with pytest.raises(ControlError, match="put x-phv into codecs.order"):
        bob.client.request(Say(call=bob_call, text="Hello."))
    heard = bob.wait(CallStatistics, lambda event: event.call == bob_call and event.rx.packets > 50, seconds=60)
    assert heard.codec == "PCMU"
    alice.client.request(Hangup(call=call))
    alice.wait_state(call, "disconnected")
    bob.wait(CallState, lambda event: event.call == bob_call and event.state == "disconnected")
    sound, _ = soundfile.read(tmp_path / "bob.wav", dtype="int16")
    assert np.sqrt(np.mean(sound.astype(float) ** 2)) > 100, "nothing was heard"
    assert alice.client.request(Status()).calls == []


def test_a_recording_of_both_sides_holds_what_was_typed(make_phone: MakePhone, tmp_path: Path) -> None:
    """Bob says nothing and alice has no microphone: what is in her recording was typed by her."""
    alice, bob = make_phone("alice"), make_phone("bob")
    alice.wait_worker()
    bob.wait_worker()
    bob.client.request(AutoAnswer())
    call = alice.call(bob.uri)
    assert alice.wait_media(call).codec == "x-phv"
    alice.wait_state(call, "confirmed")
    path = tmp_path / "both.wav"
    alice.client.request(Record(call=call, wav=str(path), both=True))
    seconds = alice.client.request(Say(call=call, text=TEXT)).seconds
    began = alice.wait_file(call, "recording").monotonic
    # The notice and the text, in whatever time the worker needs for them.
    alice.wait(CallStatistics, lambda event: event.monotonic > began + seconds + 6, seconds=60)
    alice.client.request(Record(call=call, both=True))
    alice.wait_file(call, "recorded")
    sound, rate = soundfile.read(path, dtype="int16")
    loud = np.abs(sound[: len(sound) // 160 * 160].reshape(-1, 160).astype(float)).mean(1) > 300
    # The tone of the notice lasts half a second.
    assert loud.sum() * 160 / rate > 3, "the typed text is not in the recording"
    assert not list(tmp_path.glob("**/softphone-say-*/*.wav"))
