"""Traps that newcomers fell into (November 2026): each is walked into again, by keys."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from softphone.config import Account, load
from softphone.control import protocol
from softphone.store.contacts import Address, Contact
from softphone.store.settings import Settings
from softphone.store.store import Store
from softphone.tui.accounts.entry import AccountEntry
from softphone.tui.accounts.keeping import keep_account
from softphone.tui.app import PhoneApp
from softphone.tui.calls.main_screen import MainScreen
from softphone.tui.calls.transfer import TransferDialog
from softphone.tui.help import HelpScreen
from softphone.tui.people.contacts import ContactsScreen
from softphone.tui.settings.screen import PAGES, SettingsScreen
from softphone.tui.settings.setup import SetupScreen
from tests.tui import recorded
from tests.tui.driving import awaited, see, see_no_more, told
from tests.tui.recorded import CAROL, answered, call_state, media
from tests.tui.running import connected, memory_store, screen_text, settle, until
from tests.tui.scripted_engine import ScriptedEngine


@asynccontextmanager
async def phone(
    engine: ScriptedEngine, tmp_path: Path, *events: protocol.AnyEvent, **arguments: Any
) -> AsyncIterator[tuple[Pilot[int], PhoneApp]]:
    async with connected(tmp_path / "engine.sock", **arguments) as pilot:
        app = pilot.app
        assert isinstance(app, PhoneApp)
        engine.tell(*events)
        wanted = {event.call for event in events if isinstance(event, protocol.CallState)}
        await until(pilot, lambda: wanted <= set(app.state.calls), "the calls")
        await settle(pilot)
        yield pilot, app


def last_line(app: PhoneApp) -> str:
    return screen_text(app).splitlines()[-1]


def count(engine: ScriptedEngine, kind: type[protocol.Command[Any]]) -> int:
    return sum(isinstance(command, kind) for command in engine.commands)


@awaited
async def test_hold_is_seen_at_once_and_asked_for_once(engine: ScriptedEngine, tmp_path: Path) -> None:
    """The server is dead: nothing answers the re-INVITE."""
    async with phone(engine, tmp_path, *answered(1), media(1)) as (pilot, app):
        await pilot.press("h")
        await see(pilot, "putting on hold…")
        await pilot.press("h")
        await see(pilot, "Still waiting")
        assert count(engine, protocol.Hold) == 1 and count(engine, protocol.Resume) == 0
        engine.tell(media(1, state="held"))
        await until(pilot, lambda: app.state.calls[1].held, "on hold")
        await until(pilot, lambda: "h Resume" in last_line(app), "the key says what it does now")
        await pilot.press("h")
        await told(engine, protocol.Resume)
        await see(pilot, "resuming…")
        engine.tell(media(1))
        await see(pilot, "talking")


@awaited
async def test_a_refused_hold_is_no_hold(engine: ScriptedEngine, tmp_path: Path) -> None:
    engine.answers[protocol.Hold] = "call 1 is over; nothing to hold"
    async with phone(engine, tmp_path, *answered(1), media(1)) as (pilot, _app):
        await pilot.press("h")
        await see(pilot, "nothing to hold", "talking")


@awaited
async def test_a_call_that_cannot_be_made_does_not_hold_the_one_that_is_up(engine: ScriptedEngine, tmp_path: Path) -> None:
    engine.answers[protocol.Call] = "four calls are up, and there is room for no more; end one first"
    async with phone(engine, tmp_path, *answered(1), media(1)) as (pilot, _app):
        await pilot.press("d", *"sip:carol@example.org", "enter")
        await see(pilot, "end one first", "talking")
        assert count(engine, protocol.Call) == 1 and count(engine, protocol.Hold) == 0


@awaited
async def test_keys_say_what_they_do_now(engine: ScriptedEngine, tmp_path: Path) -> None:
    muted = list(answered(1, muted=True, recording="/tmp/a.wav"))
    async with phone(engine, tmp_path, *muted, media(1), size=(120, 30)) as (pilot, app):
        await until(pilot, lambda: "m Unmute" in last_line(app) and "r Stop recording" in last_line(app), last_line(app))
        engine.tell(call_state(2, "incoming", CAROL, "incoming"))
        await until(pilot, lambda: 2 in app.state.calls, "the call")
        await pilot.press("j")
        await until(pilot, lambda: "b Decline" in last_line(app), "an incoming call is declined")


@awaited
async def test_the_recording_is_named_when_it_ends(engine: ScriptedEngine, tmp_path: Path) -> None:
    path = str(Path.home() / "calls" / "with-bob.wav")

    def stopped(_command: protocol.Record) -> dict[str, Any]:
        # The event that it ended overtakes the answer.
        engine.tell(call_state(1, "confirmed", code=200))
        return {}

    engine.answers[protocol.Record] = stopped
    async with phone(engine, tmp_path, *answered(1, recording=path), media(1)) as (pilot, _app):
        await pilot.press("r")
        await see(pilot, "Recording saved: ~/calls/with-bob.wav")


@awaited
async def test_a_dialog_shows_its_own_keys_and_is_left_with_one(engine: ScriptedEngine, tmp_path: Path) -> None:
    async with phone(engine, tmp_path, *answered(1), media(1)) as (pilot, app):
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, TransferDialog), "the dialog")
        await until(pilot, lambda: "Hang up" not in last_line(app) and "esc Back" in last_line(app), "its keys")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, MainScreen) and "Hang up" in last_line(app), "left")


@pytest.mark.parametrize(("key", "screen"), [("c", ContactsScreen), ("o", SettingsScreen)])
def test_help_leads_back_to_where_it_was_asked_for(engine: ScriptedEngine, tmp_path: Path, key: str, screen: type[Any]) -> None:
    @awaited
    async def walk() -> None:
        async with phone(engine, tmp_path) as (pilot, app):
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, screen), "the screen")
            await pilot.press("question_mark")
            await until(pilot, lambda: isinstance(app.screen, HelpScreen), "help")
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, screen), "back")
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, MainScreen), "the phone")

    walk()


@awaited
async def test_help_does_not_end_the_setup(engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = PhoneApp(load(None), socket=tmp_path / "engine.sock", config_file=tmp_path / "none.toml", first_start=True, store=memory_store())
    async with app.run_test(size=(80, 24)) as pilot:
        # Keys that come before the setup is there are for the setup.
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen), "help")
        await pilot.press("escape")
        await see(pilot, "Step 1 of 4")
        assert "? Help" not in last_line(app) and "F1 Help" in last_line(app), "? is text in the field"
        await pilot.press("escape")
        await see(pilot, "Press esc again")
        assert isinstance(app.screen, SetupScreen)
        app.action_possible("contacts")
        assert not app.action_possible("contacts"), "what leads away waits"


@awaited
async def test_enter_in_the_address_does_not_register_without_a_password(engine: ScriptedEngine, tmp_path: Path) -> None:
    async with phone(engine, tmp_path, config_file=tmp_path / "c.toml") as (pilot, app):
        await pilot.press("o")
        await see(pilot, "Accounts")
        await pilot.press("a", *"dora@example.org", "enter")
        await until(pilot, lambda: isinstance(app.focused, Input) and app.focused.password, "the password is asked for")
        assert count(engine, protocol.Register) == 0
        await pilot.press(*"secret", "enter")
        assert (await told(engine, protocol.Register)).password == "secret"


def test_a_corrected_address_is_also_the_name(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    for wrong, right in (("dora@exmaple.org", "dora@example.org"), ("dora@192.0.2.1:5070", "dora@192.0.2.1:5080")):
        first = keep_account(file, AccountEntry(wrong), None)
        second = keep_account(file, AccountEntry(right), first.name)
        assert second.name != first.name and load(file).named_accounts()[second.name][1].id == f"sip:{right}"
    named = Settings(file).add_account({"id": "sip:eve@example.org", "name": "work"}).named_accounts()
    assert isinstance(named["work"][1], Account)
    assert keep_account(file, AccountEntry("eve@example.com"), "work").name == "work", "a name that was chosen stays"


@awaited
async def test_who_ends_a_conference_goes_on_talking(engine: ScriptedEngine, tmp_path: Path) -> None:
    events = [*answered(1, conference=True), *answered(2, CAROL, "incoming", conference=True), media(1), media(2)]
    async with phone(engine, tmp_path, *events) as (pilot, app):
        app.changed(app.state.select(2))
        await pilot.press("f")
        await see(pilot, "Conference:")
        await pilot.press("x")
        assert (await told(engine, protocol.Conference)).calls == []
        assert (await told(engine, protocol.Resume)).call == 2


def contacts() -> Store:
    store = memory_store()
    store.contacts.add(Contact("Bob Builder", (Address("bob.builder@example.net", preferred=True),)))
    return store


@pytest.mark.parametrize(
    ("typed", "uri"),
    [
        ("bo", "sip:bob.builder@example.net"),
        ("bob@example.org", "sip:bob@example.org"),
        ("bob.builder@example.net", "sip:bob.builder@example.net"),
        ("zz", "sip:zz@example.org"),
        ("4711", "sip:4711@example.org"),
    ],
)
def test_enter_takes_what_is_highlighted(engine: ScriptedEngine, tmp_path: Path, typed: str, uri: str) -> None:
    engine.answers[protocol.Call] = {"call": 7}

    @awaited
    async def walk() -> None:
        async with phone(engine, tmp_path, store=contacts()) as (pilot, _app):
            await pilot.press("d", *typed, "enter")
            assert (await told(engine, protocol.Call)).uri == uri

    walk()


@awaited
async def test_people_are_in_the_command_palette(engine: ScriptedEngine, tmp_path: Path) -> None:
    engine.answers[protocol.Call] = {"call": 7}
    async with phone(engine, tmp_path, store=contacts()) as (pilot, _app):
        await pilot.press("ctrl+p", *"builder")
        await see(pilot, "Call Bob Builder", "Message Bob Builder")
        await pilot.press("enter")
        assert (await told(engine, protocol.Call)).uri == "sip:bob.builder@example.net"


@awaited
async def test_a_question_is_asked_on_the_screen(engine: ScriptedEngine, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("")
    question = protocol.Log(level="warning", message="To decide: softphone voices allow", about="voices")
    async with phone(engine, tmp_path) as (pilot, app):
        app.config_file = file
        engine.tell(question)
        await see(pilot, "Remember voices", "Yes (y)", "No (n)")
        assert "voices allow" not in screen_text(app)
        await pilot.press("n")
        await until(pilot, lambda: load(file).privacy.voices == "never", "kept")
    async with phone(engine, tmp_path, *answered(1)) as (pilot, app):
        engine.tell(question)
        await settle(pilot)
        assert isinstance(app.screen, MainScreen), "not in the middle of a call"


@awaited
async def test_notices_are_dismissed_and_hide_no_key(engine: ScriptedEngine, tmp_path: Path) -> None:
    status = recorded.status(sound="the microphone was unplugged; plug it in again", microphone=False)
    engine.answers[protocol.Status] = status
    async with phone(engine, tmp_path) as (pilot, app):
        await see(pilot, "plug it in again")
        for key in ("d", "c", "l", "e", "o", "n", "?"):
            assert f" {key}  " in screen_text(app), key
        await pilot.press("escape")
        await until(pilot, lambda: screen_text(app).count("plug it in") <= 1, "dismissed")


@awaited
async def test_a_setting_of_the_setup_is_reached_from_every_page(engine: ScriptedEngine, tmp_path: Path) -> None:
    for pages in range(len(PAGES)):
        async with phone(engine, tmp_path, config_file=None) as (pilot, app):
            await pilot.press("o")
            await see(pilot, "[Accounts]")
            for _ in range(pages):
                await pilot.press("right")
                await settle(pilot)
            await pilot.press("f6")
            await until(pilot, lambda: isinstance(app.screen, SetupScreen), f"page {pages}")


@awaited
async def test_keys_of_an_empty_list_do_nothing_and_are_not_offered(engine: ScriptedEngine, tmp_path: Path) -> None:
    async with phone(engine, tmp_path) as (pilot, app):
        await pilot.press("c")
        await see(pilot, "No contacts yet")
        await until(pilot, lambda: "a Add" in last_line(app) and "Call" not in last_line(app).replace("Calls", ""), last_line(app))
        await see_no_more(pilot, "x Delete")
