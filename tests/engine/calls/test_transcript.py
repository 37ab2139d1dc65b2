"""The words of a call between two engines, written down at one of them after the other side was told."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from softphone.control.protocol import AutoAnswer, CallState, CallStatistics, ControlError, Hangup, Phones, Say, Subscribe, Transcribe
from tests.phones.phone import Phone

pytestmark = pytest.mark.alone

MakePhone = Callable[..., Phone]
OURS, THEIRS = "Please call me back on Sunday.", "The station is over there."


def _lines(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in path.read_text().splitlines():
        if line.startswith("["):
            who, _, words = line.partition("] ")[2].partition(": ")
            found[who] = f"{found.get(who, '')} {words}".strip()
    return found


def test_both_sides_are_written_down_in_words_after_a_notice(make_phone: MakePhone) -> None:
    alice, bob = make_phone("alice"), make_phone("bob")
    alice.wait_worker()
    bob.wait_worker()
    bob.client.request(AutoAnswer())
    bob.client.request(Subscribe(events=["phones", "call_state", "media", "statistics"]))
    call = alice.call(bob.uri)
    assert alice.wait_media(call).codec == "x-phv"
    alice.wait_state(call, "confirmed")
    bob_call = bob.wait(CallState, lambda event: event.state == "confirmed").call
    alice.wait(CallStatistics, lambda event: event.seconds > 0.5, seconds=60)
    path = Path(alice.client.request(Transcribe(call=call)).path)
    assert alice.wait(CallState, lambda event: bool(event.transcript)).transcript == str(path)
    notice = bob.wait(Phones, lambda event: any(phone.label == "K" for phone in event.rx), seconds=60)
    assert notice, "This call is being transcribed"
    alice.client.request(Say(call=call, text=OURS))
    bob.client.request(Say(call=bob_call, text=THEIRS))
    deadline = time.monotonic() + 60
    while "over there" not in _lines(path).get("them", "") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert OURS in _lines(path)["me, typed"]
    assert _lines(path)["them"] == "the station is over there"
    assert "me" not in _lines(path), "the sounds of typed text are not written a second time"
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
    alice.client.request(Transcribe(call=call, on=False))
    before = path.read_text()
    alice.client.request(Say(call=call, text="Not this."))
    alice.client.request(Hangup(call=call))
    alice.wait_state(call, "disconnected")
    assert path.read_text() == before


def test_a_call_without_words_is_not_transcribed(make_phone: MakePhone) -> None:
    alice, bob = make_phone("alice"), make_phone("bob", codecs=("PCMU",))
    bob.client.request(AutoAnswer())
    call = alice.call(bob.uri)
    alice.wait_media(call)
    alice.wait_state(call, "confirmed")
    with pytest.raises(ControlError, match="not on x-phv: only that codec carries the words"):
        alice.client.request(Transcribe(call=call))
