"""Calls and messages as they are kept and shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from softphone.files.errors import StoreError
from softphone.store.history import Outcome
from softphone.store.sqlite import owner
from softphone.store.store import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "phone.db")
    yield store
    store.close()


@pytest.mark.parametrize(
    ("direction", "answered", "refused", "outcome", "seen"),
    [
        ("incoming", 12.0, False, "answered", True),
        ("incoming", None, False, "missed", False),
        ("incoming", None, True, "refused", True),
        ("outgoing", 12.0, True, "answered", True),
        ("outgoing", None, True, "unanswered", True),
        ("outgoing", None, False, "unanswered", True),
    ],
)
def test_what_became_of_a_call(store: Store, direction: str, answered: float | None, refused: bool, outcome: Outcome, seen: bool) -> None:
    number = store.history.begin(direction, '"Ann\x1b[2J" <sip:ann@example.org;x=y>;tag=1', "home", 10.0, "me")  # type: ignore[arg-type]
    call = store.history.get(number)
    assert (call.outcome, call.remote, call.remote_name, call.seen) == ("open", "sip:ann@example.org;x=y", "Ann [2J", True)
    store.history.update(number, answered, "opus")
    assert store.history.end(number, duration_s=3.5, code=487, reason="gone\nhome", refused_here=refused)
    call = store.history.get(number)
    assert (call.outcome, call.seen, call.answered, call.duration_s) == (outcome, seen, answered, 3.5)
    assert (call.codec, call.code, call.reason, call.account, call.started) == ("opus", 487, "gone home", "home", 10.0)
    assert not store.history.end(number, duration_s=9, code=0, reason="again")


def missed(store: Store, remote: str, when: float) -> int:
    number = store.history.begin("incoming", remote, "", when, "me")
    store.history.end(number, duration_s=0, code=487, reason="")
    return number


def test_missed_calls_are_counted_until_they_are_seen(store: Store) -> None:
    numbers = [missed(store, f"sip:{name}@x", when) for when, name in enumerate("abc")]
    assert store.history.unseen() == 3
    store.history.mark_seen(numbers[:1])
    assert store.history.unseen() == 2 and [call.seen for call in store.history.calls()] == [False, False, True]
    store.history.mark_seen()
    assert store.history.unseen() == 0
    assert [call.id for call in store.history.calls(missed_only=True)] == numbers[::-1]


def test_pages_redial_and_forgetting(store: Store) -> None:
    assert store.history.redial() is None and store.history.calls() == []
    numbers = [missed(store, f"sip:{place % 3}@x", float(place // 2)) for place in range(7)]
    dialled = store.history.begin("outgoing", "sip:far@x", "", 2.5, "me")
    redial = store.history.redial()
    assert redial is not None and redial.id == dialled and redial.remote == "sip:far@x"
    pages, last = [], None
    while page := store.history.calls(limit=3, before=last):
        pages += [call.id for call in page]
        last = page[-1].id
    assert pages == [numbers[6], dialled, *reversed(numbers[:6])]
    assert store.history.remotes() == [("sip:0@x", ""), ("sip:far@x", ""), ("sip:2@x", ""), ("sip:1@x", "")]
    assert store.history.remove(numbers[:2]) == 2 and store.history.remove([dialled]) == 0
    assert store.history.remove() == 5 and [call.id for call in store.history.calls()] == [dialled]
    with pytest.raises(StoreError, match="no call"):
        store.history.get(numbers[0])


def test_calls_and_messages_of_engines_that_died_are_settled(store: Store) -> None:
    alive, dead = owner.this_process(), "1:1:not-this-boot"
    assert owner.is_alive(alive) and not owner.is_alive(dead) and not owner.is_alive("") and not owner.is_alive("x:1")
    for name in (alive, dead):
        store.history.begin("incoming", "sip:missed@x", "", 1.0, name)
        answered = store.history.begin("incoming", "sip:taken@x", "", 2.0, name)
        store.history.update(answered, 3.0, "opus")
        store.messages.sending("sip:a@x", "", "hi", 4.0, name)
    assert store.history.end_orphans(owner.is_alive, "cut") == 2
    assert store.messages.fail_orphans(owner.is_alive, "cut") == 1
    assert sorted((call.outcome, call.reason) for call in store.history.calls()) == [
        ("answered", "cut"), ("missed", "cut"), ("open", ""), ("open", "")
    ]  # fmt: skip
    assert [message.state for message in store.messages.with_peer("sip:a@x")] == ["sending", "failed"]
    assert store.history.unseen() == 1


def test_conversations_are_one_per_person(store: Store) -> None:
    messages = store.messages
    messages.received('"Ann" <sip:ann@Example.org:5066;transport=tcp>', "home", "first\nsecond \x1b[0m", 1.0)
    messages.received("sip:bob@example.org", "home", "hello", 2.0)
    answer = messages.sending("sip:ann@example.org", "home", "yes", 3.0, "me")
    assert [(c.peer, c.remote, c.unread, c.last.text) for c in messages.conversations()] == [
        ("ann@example.org", "sip:ann@example.org", 1, "yes"), ("bob@example.org", "sip:bob@example.org", 1, "hello")
    ]  # fmt: skip
    assert [message.text for message in messages.with_peer("sip:ann@example.org;x")] == ["first\nsecond  [0m", "yes"]
    assert messages.with_peer("ann@example.org") == messages.with_peer("sip:ann@EXAMPLE.org")
    assert messages.unseen() == 2
    messages.mark_seen("sip:ann@example.org")
    assert messages.unseen() == 1 and messages.conversations()[0].unread == 0
    messages.sent(answer, False, "nobody there; try later")
    last = messages.conversations()[0].last
    assert (last.state, last.reason, last.direction, last.seen) == ("failed", "nobody there; try later", "outgoing", True)
    messages.sent(answer, True)
    assert messages.conversations()[0].last.state == "delivered"
    assert [message.text for message in messages.with_peer("ann@example.org", limit=1)] == ["yes"]
    assert messages.remove("ann@example.org") == 2 and len(messages.conversations()) == 1


def test_the_newest_are_kept_and_what_is_not_over(store: Store) -> None:
    open_call = store.history.begin("outgoing", "sip:long@x", "", 0.0, "me")
    numbers = [missed(store, "sip:a@x", float(when)) for when in (5, 1, 3, 2, 4)]
    assert store.history.prune(keep=3) == 2
    assert [call.id for call in store.history.calls()] == [numbers[0], numbers[4], numbers[2], open_call]
    assert store.history.prune(keep=3) == 0
    waits = store.messages.sending("sip:a@x", "", "first", 0.0, "me")
    for when in range(1, 5):
        store.messages.received("sip:a@x", "", "hello", float(when))
    assert store.messages.prune(keep=2) == 2
    assert [(message.id == waits, message.time) for message in store.messages.with_peer("sip:a@x")] == [
        (True, 0.0),
        (False, 3.0),
        (False, 4.0),
    ]
