"""What people do with calls that are up: hold, mute, keys, recordings; two or three engines as processes, told apart by tones."""

from collections.abc import Callable
from pathlib import Path

import pytest

from softphone.control.protocol import (
    AutoAnswer,
    CallState,
    ControlError,
    Dtmf,
    Hangup,
    Hold,
    Log,
    Media,
    Mute,
    Play,
    Record,
    Resume,
    SendDtmf,
)
from tests.phones.phone import Phone
from tests.tones import HEARD_DB, SILENCE_DB, read_growing, tone_db, wait_levels, write_tone

MakePhone = Callable[..., Phone]
ALICE, BOB, PLAYED, NOTICE = 500, 700, 1100, 1400


def heard(hertz: float) -> Callable[[Callable[[float], float]], bool]:
    return lambda level: level(hertz) > HEARD_DB


def silent(hertz: float) -> Callable[[Callable[[float], float]], bool]:
    return lambda level: level(hertz) < SILENCE_DB


def wait_media_state(phone: Phone, call: int, state: str, after: int) -> Media:
    return phone.wait(Media, lambda event: event.call == call and event.state == state, after=after)


@pytest.fixture
def talk(make_phone: MakePhone, tmp_path: Path) -> Callable[..., tuple[Phone, int, Phone, int]]:
    """`talk(codec)`: (alice, her call, bob, his call); each sends a tone, and what each hears grows in alice.wav and bob.wav."""

    def make(codec: str = "PCMU") -> tuple[Phone, int, Phone, int]:
        alice, bob = make_phone("alice", codecs=(codec,)), make_phone("bob", codecs=(codec,))
        bob.client.request(AutoAnswer(wav_in=str(write_tone(tmp_path / "700.wav", BOB)), wav_out=str(tmp_path / "bob.wav")))
        call = alice.call(bob.uri, wav_in=write_tone(tmp_path / "500.wav", ALICE), wav_out=tmp_path / "alice.wav")
        alice.wait_state(call, "confirmed")
        his = bob.wait(CallState, lambda event: event.state == "confirmed").call
        wait_levels(tmp_path / "alice.wav", heard(BOB))
        wait_levels(tmp_path / "bob.wav", heard(ALICE))
        return alice, call, bob, his

    return make


def test_hold_and_resume_from_both_sides(talk: Callable[..., tuple[Phone, int, Phone, int]], tmp_path: Path) -> None:
    alice, hers, bob, his = talk()
    for phone, call, other, others, own_tone, file, other_file in (
        (alice, hers, bob, his, ALICE, tmp_path / "alice.wav", tmp_path / "bob.wav"),
        (bob, his, alice, hers, BOB, tmp_path / "bob.wav", tmp_path / "alice.wav"),
    ):
        marks = len(phone.events), len(other.events)
        phone.client.request(Hold(call=call))
        assert wait_media_state(phone, call, "held", marks[0]).codec == "PCMU"
        wait_media_state(other, others, "held_by_remote", marks[1])
        wait_levels(other_file, silent(own_tone))
        before = len(read_growing(file))
        wait_levels(other_file, silent(own_tone))
        assert len(read_growing(file)) - before < 4000, "who holds hears nothing"
        phone.client.request(Resume(call=call))
        wait_media_state(phone, call, "active", marks[0])
        wait_media_state(other, others, "active", marks[1])
        wait_levels(other_file, heard(own_tone))
        wait_levels(file, heard(ALICE + BOB - own_tone))


def test_both_hold_at_the_same_moment(talk: Callable[..., tuple[Phone, int, Phone, int]], tmp_path: Path) -> None:
    alice, hers, bob, his = talk()
    marks = len(alice.events), len(bob.events)
    alice.client.request(Hold(call=hers))
    bob.client.request(Hold(call=his))
    wait_media_state(alice, hers, "held", marks[0])
    wait_media_state(bob, his, "held", marks[1])
    marks = len(alice.events), len(bob.events)
    alice.client.request(Resume(call=hers))
    wait_media_state(alice, hers, "held_by_remote", marks[0])
    bob.client.request(Resume(call=his))
    wait_media_state(alice, hers, "active", marks[0])
    wait_levels(tmp_path / "alice.wav", heard(BOB))
    wait_levels(tmp_path / "bob.wav", heard(ALICE))
    # A wish that changes before it is answered.
    marks = len(alice.events), len(bob.events)
    for command in (Hold(call=hers), Resume(call=hers), Hold(call=hers), Resume(call=hers), Hold(call=hers)):
        alice.client.request(command)
    wait_media_state(bob, his, "held_by_remote", marks[1])
    alice.client.request(Resume(call=hers))
    wait_levels(tmp_path / "bob.wav", heard(ALICE))
    wait_levels(tmp_path / "alice.wav", heard(BOB))


def test_mute_silences_the_microphone_but_not_what_is_played(talk: Callable[..., tuple[Phone, int, Phone, int]], tmp_path: Path) -> None:
    alice, call, _bob, _ = talk()
    alice.client.request(Mute(call=call))
    assert alice.wait(CallState, lambda event: event.muted).state == "confirmed"
    wait_levels(tmp_path / "bob.wav", silent(ALICE))
    wait_levels(tmp_path / "alice.wav", heard(BOB))
    alice.client.request(Play(call=call, wav=str(write_tone(tmp_path / "played.wav", PLAYED, 4))))
    wait_levels(tmp_path / "bob.wav", heard(PLAYED))
    alice.client.request(Mute(call=call, on=False))
    assert not alice.wait(CallState, lambda event: event.call == call, after=len(alice.events)).muted


@pytest.mark.parametrize("codec", ["PCMU", "opus"])
def test_keys_arrive_in_order_by_both_methods(codec: str, talk: Callable[..., tuple[Phone, int, Phone, int]]) -> None:
    alice, hers, bob, his = talk(codec)
    for sender, call, receiver, received in ((alice, hers, bob, his), (bob, his, alice, hers)):
        for method, digits in (("rfc4733", "15,5*#D"), ("info", "90,ab")):
            after = len(receiver.events)
            sender.client.request(SendDtmf(call=call, digits=digits, method=method))
            wanted = digits.replace(",", "").upper()
            keys: list[Dtmf] = []
            while len(keys) < len(wanted):
                keys.append(receiver.wait(Dtmf, lambda event: event not in keys, after=after))  # noqa: B023
            assert "".join(key.digit for key in keys) == wanted
            assert {(key.call, key.method) for key in keys} == {(received, method)}
            pause = digits.index(",")
            assert keys[pause].monotonic - keys[pause - 1].monotonic > 0.5


def test_a_recording_holds_both_directions_and_both_ends_hear_that_it_begins(
    talk: Callable[..., tuple[Phone, int, Phone, int]], tmp_path: Path
) -> None:
    alice, call, _bob, _ = talk()
    both = tmp_path / "both.wav"
    before = len(read_growing(tmp_path / "bob.wav"))
    alice.client.request(Record(call=call, wav=str(both), both=True))
    assert alice.wait(CallState, lambda event: event.recording != "").recording == str(both)
    wait_levels(both, lambda level: level(ALICE) > HEARD_DB and level(BOB) > HEARD_DB)
    alice.client.request(Hold(call=call))
    alice.client.request(Resume(call=call))
    wait_levels(both, lambda level: level(ALICE) > HEARD_DB and level(BOB) > HEARD_DB)
    assert max(tone_db(part, NOTICE) for part in pieces(read_growing(both))) > HEARD_DB
    assert max(tone_db(part, NOTICE) for part in pieces(read_growing(tmp_path / "bob.wav")[before:])) > HEARD_DB
    alice.client.request(Record(call=call))
    assert alice.wait_file(call, "recorded").path
    assert not alice.wait(CallState, lambda event: event.call == call, after=len(alice.events)).recording
    alice.client.request(Record(call=call, wav=str(both), both=True))
    alice.client.request(Hangup())
    ended = alice.wait_state(call, "disconnected")
    assert ended.recording == ""
    assert [event.path for event in alice.events if getattr(event, "action", "") == "recorded"].count(str(both)) == 2


def pieces(sound):  # type: ignore[no-untyped-def]
    return [sound[start : start + 4000] for start in range(0, len(sound) - 4000, 2000)]


def test_what_cannot_be_done_is_one_sentence(make_phone: MakePhone, talk: Callable[..., tuple[Phone, int, Phone, int]]) -> None:
    alice, call, bob, _ = talk()
    carol = make_phone("carol", codecs=("PCMU",))
    calling = carol.call(bob.uri.replace("softphone@", "nobody@"))
    wrong = [
        (Hold(call=99), "there is no call 99"),
        (Resume(call=99), "there is no call 99"),
        (Record(call=call, wav="/nowhere/x.wav", both=True), "cannot be written"),
    ]
    for command, words in wrong:
        with pytest.raises(ControlError, match=words):
            alice.client.request(command)
    carol.client.request(Hangup(call=calling))
    assert not [event for event in alice.events if isinstance(event, Log) and event.level == "error"]
