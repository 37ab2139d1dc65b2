"""The engine's memory without an engine: events in, rows out, whatever the disk does."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from softphone.control.protocol import (
    AnyCommand,
    CallState,
    Done,
    Event,
    Hangup,
    Log,
    Media,
    Message,
    MessageSent,
    QueuedMessage,
    SendMessage,
    Status,
)
from softphone.engine import history_writer
from softphone.engine.history_writer import HistoryWriter
from softphone.store.contacts import Address, Contact
from softphone.store.sqlite.rows import KEPT
from softphone.store.store import Store, open_store

BOB = '"Bob" <sip:bob@example.org>'


class Told(list[Event]):
    """What the writer tells the front ends."""

    def sentences(self) -> list[str]:
        return [event.message for event in self if isinstance(event, Log)]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_writer, "LOOK_S", 0.02)
    monkeypatch.setattr(history_writer, "RETRY_S", 0.1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "phone.db"


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def make(file: Path, told: Told) -> Iterator[Callable[..., HistoryWriter]]:
    made: list[HistoryWriter] = []

    def make(**options: Any) -> HistoryWriter:
        writer = HistoryWriter(told.append, path=file, **options)
        made.append(writer)
        writer.start()
        return writer

    yield make
    for writer in made:
        writer.stop(30)


def until(wanted: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not wanted():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def state(call: int, state: str, direction: str = "incoming", **more: Any) -> CallState:
    return CallState(call=call, state=state, direction=direction, remote=BOB, account="home", **more)  # type: ignore[arg-type]


def obeyed(writer: HistoryWriter, command: AnyCommand, result: Struct | None = None) -> None:
    writer.before_command(command)
    writer.after_command(command, result or Done())


def outcomes(store: Store) -> list[tuple[str, str, str]]:
    return [(call.outcome, call.codec, call.reason) for call in reversed(store.history.calls())]


def test_events_become_rows(make: Callable[..., HistoryWriter], file: Path, told: Told) -> None:
    writer = make()
    for event in (
        state(1, "incoming"), state(1, "early"), state(1, "confirmed", time=50.0), Media(call=1, state="active", codec="PCMU"),
        Media(call=1, state="held"), Media(call=1, state="active", codec="x-phv"), state(2, "incoming"), state(3, "incoming"),
        state(4, "calling", "outgoing"), CallState(call=5, state="disconnected", direction="outgoing", reason="no such address"),
        state(4, "disconnected", "outgoing", code=486, reason="busy"), state(3, "disconnected", code=486, reason="do not disturb"),
    ):  # fmt: skip
        writer.take(event)
    obeyed(writer, Hangup(call=2))
    for event in (
        state(2, "disconnected", code=603, reason="you hung up"),
        state(1, "disconnected", code=200, duration_s=7.5, reason="bye"),
    ):
        writer.take(event)
    writer.take(state(6, "incoming"))
    writer.stop(30)
    store = open_store(file)
    assert outcomes(store) == [
        ("answered", "x-phv", "bye"),
        ("refused", "", "you hung up"),
        ("missed", "", "do not disturb"),
        ("unanswered", "", "busy"),
        ("open", "", ""),
    ]
    first = store.history.calls()[-1]
    assert (first.answered, first.duration_s, first.remote, first.remote_name, first.account) == (
        50.0,
        7.5,
        "sip:bob@example.org",
        "Bob",
        "home",
    )
    assert store.history.unseen() == 1 and told == []


def test_hanging_up_everything_refuses_what_rings(make: Callable[..., HistoryWriter], file: Path) -> None:
    writer = make()
    writer.take(state(1, "incoming"))
    obeyed(writer, Hangup())
    writer.take(state(1, "disconnected"))
    writer.stop(30)
    assert outcomes(open_store(file)) == [("refused", "", "")]


def test_messages_of_both_directions(make: Callable[..., HistoryWriter], file: Path) -> None:
    writer = make()
    writer.take(Message(account="home", remote=BOB, text="hi\nthere"))
    obeyed(writer, SendMessage(uri="sip:bob@example.org", text="one", account="home"), QueuedMessage(1))
    obeyed(writer, SendMessage(uri="sip:bob@example.org", text="two"), QueuedMessage(2))
    writer.take(MessageSent(message=3, state="delivered"))  # before its command is over
    obeyed(writer, SendMessage(uri="sip:bob@example.org", text="three"), QueuedMessage(3))
    writer.take(MessageSent(message=1, state="failed", code=404, reason="nobody there"))
    store = open_store(file)
    until(lambda: len(store.messages.with_peer("bob@example.org")) == 4)
    until(lambda: store.messages.with_peer("bob@example.org")[3].state == "delivered")
    assert [(m.text, m.state, m.reason) for m in store.messages.with_peer("bob@example.org")] == [
        ("hi\nthere", "received", ""), ("one", "failed", "nobody there"), ("two", "sending", ""), ("three", "delivered", "")
    ]  # fmt: skip
    writer.before_command(SendMessage(uri="sip:bob@example.org", text="refused, so there is no after"))
    assert len(store.messages.with_peer("bob@example.org")) == 4


def test_nothing_is_kept_where_that_is_wanted_but_contacts_count(make: Callable[..., HistoryWriter], file: Path) -> None:
    store = open_store(file)
    store.contacts.add(Contact("Bob", (Address("sip:bob@example.org"),), auto_answer=True))
    writer = make(keep=False)
    writer.take(state(1, "incoming"))
    writer.take(Message(account="", remote=BOB, text="hi"))
    obeyed(writer, SendMessage(uri="sip:bob@example.org", text="one"), QueuedMessage(1))
    obeyed(writer, Status(), {"x": 1})
    until(lambda: writer.contact_rules(BOB) is not None)
    writer.stop(30)
    assert store.history.calls() == [] and store.messages.conversations() == []


def test_rules_follow_what_front_ends_change(make: Callable[..., HistoryWriter], file: Path) -> None:
    writer = make()
    assert writer.contact_rules(BOB) is None
    store = open_store(file)
    bob = store.contacts.add(Contact("Bob", (Address("sip:bob@example.org"), Address("123")), codecs=("opus",)))
    until(lambda: writer.contact_rules(BOB) is not None)
    rules = writer.contact_rules("sip:123@my.example", ["my.example"])
    assert rules is not None and (rules.name, rules.auto_answer, rules.codecs) == ("Bob", False, ("opus",))
    assert writer.contact_rules("sip:123@my.example") is None and writer.contact_rules("nonsense \x00") is None
    store.contacts.remove(bob.id)
    until(lambda: writer.contact_rules(BOB) is None)


def test_what_cannot_be_written_now_is_said_once_and_written_later(make: Callable[..., HistoryWriter], file: Path, told: Told) -> None:
    file.parent.write_text("a file where the folder should be")
    writer = make()
    until(lambda: bool(told))
    writer.take(state(1, "incoming"))
    writer.take(state(1, "disconnected", reason="gone"))
    writer.take(Message(account="", remote=BOB, text="hi"))
    assert "cannot be saved at the moment" in writer.note and str(file.parent) in writer.note
    time.sleep(0.3)
    assert told.sentences() == [writer.note]
    file.parent.unlink()
    until(lambda: not writer.note)
    store = open_store(file)
    assert outcomes(store) == [("missed", "", "gone")] and store.messages.unseen() == 1
    until(lambda: len(told) == 2)
    assert told.sentences()[1] == "calls and messages are saved again"


def test_a_file_that_is_damaged_in_a_call_costs_one_sentence(make: Callable[..., HistoryWriter], file: Path, told: Told) -> None:
    writer = make()
    writer.take(state(1, "incoming"))
    writer.take(state(1, "confirmed"))
    until(lambda: file.exists() and [call.answered for call in open_store(file).history.calls()] not in ([], [None]))
    # Past the pages that SQLite holds: a whole other content, as of a disk that failed.
    for name in ("-wal", "-shm", ""):
        place = file.with_name(file.name + name)
        if place.exists():
            place.write_bytes(b"\xa5" * max(place.stat().st_size, 8192))
    writer.take(state(1, "disconnected", duration_s=3.0))
    until(lambda: bool(told.sentences()) or bool(outcomes(open_store(file))))
    until(lambda: outcomes(open_store(file)) == [("answered", "", "")])
    writer.stop(30)
    assert len(told.sentences()) <= 2


def test_what_the_store_said_waits_for_front_ends_that_come_later(make: Callable[..., HistoryWriter], file: Path, told: Told) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(b"a shopping list, and more of it\n" * 200)
    writer = make()
    until(lambda: bool(told.sentences()))
    assert writer.remark == told.sentences()[0] and "damaged" in writer.remark and writer.note == ""


def test_the_oldest_are_forgotten(make: Callable[..., HistoryWriter], file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(file)
    store.database.write(
        lambda connection: connection.executemany(
            "INSERT INTO calls (direction, remote, started, outcome, seen) VALUES ('incoming', 'sip:ann@example.org', ?, 'missed', 0)",
            [(float(number),) for number in range(KEPT + 20)],
        )
    )
    monkeypatch.setattr(history_writer, "PRUNE_EVERY", 3)
    writer = make()
    until(lambda: store.history.unseen() == KEPT)
    for number in range(4):
        writer.take(state(number, "incoming"))
        writer.take(state(number, "disconnected"))
    writer.stop(30)
    assert store.history.unseen() - KEPT in range(3) and store.history.calls(1)[0].remote == "sip:bob@example.org"


def test_a_disk_that_hangs_holds_nobody_up(
    make: Callable[..., HistoryWriter], file: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_store(file).close()
    monkeypatch.setattr(history_writer, "QUEUE", 50)
    locker = sqlite3.connect(file, isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    writer = make()
    for number in range(500):
        # This thread holds the lock: were it made to wait for the disk, it would wait for itself.
        writer.take(state(number, "incoming"))
        writer.take(state(number, "disconnected"))
    locker.execute("ROLLBACK")
    writer.stop(30)
    assert not writer._thread.is_alive()
    assert open_store(file).history.calls()
    assert told.sentences() == ["the disk is too slow for the history; some calls will be missing in it"]
