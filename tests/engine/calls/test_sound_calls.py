"""Calls that carry sound inside x-phv, and tokens where they must: what a call does for its user works across a change.

Typed text goes as tokens, so it makes a change there and back without a bad network.
"""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from codec.units.rates import SAMPLE_RATE
from softphone import paths, sound_file
from softphone.config import Phv
from softphone.control import protocol
from tests.phones.phone import Phone
from tests.tones import HEARD_DB, SILENCE_DB, read_growing, tone_db, wait_levels, write_tone

pytestmark = pytest.mark.alone

MakePhone = Callable[..., Phone]
AUTO = Phv(wait="quick", sound="auto")
ALICE, BOB, CAROL = 500, 700, 1100
TEXT = "Please call me back."


def hears(*hertz: int) -> Callable[[Callable[[float], float]], bool]:
    return lambda level: all((level(tone) > HEARD_DB) if tone in hertz else (level(tone) < SILENCE_DB) for tone in (ALICE, BOB, CAROL))


def wait_sends(phone: Phone, call: int, what: str, seconds: float = 30, after: int = 0) -> protocol.CallStatistics:
    return phone.wait(protocol.CallStatistics, lambda event: event.call == call and event.sends == what, seconds, after)


def wait_hears(phone: Phone, call: int, what: str, seconds: float = 30, after: int = 0) -> protocol.CallStatistics:
    return phone.wait(protocol.CallStatistics, lambda event: event.call == call and event.hears == what, seconds, after)


def silence_before(sound: np.ndarray) -> float:
    """Seconds before anything is heard in a recording, which begins with the call's media."""
    heard = np.flatnonzero(np.abs(sound) > 0.01)
    return float(heard[0] if len(heard) else len(sound)) / SAMPLE_RATE


@pytest.fixture
def tones(tmp_path: Path) -> Path:
    for hertz in (ALICE, BOB, CAROL):
        write_tone(tmp_path / f"{hertz}.wav", hertz, 300)
    return tmp_path


def answering(phone: Phone, tones: Path, hertz: int) -> Phone:
    phone.client.request(protocol.AutoAnswer(wav_in=str(tones / f"{hertz}.wav"), wav_out=str(tones / f"{phone.folder.name}-{{call}}.wav")))
    return phone


def ready(*phones: Phone) -> None:
    for phone in phones:
        phone.wait_worker()


def type_there_and_back(phone: Phone, call: int) -> None:
    """From sound to tokens and back."""
    after = len(phone.events)
    phone.client.request(protocol.Say(call=call, text=TEXT))
    told = phone.wait(protocol.CallStatistics, lambda event: event.sends_why == "typed text is spoken", after=after)
    assert told.call == call and told.sends == "tokens"
    wait_sends(phone, call, "sound", after=phone.events.index(told))


def test_dialled_at_once_the_call_has_sound_and_moves_no_codec(make_phone: MakePhone, tones: Path) -> None:
    alice, bob = make_phone("alice", phv=AUTO), answering(make_phone("bob", phv=AUTO), tones, BOB)
    call = alice.call(bob.uri, wav_in=tones / f"{ALICE}.wav", wav_out=tones / "alice.wav")
    media = alice.wait_media(call)
    assert media.codec == "x-phv" and media.fmtp_remote and "sound=opus" in media.fmtp_remote
    confirmed = alice.wait_state(call, "confirmed")
    wait_levels(tones / "bob-1.wav", hears(ALICE), seconds=5)
    wait_levels(tones / "alice.wav", hears(BOB), seconds=5)
    for name in ("bob-1.wav", "alice.wav"):
        quiet_s = silence_before(read_growing(tones / name))
        print(f"{name} has sound after {quiet_s:.2f} s")
        assert quiet_s <= 0.3, "silence at the beginning"
    assert alice.client.request(protocol.Status()).worker.state == "starting", "or this tests nothing"
    first = alice.wait(protocol.CallStatistics, lambda event: event.call == call and event.sends == "sound")
    assert first.monotonic - confirmed.monotonic < 2.5 and first.sends_why == "the codec is not ready here"
    ready(alice, bob)
    alice.wait(protocol.CallStatistics, lambda event: event.sends_why == "the path carries it", seconds=30)
    assert len([event for event in alice.events if isinstance(event, protocol.Media)]) <= 2, "nothing was negotiated again"


def test_a_worker_that_is_killed_leaves_no_hole(make_phone: MakePhone, tones: Path) -> None:
    alice, bob = make_phone("alice", phv=AUTO), answering(make_phone("bob", phv=AUTO), tones, BOB)
    ready(alice, bob)
    call = alice.call(bob.uri, wav_in=tones / f"{ALICE}.wav", wav_out=tones / "alice.wav")
    # What tokens make of a tone is no tone, so this one is heard while sound is.
    wait_levels(tones / "bob-1.wav", hears(ALICE))
    wait_levels(tones / "alice.wav", hears(BOB))
    began = {file: len(read_growing(file)) for file in (tones / "bob-1.wav", tones / "alice.wav")}
    for victim in (alice, bob):
        after = len(victim.events)
        os.kill(victim.client.request(protocol.Status()).worker.pid, signal.SIGKILL)
        victim.wait(protocol.Worker, lambda event: event.state == "died", after=after)
        time.sleep(1)
    for file, hertz in ((tones / "bob-1.wav", ALICE), (tones / "alice.wav", BOB)):
        sound = read_growing(file)[began[file] :]
        assert len(sound) > 32000
        parts = [tone_db(sound[at : at + 3200], hertz) for at in range(0, len(sound) - 3200, 1600)]
        assert min(parts) > HEARD_DB, f"{file.name} has a hole: {parts}"
    assert wait_sends(alice, call, "sound")
    ready(alice, bob)


def test_tokens_that_are_not_possible_make_way_for_sound(make_phone: MakePhone, tones: Path) -> None:
    """A ceiling leaves no room for sound at first, so both send tokens; then no worker is there to speak them."""
    slow = Phv(wait="quick", sound="auto", max_rate=13_000)
    alice, bob = make_phone("alice", phv=slow), answering(make_phone("bob", phv=AUTO), tones, BOB)
    ready(alice, bob)
    call = alice.call(bob.uri, wav_in=tones / f"{ALICE}.wav", wav_out=tones / "alice.wav")
    alice.wait_state(call, "confirmed")
    assert wait_sends(alice, call, "sound").sound_bps == 6000, "what fits below 13 kbit/s"
    wait_levels(tones / "bob-1.wav", hears(ALICE))


def test_a_recording_goes_on_across_changes(make_phone: MakePhone, tones: Path, tmp_path: Path) -> None:
    alice, bob = make_phone("alice", phv=AUTO), answering(make_phone("bob", phv=AUTO), tones, BOB)
    ready(alice, bob)
    call = alice.call(bob.uri, wav_in=tones / f"{ALICE}.wav")
    alice.wait_state(call, "confirmed")
    bob.wait_state(1, "confirmed")
    bob.client.request(protocol.Record(call=1, wav=str(tmp_path / "part.wav")))
    bob.wait_file(1, "recording")
    wait_levels(tmp_path / "part.wav", hears(ALICE))
    type_there_and_back(alice, call)
    wait_levels(tmp_path / "part.wav", hears(ALICE))
    bob.client.request(protocol.Record(call=1))
    bob.wait_file(1, "recorded")
    sound = sound_file.read(tmp_path / "part.wav")
    tone = np.array([tone_db(sound[at : at + 3200] / 32768, ALICE) > HEARD_DB for at in range(0, len(sound) - 3200, 3200)])
    assert tone[:3].any() and tone[-3:].all() and not tone.all(), "the typed words lie between two stretches of the tone"


def test_typed_text_is_heard_and_the_microphone_comes_back(make_phone: MakePhone, tones: Path) -> None:
    alice, bob = make_phone("alice", phv=AUTO), answering(make_phone("bob", phv=AUTO), tones, BOB)
    ready(alice, bob)
    bob.client.request(protocol.Subscribe(events=["phones", "statistics", "call_state", "media"]))
    call = alice.call(bob.uri, wav_in=tones / f"{ALICE}.wav")
    wait_sends(alice, call, "sound")
    wait_levels(tones / "bob-1.wav", hears(ALICE))
    after = len(bob.events)
    type_there_and_back(alice, call)
    wait_hears(bob, 1, "tokens", after=after)
    wait_levels(tones / "bob-1.wav", hears(ALICE))
    assert wait_hears(bob, 1, "sound", after=bob.events.index(wait_hears(bob, 1, "tokens", after=after)))


def test_where_only_sound_goes_typed_text_is_sound(make_phone: MakePhone, tones: Path) -> None:
    only = Phv(wait="quick", sound="always")
    alice, bob = make_phone("alice", phv=only), answering(make_phone("bob", phv=AUTO), tones, BOB)
    ready(alice, bob)
    call = alice.call(bob.uri)
    alice.wait_state(call, "confirmed")
    after = len(alice.events)
    assert alice.client.request(protocol.Say(call=call, text=TEXT)).seconds > 0.5
    deadline = time.monotonic() + 20
    while np.abs(read_growing(tones / "bob-1.wav")[-16000:]).max(initial=0.0) < 0.03:
        assert time.monotonic() < deadline, "nothing was heard"
        time.sleep(0.2)
    assert not [event for event in alice.events[after:] if isinstance(event, protocol.CallStatistics) and event.sends == "tokens"]


def test_hold_and_resume_across_a_change(make_phone: MakePhone, tones: Path) -> None:
    alice, bob = make_phone("alice", phv=AUTO), answering(make_phone("bob", phv=AUTO), tones, BOB)
    ready(alice, bob)
    call = alice.call(bob.uri, wav_in=tones / f"{ALICE}.wav", wav_out=tones / "alice.wav")
    wait_levels(tones / "bob-1.wav", hears(ALICE))
    alice.client.request(protocol.Say(call=call, text=TEXT))
    wait_sends(alice, call, "tokens")
    alice.client.request(protocol.Hold(call=call))
    alice.wait(protocol.Media, lambda event: event.state == "held")
    after = len(alice.events)
    alice.client.request(protocol.Resume(call=call))
    alice.wait(protocol.Media, lambda event: event.state == "active", after=after)
    wait_levels(tones / "bob-1.wav", hears(ALICE))
    wait_levels(tones / "alice.wav", hears(BOB))
    type_there_and_back(alice, call)


@pytest.mark.parametrize("holder", ["alice", "bob"])
def test_after_a_long_hold_sound_goes_on_at_once(make_phone: MakePhone, tones: Path, holder: str) -> None:
    """Who is on hold sends no reports: that says nothing of the path."""
    alice, bob = make_phone("alice", phv=AUTO), answering(make_phone("bob", phv=AUTO), tones, BOB)
    ready(alice, bob)
    call = alice.call(bob.uri, wav_in=tones / f"{ALICE}.wav")
    wait_sends(alice, call, "sound")
    wait_sends(bob, 1, "sound")
    holds = alice if holder == "alice" else bob
    holds.client.request(protocol.Hold(call=1))
    holds.wait(protocol.Media, lambda event: event.state == "held")
    time.sleep(5)
    before = {phone.folder.name: len(phone.events) for phone in (alice, bob)}
    holds.client.request(protocol.Resume(call=1))
    for phone in (alice, bob):
        phone.wait(protocol.Media, lambda event: event.state == "active", after=before[phone.folder.name])
        after = len(phone.events)
        phone.wait(protocol.CallStatistics, lambda event: event.hears == "sound", 30, after)
        said = [event for event in phone.events[after:] if isinstance(event, protocol.CallStatistics)]
        assert all(event.sends == "sound" for event in said), [(event.sends, event.sends_why) for event in said]


def test_a_conference_across_changes(make_phone: MakePhone, tones: Path) -> None:
    alice = make_phone("alice", phv=AUTO)
    bob, carol = (answering(make_phone(name, phv=AUTO), tones, hertz) for name, hertz in (("bob", BOB), ("carol", CAROL)))
    ready(alice, bob, carol)
    calls = [alice.call(other.uri, wav_in=tones / f"{ALICE}.wav", wav_out=tones / f"alice-{other.folder.name}.wav") for other in (bob,)]
    alice.wait_state(calls[0], "confirmed")
    calls.append(alice.call(carol.uri, wav_out=tones / "alice-carol.wav"))
    alice.wait_state(calls[1], "confirmed")
    alice.client.request(protocol.Conference(calls=calls))
    wait_levels(tones / "bob-1.wav", hears(ALICE, CAROL), seconds=40)
    type_there_and_back(alice, calls[0])
    wait_levels(tones / "bob-1.wav", hears(ALICE, CAROL), seconds=40)
    wait_levels(tones / "carol-1.wav", lambda level: level(BOB) > HEARD_DB, seconds=40)


def test_a_transfer_after_a_change(make_phone: MakePhone, tones: Path) -> None:
    alice = make_phone("alice", phv=AUTO)
    bob, carol = (answering(make_phone(name, phv=AUTO), tones, hertz) for name, hertz in (("bob", BOB), ("carol", CAROL)))
    ready(alice, bob, carol)
    call = alice.call(bob.uri, wav_in=tones / f"{ALICE}.wav")
    wait_levels(tones / "bob-1.wav", hears(ALICE))
    type_there_and_back(alice, call)
    alice.client.request(protocol.TransferCall(call=call, uri=carol.uri))
    alice.wait_state(call, "disconnected")
    moved = bob.wait(protocol.Transfer, lambda event: event.state == "incoming")
    assert moved.new_call
    bob.wait_state(moved.new_call, "confirmed")
    bob.client.request(protocol.Play(call=moved.new_call, wav=str(tones / f"{BOB}.wav")))
    wait_levels(tones / "carol-1.wav", hears(BOB), seconds=40)
    assert wait_sends(bob, moved.new_call, "sound")


def test_srtp_across_a_change(make_phone: MakePhone, tones: Path) -> None:
    alice, bob = (make_phone(name, phv=AUTO, srtp="mandatory") for name in ("alice", "bob"))
    answering(bob, tones, BOB)
    ready(alice, bob)
    call = alice.call(bob.uri, wav_in=tones / f"{ALICE}.wav", wav_out=tones / "alice.wav")
    assert alice.wait_media(call).srtp
    wait_levels(tones / "bob-1.wav", hears(ALICE))
    type_there_and_back(alice, call)
    wait_levels(tones / "bob-1.wav", hears(ALICE))
    wait_levels(tones / "alice.wav", hears(BOB))


def test_the_voice_is_described_and_trained_beside_sound(make_phone: MakePhone, tmp_path: Path) -> None:
    talk = tmp_path / "talk.wav"
    once = sound_file.read(paths.demo_recording()[0])[: 15 * SAMPLE_RATE]
    sound_file.write_wav(talk, np.concatenate([once] * 6))
    alice, bob = make_phone("alice", phv=AUTO), make_phone("bob", phv=AUTO)
    ready(alice, bob)
    bob.client.request(protocol.AutoAnswer())
    call = alice.call(bob.uri, wav_in=talk)
    known = bob.wait(protocol.CallStatistics, lambda event: bool(event.codec_counters.voice_known), seconds=60)
    assert known.hears == "sound" and known.queues["sound_packets"] > 0
    trained = alice.wait(protocol.CallStatistics, lambda event: event.codec_counters.training_steps > 0, seconds=80)
    assert trained.sends == "sound"
    after = len(alice.events)
    type_there_and_back(alice, call)
    steps = trained.codec_counters.training_steps
    alice.wait(protocol.CallStatistics, lambda event: event.codec_counters.training_steps > steps, seconds=60, after=after)


def test_a_phone_that_never_takes_sound_gets_tokens(make_phone: MakePhone, speech: Path) -> None:
    alice, bob = make_phone("alice", phv=AUTO), make_phone("bob", phv=Phv(wait="quick", sound="never"))
    ready(alice, bob)
    bob.client.request(protocol.AutoAnswer())
    call = alice.call(bob.uri, wav_in=speech)
    media = alice.wait_media(call)
    assert media.codec == "x-phv" and media.fmtp_remote and "sound" not in media.fmtp_remote
    heard = bob.wait(protocol.CallStatistics, lambda event: event.codec_counters.tokens_received > 5, seconds=60)
    assert heard.sends == "" and "sound_not_agreed" not in heard.queues
