"""Contacts, calls and messages by keys: what they do to the store, and what they ask of the engine."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from softphone.control.protocol import Call, SendMessage
from softphone.files.errors import StoreError
from softphone.store.store import Store
from softphone.store.transcripts import KeptTranscripts
from softphone.tui.people.contacts import ContactsScreen
from softphone.tui.people.history import HistoryScreen
from softphone.tui.people.messages import MessagesScreen
from tests.tui.book import NOW, filled_store
from tests.tui.driving import awaited, see, see_no_more, told, write
from tests.tui.running import connected, until
from tests.tui.scripted_engine import ScriptedEngine


@pytest.fixture
def store() -> Store:
    return filled_store()


@asynccontextmanager
async def on(screen: Callable[[], Any], tmp_path: Path, store: Store) -> AsyncIterator[Pilot[int]]:
    async with connected(tmp_path / "engine.sock", store=store) as pilot:
        await pilot.app.push_screen(screen())
        await until(pilot, lambda: bool(getattr(pilot.app.screen, "_shown", True)), "the screen is filled")
        yield pilot


@awaited
async def test_search_narrows_as_one_types_and_escape_widens(engine: ScriptedEngine, store: Store, tmp_path: Path) -> None:
    async with on(ContactsScreen, tmp_path, store) as pilot:
        await see(pilot, "Alice Example", "Bob Builder")
        await pilot.press("slash", "a", "n", "g", "s")
        await see_no_more(pilot, "Alice Example")
        await see(pilot, "Zoë Ångström")
        await pilot.press("x", "x")
        await see(pilot, "No match")
        await pilot.press("escape")
        await see(pilot, "Alice Example")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, ContactsScreen), "back on the phone")


@awaited
async def test_a_wrong_address_is_said_under_its_field_and_nothing_is_lost(engine: ScriptedEngine, store: Store, tmp_path: Path) -> None:
    async with on(ContactsScreen, tmp_path, store) as pilot:
        await pilot.press("a")
        await write(pilot, "#name Input", "Dora")
        await write(pilot, "#addresses TextArea", "dora@example.org\nnot an address")
        await pilot.press("ctrl+s")
        await see(pilot, "! not an address is no SIP address or number", "Dora")
        await write(pilot, "#addresses TextArea", "dora@example.org, home\n+49 30 99")
        await pilot.press("ctrl+s")
        await see(pilot, "Saved Dora")
    (dora,) = store.contacts.named("Dora")
    assert [(address.uri, address.label, address.preferred) for address in dora.addresses] == [
        ("sip:dora@example.org", "home", True),
        ("+49 30 99", "", False),
    ]


@awaited
async def test_what_could_not_be_kept_can_be_kept_again(
    engine: ScriptedEngine, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_action: object) -> None:
        raise StoreError("phone.db cannot be written: the disk is full; free some space")

    async with on(ContactsScreen, tmp_path, store) as pilot:
        write_of_the_database = store.database.write
        monkeypatch.setattr(store.database, "write", full)
        await pilot.press("a")
        await write(pilot, "#name Input", "Dora")
        await pilot.press("ctrl+s")
        await see(pilot, "! phone.db cannot be written: the disk is full", "Dora")
        monkeypatch.setattr(store.database, "write", write_of_the_database)
        await pilot.press("ctrl+s")
        await see(pilot, "Saved Dora")


@awaited
async def test_removing_asks_first(engine: ScriptedEngine, store: Store, tmp_path: Path) -> None:
    async with on(ContactsScreen, tmp_path, store) as pilot:
        await pilot.press("j", "x")
        await see(pilot, "Remove Bob Builder")
        await pilot.press("enter")  # the harmless answer is the one at hand
        await see_no_more(pilot, "Remove Bob Builder")
        assert store.contacts.named("Bob Builder")
        await pilot.press("x")
        await see(pilot, "Remove Bob Builder")
        await pilot.press("y")
        await see(pilot, "Removed Bob Builder")
        assert not store.contacts.named("Bob Builder")


@awaited
async def test_a_contact_is_called_written_to_and_made_a_favourite(engine: ScriptedEngine, store: Store, tmp_path: Path) -> None:
    engine.answers[Call] = {"call": 1}
    async with on(ContactsScreen, tmp_path, store) as pilot:
        await pilot.press("j", "f")
        await until(pilot, lambda: store.contacts.named("Bob Builder")[0].favourite, "favourite")
        await pilot.press("t")
        await until(pilot, lambda: isinstance(pilot.app.screen, MessagesScreen), "messages")
        await see(pilot, "call me")
        await pilot.press("escape", "c")
        await pilot.press("escape")
    async with on(ContactsScreen, tmp_path, store) as pilot:
        await pilot.press("enter")
        await see(pilot, "Call which address?")
        await pilot.press("enter")
        assert (await told(engine, Call)).uri == "sip:alice@example.org"


@awaited
async def test_vcards_go_out_and_come_in(engine: ScriptedEngine, store: Store, tmp_path: Path) -> None:
    file = tmp_path / "people.vcf"
    async with on(ContactsScreen, tmp_path, store) as pilot:
        await pilot.press("i")
        await write(pilot, "#path Input", str(file))
        await pilot.press("enter")
        await see(pilot, "! there is no file")
        await pilot.press("escape", "w")
        await see(pilot, "Export all contacts")
        await write(pilot, "#path Input", str(file))
        await pilot.press("enter")
        await see(pilot, "Exported 4 contacts")
        store.contacts.remove(store.contacts.named("Zoë Ångström")[0].id)
        await pilot.press("i")
        await see(pilot, "Import contacts")
        await write(pilot, "#path Input", str(file))
        await pilot.press("enter")
        await see(pilot, "3 were there already", "Zoë Ångström")
    assert file.stat().st_mode & 0o077 == 0


@awaited
async def test_who_saw_the_missed_calls_is_not_told_again(engine: ScriptedEngine, store: Store, tmp_path: Path) -> None:
    async with on(lambda: HistoryScreen(lambda: NOW), tmp_path, store) as pilot:
        await see(pilot, "* Carol", "1 new missed")
        assert store.history.unseen() == 1
        await pilot.press("escape")
        await until(pilot, lambda: store.history.unseen() == 0, "seen")


@awaited
async def test_calls_that_were(engine: ScriptedEngine, store: Store, tmp_path: Path) -> None:
    engine.answers[Call] = {"call": 1}
    async with on(lambda: HistoryScreen(lambda: NOW), tmp_path, store) as pilot:
        await see(pilot, "✗ MISSED", "* Carol", "1 new missed", "busy", "Today", "Yesterday")
        await pilot.press("f")
        await see_no_more(pilot, "Bob Builder")
        await see(pilot, "missed calls only", "Carol")
        await pilot.press("s")
        await see_no_more(pilot, "new missed")
        assert store.history.unseen() == 0
        await pilot.press("a")
        await see(pilot, "sip:carol@example.net")
        await pilot.press("ctrl+s")
        await see(pilot, "Saved Carol")
        await pilot.press("enter")
        assert (await told(engine, Call)).uri == "sip:carol@example.net"


@awaited
async def test_a_message_that_is_refused_stays_in_its_place(engine: ScriptedEngine, store: Store, tmp_path: Path) -> None:
    engine.answers[SendMessage] = "the account is not registered; wait for it"
    async with on(lambda: MessagesScreen(now=lambda: NOW), tmp_path, store) as pilot:
        await see(pilot, "✗ not delivered: no answer", "✓ delivered", "1 new")
        await pilot.press("r")
        assert (await told(engine, SendMessage)).text == "call me"
        await pilot.press("enter", "h", "i", "enter")
        await see(pilot, "the account is not registered")
        assert pilot.app.screen.query_one("#compose", Input).value == "hi"
        engine.answers[SendMessage] = {"message": 1}
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen.query_one("#compose", Input).value == "", "sent")
        assert (await told(engine, SendMessage)).uri == "sip:bob@example.org"
        await pilot.press("escape", "j")
        await see_no_more(pilot, "1 new")
        assert store.messages.unseen() == 0


@awaited
async def test_a_new_conversation_takes_a_name(engine: ScriptedEngine, store: Store, tmp_path: Path) -> None:
    engine.answers[SendMessage] = {"message": 1}
    async with on(lambda: MessagesScreen(now=lambda: NOW), tmp_path, store) as pilot:
        await pilot.press("a")
        await write(pilot, "#whom Input", "no such person")
        await pilot.press("enter")
        await see(pilot, "! no contact is called")
        await write(pilot, "#whom Input", "zoe")
        await pilot.press("enter")
        await see(pilot, "zoe@192.0.2.7")
        await pilot.press("h", "i", "enter")
        assert (await told(engine, SendMessage)).uri == "sip:zoe@192.0.2.7"


@awaited
async def test_what_was_written_down_of_a_call_is_read_and_deleted_there(engine: ScriptedEngine, store: Store, tmp_path: Path) -> None:
    newest = store.history.calls(1)[0]
    kept = KeptTranscripts()
    file = kept.path(newest.remote, newest.started + 3)
    other = kept.path("sip:somebody@example.com", newest.started + 3)
    for each in (file, other):
        kept.append(each, "[00:01] them: the station is over there [red]\x1b[31m\n")
    async with on(lambda: HistoryScreen(lambda: NOW), tmp_path, store) as pilot:
        await pilot.press("y")
        await see(pilot, "the station is over there [red]")
        await pilot.press("x")
        await see(pilot, "Delete this transcript for good?")
        await pilot.press("n", "x", "y")
        await until(pilot, lambda: not file.exists(), "deleted")
        await until(pilot, lambda: isinstance(pilot.app.screen, HistoryScreen), "the list again")
        await pilot.press("y")
        await see(pilot, "Nothing was written down of this call.")
    assert other.exists() and other.stat().st_mode & 0o777 == 0o600
    assert kept.delete_all() == 1
