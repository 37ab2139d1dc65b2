"""What two real engines write into their histories, and what becomes of it when one is killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from softphone.control.protocol import Answer, CallState, DoNotDisturb, Hangup, Log, Message, MessageSent, SendMessage, Status
from softphone.store.contacts import Address, Contact
from softphone.store.history import CallRecord
from softphone.store.store import Store
from tests.phones.phone import Phone


def wait_for(store: Store, wanted: Callable[[list[CallRecord]], bool], seconds: float = 30) -> list[CallRecord]:
    deadline = time.monotonic() + seconds
    while not wanted(calls := store.history.calls()):
        assert time.monotonic() < deadline, calls
        time.sleep(0.05)
    return calls


def over(count: int) -> Callable[[list[CallRecord]], bool]:
    return lambda calls: len(calls) == count and all(call.outcome != "open" for call in calls)


def incoming(phone: Phone) -> int:
    return phone.wait(CallState, lambda event: event.state == "incoming", after=len(phone.events)).call


def test_calls_taken_refused_and_missed(make_phone: Callable[..., Phone]) -> None:
    alice, bob = make_phone("alice", ("PCMU",)), make_phone("bob", ("PCMU",))
    call = alice.call(bob.uri)
    theirs = incoming(bob)
    bob.client.request(Answer(call=theirs))
    alice.wait_media(call)
    alice.client.request(Hangup(call=call))
    ended = alice.wait_state(call, "disconnected")
    bob.wait_state(theirs, "disconnected")

    call = alice.call(bob.uri)
    bob.client.request(Hangup(call=incoming(bob), code=603))
    alice.wait_state(call, "disconnected")

    call = alice.call(bob.uri)
    theirs = incoming(bob)
    alice.client.request(Hangup(call=call))
    bob.wait_state(theirs, "disconnected")

    made = wait_for(alice.store(), over(3))
    assert [call.outcome for call in made] == ["unanswered", "unanswered", "answered"]
    assert all(call.direction == "outgoing" and call.remote == bob.uri and call.seen for call in made)
    assert made[1].code == 603 and made[2].codec == "PCMU" and made[2].answered is not None and made[2].duration_s == ended.duration_s
    store = bob.store()
    taken = wait_for(store, over(3))
    assert [call.outcome for call in taken] == ["missed", "refused", "answered"]
    assert [call.seen for call in taken] == [False, True, True] and store.history.unseen() == 1
    redial = alice.store().history.redial()
    assert redial is not None and redial.remote == bob.uri


def test_an_engine_killed_in_a_call_leaves_it_to_the_next(make_phone: Callable[..., Phone]) -> None:
    alice, bob = make_phone("alice", ("PCMU",)), make_phone("bob", ("PCMU",))
    alice.call(bob.uri)
    bob.client.request(Answer(call=incoming(bob)))
    store = bob.store()
    wait_for(store, lambda calls: bool(calls) and calls[0].answered is not None)
    os.kill(bob.client.request(Status()).pid, signal.SIGKILL)
    bob.stop()
    assert store.history.calls()[0].outcome == "open"
    bob.start()
    call = wait_for(store, over(1))[0]
    assert call.outcome == "answered" and "ended in the middle" in call.reason


def test_a_damaged_file_is_told_and_calls_go_on(make_phone: Callable[..., Phone]) -> None:
    alice, bob = make_phone("alice", ("PCMU",)), make_phone("bob", ("PCMU",))
    store = bob.store()
    store.contacts.add(Contact("Alice", (Address("sip:alice@example.org"),)))
    file = store.database.path
    store.close()
    bob.stop()
    file.write_bytes(b"not a database" * 1000)
    bob.events.clear()
    bob.start()
    note = bob.wait(Log, lambda event: "was damaged" in event.message)
    assert str(file) in note.message and len(list(file.parent.glob("phone.db.damaged-*"))) == 1
    alice.call(bob.uri)
    bob.client.request(Hangup(call=incoming(bob), code=486))
    assert wait_for(store, over(1))[0].outcome == "refused"
    # A front end that comes later is told too.
    assert bob.client.request(Status()).history == note.message


def test_messages_do_not_disturb_and_rules_of_contacts(make_phone: Callable[..., Phone]) -> None:
    alice, bob = make_phone("alice", ("PCMU",)), make_phone("bob", ("PCMU",))
    store = bob.store()
    sent = alice.client.request(SendMessage(uri=bob.uri, text="hello\nBob")).message
    alice.wait(MessageSent, lambda event: event.message == sent)
    bob.wait(Message)
    bob.client.request(DoNotDisturb())
    alice.wait_state(alice.call(bob.uri), "disconnected")
    (call,) = wait_for(store, over(1))
    assert (call.outcome, call.seen, call.code) == ("missed", False, 486)
    bob.client.request(DoNotDisturb(on=False))
    (theirs,) = alice.store().messages.with_peer(bob.uri)
    (mine,) = store.messages.with_peer(call.remote)
    assert (theirs.text, theirs.state, theirs.direction) == ("hello\nBob", "delivered", "outgoing")
    assert (mine.text, mine.state, mine.seen) == ("hello\nBob", "received", False)
    # Whoever calls from this machine is answered at once: the engine sees what a front end wrote, within a second or so.
    store.contacts.add(Contact("Alice", (Address("sip:127.0.0.1"),), auto_answer=True))
    deadline = time.monotonic() + 30
    while True:
        number = alice.call(bob.uri)
        state = alice.wait(CallState, lambda event, n=number: event.call == n and event.state in ("early", "confirmed"))  # type: ignore[misc]
        alice.client.request(Hangup(call=number))
        alice.wait_state(number, "disconnected")
        if state.state == "confirmed":
            break
        assert time.monotonic() < deadline


def test_nothing_is_remembered_where_that_is_wanted(make_phone: Callable[..., Phone]) -> None:
    alice, bob = make_phone("alice", ("PCMU",)), make_phone("bob", ("PCMU",))
    bob.stop()
    text = bob.config_file.read_text()
    assert "history = true" in text
    bob.config_file.write_text(text.replace("history = true", "history = false"))
    bob.events.clear()
    bob.start()
    call = alice.call(bob.uri)
    bob.client.request(Hangup(call=incoming(bob)))
    alice.wait_state(call, "disconnected")
    wait_for(alice.store(), over(1))
    bob.stop()
    assert bob.store().history.calls() == []
