"""A call that is answered automatically after it rang for a while."""

from collections.abc import Callable
from pathlib import Path

from softphone.config import Account, Audio, Calls, Codecs, Config, Network
from softphone.control.protocol import Answer, AutoAnswer, CallState, Hangup, Status
from tests.phones.phone import Phone

MakePhone = Callable[..., Phone]


def seconds_of_ringing(caller: Phone, call: int) -> float:
    """By the caller's events."""
    rang = caller.wait(CallState, lambda event: event.call == call and event.state == "early")
    up = caller.wait(CallState, lambda event: event.call == call and event.state == "confirmed")
    return up.monotonic - rang.monotonic


def test_it_rings_for_as_long_as_the_command_says(make_phone: MakePhone) -> None:
    alice, bob = make_phone("alice", codecs=("PCMU",)), make_phone("bob", codecs=("PCMU",))
    bob.client.request(AutoAnswer(after_s=2))
    # The engine looks once a second.
    assert 1.5 < seconds_of_ringing(alice, alice.call(bob.uri)) < 8
    counts = bob.wait(CallState, lambda event: event.call == 1 and event.answered_in_s is not None)
    assert counts.answered_in_s is not None and 1 < counts.answered_in_s <= 2
    assert bob.wait_state(1, "confirmed").answered_in_s is None
    alice.client.request(Hangup())
    bob.wait_state(1, "disconnected")
    # What is refused, answered by hand, or no longer to be answered while it rings stays so.
    refused = alice.call(bob.uri)
    bob.wait_state(2, "incoming")
    bob.client.request(Hangup(call=2))
    alice.wait_state(refused, "disconnected")
    taken = alice.call(bob.uri)
    bob.wait_state(3, "incoming")
    bob.client.request(Answer(call=3))
    alice.wait_state(taken, "confirmed")
    alice.client.request(Hangup())
    bob.wait_state(3, "disconnected")
    bob.client.request(AutoAnswer(after_s=1))
    left = alice.call(bob.uri)
    bob.wait_state(4, "incoming")
    bob.wait(CallState, lambda event: event.call == 4 and event.answered_in_s is not None)
    told = len(bob.events)
    bob.client.request(AutoAnswer(on=False))
    assert bob.wait(CallState, lambda event: event.call == 4 and event.answered_in_s is None, after=told)
    bob.client.request(AutoAnswer(after_s=0))
    # A call that is answered at once, after the one that was to be answered then.
    assert seconds_of_ringing_or_none(alice, alice.call(bob.uri)) is None
    alice.wait_state(left, "early")


def seconds_of_ringing_or_none(caller: Phone, call: int) -> float | None:
    """None where it was answered without ringing."""
    caller.wait_state(call, "confirmed")
    states = [event.state for event in caller.events if isinstance(event, CallState) and event.call == call]
    return seconds_of_ringing(caller, call) if "early" in states else None


def test_an_account_s_calls_ring_as_long_as_configured_and_are_not_answered_into_another_call(
    tmp_path: Path, make_phone: MakePhone
) -> None:
    alice, carol = make_phone("alice", codecs=("PCMU",)), make_phone("carol", codecs=("PCMU",))
    (tmp_path / "bob").mkdir()
    config = Config(
        account=Account(id="sip:bob@127.0.0.1:9", registrar="sip:127.0.0.1:9", auto_answer=True),
        calls=Calls(auto_answer_seconds=2),
        network=Network(bind="127.0.0.1"),
        audio=Audio("null", "null"),
        codecs=Codecs(("PCMU",)),
    )
    bob = Phone(tmp_path / "bob", config)
    bob.start()
    try:
        to_account = f"sip:bob@{bob.uri.rpartition('@')[2]}"
        first = alice.call(to_account)
        assert 1.5 < seconds_of_ringing(alice, first) < 8
        second = carol.call(to_account)
        carol.wait_state(second, "early")
        assert bob.wait(CallState, lambda event: event.state == "incoming" and event.call == 2).waiting
        # It goes on ringing while a third call rings for the whole time and is answered.
        alice.client.request(Hangup(call=first))
        alice.wait_state(first, "disconnected")
        third = alice.call(to_account)
        assert seconds_of_ringing(alice, third) > 1.5
        assert {entry.call: entry.state for entry in bob.client.request(Status()).calls} == {2: "early", 3: "confirmed"}
    finally:
        bob.stop()
