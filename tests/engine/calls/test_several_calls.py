"""Several calls of one phone: waiting and swap, transfer, conference, do not disturb, codecs and rules per call."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from softphone.control import protocol
from softphone.store.contacts import Address, Contact
from softphone.store.store import open_store
from tests.peers.sockets.callee import Callee
from tests.phones.phone import Phone
from tests.tones import HEARD_DB, SILENCE_DB, wait_levels, write_tone

MakePhone = Callable[..., Phone]
Level = Callable[[float], float]
ALICE, BOB, CAROL = 500, 700, 1100


def only(*hertz: int) -> Callable[[Level], bool]:
    """These of the three voices are heard, and no other."""
    return lambda level: all((level(tone) > HEARD_DB) if tone in hertz else (level(tone) < SILENCE_DB) for tone in (ALICE, BOB, CAROL))


@pytest.fixture
def three(make_phone: MakePhone, tmp_path: Path) -> tuple[Phone, Phone, Phone]:
    """alice, bob and carol on PCMU. bob and carol answer at once, send their tones, and write what they hear in call n to bob-n.wav."""
    phones = tuple(make_phone(name, codecs=("PCMU",)) for name in ("alice", "bob", "carol"))
    for phone, hertz in zip(phones[1:], (BOB, CAROL), strict=True):
        phone.client.request(
            protocol.AutoAnswer(
                wav_in=str(write_tone(tmp_path / f"{hertz}.wav", hertz)), wav_out=str(tmp_path / f"{phone.folder.name}-{{call}}.wav")
            )
        )
    write_tone(tmp_path / "alice.wav", ALICE)
    return phones  # type: ignore[return-value]


def dial(alice: Phone, other: Phone, tmp_path: Path) -> int:
    """alice calls and is heard; what she hears grows in alice-<call>.wav."""
    call = alice.call(other.uri, wav_in=tmp_path / "alice.wav", wav_out=tmp_path / f"alice-{other.folder.name}.wav")
    alice.wait_state(call, "confirmed")
    wait_levels(tmp_path / f"{other.folder.name}-1.wav", only(ALICE))
    return call


def wait_media_state(phone: Phone, call: int, state: str, after: int = 0) -> protocol.Media:
    return phone.wait(protocol.Media, lambda event: event.call == call and event.state == state, after=after)


def test_dialling_a_second_call_holds_the_first_and_resume_swaps(three: tuple[Phone, Phone, Phone], tmp_path: Path) -> None:
    alice, bob, _carol = three
    first = dial(alice, bob, tmp_path)
    second = dial(alice, three[2], tmp_path)
    wait_media_state(alice, first, "held")
    wait_media_state(bob, 1, "held_by_remote")
    wait_levels(tmp_path / "bob-1.wav", only())
    wait_levels(tmp_path / "alice-carol.wav", only(CAROL))
    after = len(alice.events)
    alice.client.request(protocol.Resume(call=first))
    wait_media_state(alice, second, "held", after)
    wait_levels(tmp_path / "bob-1.wav", only(ALICE))
    wait_levels(tmp_path / "carol-1.wav", only())
    status = alice.client.request(protocol.Status())
    assert {entry.call: entry.state for entry in status.media} == {first: "active", second: "held"}


def test_a_call_waits_and_answering_it_holds_the_first(three: tuple[Phone, Phone, Phone], tmp_path: Path) -> None:
    alice, bob, carol = three
    first = dial(alice, bob, tmp_path)
    carol.client.request(protocol.AutoAnswer(on=False))
    his = carol.call(alice.uri, wav_in=tmp_path / f"{CAROL}.wav", wav_out=tmp_path / "carol.wav")
    waiting = alice.wait(protocol.CallState, lambda event: event.state == "incoming")
    assert waiting.waiting
    carol.wait_state(his, "early")
    wait_levels(tmp_path / "bob-1.wav", only(ALICE))
    alice.client.request(protocol.Answer(call=waiting.call, wav_in=str(tmp_path / "alice.wav"), wav_out=str(tmp_path / "waited.wav")))
    wait_media_state(bob, 1, "held_by_remote")
    wait_levels(tmp_path / "waited.wav", only(CAROL))
    wait_levels(tmp_path / "carol.wav", only(ALICE))
    alice.client.request(protocol.Hangup(call=waiting.call))
    carol.wait_state(his, "disconnected")
    alice.client.request(protocol.Resume(call=first))
    wait_levels(tmp_path / "bob-1.wav", only(ALICE))
    # What waits is no longer waiting once the other call is over.
    again = carol.call(alice.uri)
    incoming = alice.wait(protocol.CallState, lambda event: event.state == "incoming" and event.call > waiting.call)
    assert incoming.waiting
    after = len(alice.events)
    alice.client.request(protocol.Hangup(call=first))
    alice.wait(protocol.CallState, lambda event: event.call == incoming.call and not event.waiting, after=after)
    carol.client.request(protocol.Hangup(call=again))


def test_do_not_disturb_refuses_with_486(three: tuple[Phone, Phone, Phone]) -> None:
    alice, bob, _ = three
    bob.client.request(protocol.DoNotDisturb())
    assert bob.client.request(protocol.Status()).do_not_disturb
    call = alice.call(bob.uri)
    assert alice.wait_state(call, "disconnected").code == 486
    bob.wait_state(1, "disconnected")
    assert [event.state for event in bob.events if isinstance(event, protocol.CallState)] == ["incoming", "disconnected"]
    bob.client.request(protocol.DoNotDisturb(on=False))
    alice.wait_state(alice.call(bob.uri), "confirmed")


def test_blind_transfer(three: tuple[Phone, Phone, Phone], tmp_path: Path) -> None:
    alice, bob, carol = three
    first = dial(alice, bob, tmp_path)
    carol.client.request(protocol.DoNotDisturb())
    alice.client.request(protocol.TransferCall(call=first, uri=carol.uri))
    assert "486" in alice.wait(protocol.Transfer, lambda event: event.state == "failed").reason
    tried = bob.wait(protocol.Transfer, lambda event: event.state == "incoming")
    assert tried.new_call and bob.wait_state(tried.new_call, "disconnected").code == 486
    wait_levels(tmp_path / "bob-1.wav", only(ALICE))
    carol.client.request(protocol.DoNotDisturb(on=False))
    after, his_after = len(alice.events), len(bob.events)
    alice.client.request(protocol.TransferCall(call=first, uri=carol.uri))
    moved = bob.wait(protocol.Transfer, lambda event: event.state == "incoming", after=his_after)
    assert moved.call == 1 and moved.new_call
    assert alice.wait(protocol.Transfer, lambda event: event.state == "done", after=after).code == 200
    states = [event.state for event in alice.events[after:] if isinstance(event, protocol.Transfer)]
    assert states[0] == "accepted" and states[-1] == "done"
    assert alice.wait_state(first, "disconnected").reason == "transferred"
    bob.wait_state(1, "disconnected")
    bob.wait_state(moved.new_call, "confirmed")
    # He speaks through his microphone now, which is not there; carol's tone arrives at him all the same.
    assert bob.wait_media(moved.new_call).codec == "PCMU"
    bob.client.request(protocol.SendDtmf(call=moved.new_call, digits="7"))
    assert len(bob.client.request(protocol.Status()).calls) == 1
    with pytest.raises(protocol.ControlError, match="give one of the two"):
        bob.client.request(protocol.TransferCall(call=moved.new_call))
    with pytest.raises(protocol.ControlError, match="to itself"):
        bob.client.request(protocol.TransferCall(call=moved.new_call, other=moved.new_call))


def test_attended_transfer(three: tuple[Phone, Phone, Phone], tmp_path: Path) -> None:
    alice, bob, carol = three
    first = dial(alice, bob, tmp_path)
    second = dial(alice, carol, tmp_path)
    alice.client.request(protocol.TransferCall(call=first, other=second))
    moved = bob.wait(protocol.Transfer, lambda event: event.state == "incoming")
    replaced = carol.wait(protocol.Transfer, lambda event: event.state == "incoming")
    assert moved.new_call and replaced.call == 1 and replaced.new_call
    alice.wait(protocol.Transfer, lambda event: event.state == "done")
    assert alice.wait_state(first, "disconnected").reason == "transferred"
    alice.wait_state(second, "disconnected")
    bob.wait_state(moved.new_call, "confirmed")
    taken = carol.wait_state(replaced.new_call, "confirmed")
    assert taken.direction == "incoming"
    assert carol.wait_state(1, "disconnected").reason == f"goes on as call {replaced.new_call}"
    bob.client.request(protocol.SendDtmf(call=moved.new_call, digits="3"))
    carol.client.request(protocol.Hangup(call=replaced.new_call))
    bob.wait_state(moved.new_call, "disconnected")
    bob.wait_state(1, "disconnected")
    assert not [*bob.client.request(protocol.Status()).calls, *carol.client.request(protocol.Status()).calls]


def test_in_a_conference_each_hears_both_others(three: tuple[Phone, Phone, Phone], tmp_path: Path) -> None:
    alice, bob, carol = three
    first, second = dial(alice, bob, tmp_path), dial(alice, carol, tmp_path)
    alice.client.request(protocol.Conference(calls=[first, second]))
    wait_levels(tmp_path / "bob-1.wav", only(ALICE, CAROL))
    wait_levels(tmp_path / "carol-1.wav", only(ALICE, BOB))
    wait_levels(tmp_path / "alice-bob.wav", only(BOB))
    wait_levels(tmp_path / "alice-carol.wav", only(CAROL))
    for call in (first, second):
        alice.wait(protocol.CallState, lambda event, call=call: event.call == call and event.conference)  # type: ignore[misc]
    # Who is put on hold leaves; the others go on.
    after = len(alice.events)
    alice.client.request(protocol.Hold(call=first))
    wait_levels(tmp_path / "bob-1.wav", only())
    wait_levels(tmp_path / "carol-1.wav", only(ALICE))
    for call in (first, second):
        alice.wait(protocol.CallState, lambda event, call=call: event.call == call and not event.conference, after=after)  # type: ignore[misc]
    alice.client.request(protocol.Conference(calls=[second, first]))
    wait_levels(tmp_path / "bob-1.wav", only(ALICE, CAROL))
    # A stranger's hold and resume leaves the mix as it was.
    after = len(alice.events)
    bob.client.request(protocol.Hold(call=1))
    wait_media_state(alice, first, "held_by_remote", after)
    wait_levels(tmp_path / "carol-1.wav", only(ALICE))
    bob.client.request(protocol.Resume(call=1))
    wait_levels(tmp_path / "carol-1.wav", only(ALICE, BOB))
    wait_levels(tmp_path / "bob-1.wav", only(ALICE, CAROL))
    # The end of the conference leaves one to talk to.
    alice.client.request(protocol.Conference(calls=[first]))
    wait_levels(tmp_path / "bob-1.wav", only(ALICE))
    wait_levels(tmp_path / "carol-1.wav", only())
    alice.client.request(protocol.Conference(calls=[first, second]))
    wait_levels(tmp_path / "carol-1.wav", only(ALICE, BOB))
    bob.client.request(protocol.Hangup())
    wait_levels(tmp_path / "carol-1.wav", only(ALICE))
    assert not alice.wait(protocol.CallState, lambda event: event.call == second, after=len(alice.events)).conference


def test_codecs_of_one_call(make_phone: MakePhone) -> None:
    alice, bob = make_phone("alice", codecs=("opus", "PCMU", "PCMA")), make_phone("bob", codecs=("opus", "PCMU", "PCMA"))
    bob.client.request(protocol.AutoAnswer())
    for codecs, expected in ((["PCMA", "opus"], "PCMA"), (None, "opus"), (["PCMU"], "PCMU"), (["x-phv", "opus"], "opus")):
        call = alice.client.request(protocol.Call(uri=bob.uri, codecs=codecs)).call
        media = alice.wait_media(call)
        assert media.codec == expected
        # Hold and resume leave it at that.
        after = len(alice.events)
        alice.wait_state(call, "confirmed")
        alice.client.request(protocol.Hold(call=call))
        wait_media_state(alice, call, "held", after)
        alice.client.request(protocol.Resume(call=call))
        assert wait_media_state(alice, call, "active", after).codec == expected
        alice.client.request(protocol.Hangup())
        alice.wait_state(call, "disconnected")
    with pytest.raises(protocol.ControlError, match=r"none of the codecs for this call \(x-phv\)"):
        alice.client.request(protocol.Call(uri=bob.uri, codecs=["x-phv"]))


def test_a_contact_is_answered_at_once_on_its_codecs_but_not_into_another_call(make_phone: MakePhone) -> None:
    alice, bob = make_phone("alice", codecs=("PCMU", "PCMA")), make_phone("bob", codecs=("PCMU", "PCMA"))
    stranger = alice.call(bob.uri)
    alice.wait_state(stranger, "early")
    alice.client.request(protocol.Hangup())
    store = open_store(bob.folder / "data" / "softphone" / "phone.db")
    store.contacts.add(Contact("Alice", (Address("sip:softphone@127.0.0.1"),), auto_answer=True, codecs=("PCMA", "PCMU")))
    store.close()
    for _ in range(20):  # the engine looks for changes each second
        known = alice.call(bob.uri)
        answered = alice.wait(protocol.CallState, lambda event, call=known: event.call == call and event.state in ("early", "confirmed"))  # type: ignore[misc]
        if answered.state == "confirmed":
            break
        alice.client.request(protocol.Hangup(call=known))
        alice.wait_state(known, "disconnected")
    assert alice.wait_media(known).codec == "PCMA", "though PCMU was offered first"
    second = alice.call(bob.uri)
    alice.wait_state(second, "early")
    alice.client.request(protocol.Hangup())
    alice.wait_state(known, "disconnected")
    alice.client.request(protocol.AutoAnswer())
    back = bob.call(alice.uri)
    assert bob.wait_media(back).codec == "PCMA"


def test_what_the_sdp_says_of_hold_and_codecs(make_phone: MakePhone, tmp_path: Path) -> None:
    alice = make_phone("alice", codecs=("opus", "PCMU", "PCMA"))
    peer = Callee("m=audio PORT RTP/AVP 8\na=rtpmap:8 PCMA/8000")
    peer.start()
    try:
        call = alice.client.request(protocol.Call(uri=peer.uri, codecs=["PCMA", "PCMU"])).call
        alice.wait_state(call, "confirmed")
        offers = [peer.offer]
        for command, state in ((protocol.Hold(call=call), "held"), (protocol.Resume(call=call), "active")):
            after = len(alice.events)
            alice.client.request(command)
            wait_media_state(alice, call, state, after)
            offers.append(peer.offer)
        for offer, direction in zip(offers, ("sendrecv", "sendonly", "sendrecv"), strict=True):
            # sendrecv is what is meant without a word (RFC 8866, 6.7).
            assert re.findall(r"a=(send\w+|recvonly|inactive)\r", offer) == ([] if direction == "sendrecv" else [direction])
            assert "telephone-event" in offer
        static = {"0": "PCMU", "8": "PCMA"}
        names = [static | dict(re.findall(r"a=rtpmap:(\d+) ([\w-]+)/", offer)) for offer in offers]
        listed = [re.findall(r"\d+", line) for line in (re.findall(r"m=audio \d+ \S+ ([\d ]+)", offer)[0] for offer in offers)]
        codecs = [list(dict.fromkeys(name[number] for number in numbers)) for name, numbers in zip(names, listed, strict=True)]
        assert codecs == [["PCMA", "PCMU", "telephone-event"], *[["PCMA", "telephone-event"]] * 2], "hold changes nothing else"
        assert re.search(r"m=audio \d+ RTP/AVP 8 0 \d", offers[0]), "in the order of this call"
        alice.client.request(protocol.Hangup())
    finally:
        peer.stop()
