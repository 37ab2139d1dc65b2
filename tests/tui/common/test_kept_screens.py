"""Screens that are made once begin, when opened again, as new ones do, and show what changed meanwhile."""

from dataclasses import replace

from textual.widgets import Input

from softphone.config import Config
from softphone.store.contacts import Address, Contact
from softphone.tui.people.contacts import ContactsScreen
from softphone.tui.people.history import HistoryScreen
from softphone.tui.people.messages import MessagesScreen
from softphone.tui.settings.screen import SettingsScreen
from tests.tui.driving import awaited, see
from tests.tui.running import memory_store, screen_text, settle, shown


@awaited
async def test_an_opened_screen_is_the_one_that_was_made_first_and_begins_anew() -> None:
    store = memory_store()
    for name in ("Ann", "Bob", "Carla"):
        store.contacts.add(Contact(name, (Address(f"sip:{name.lower()}@example.org"),)))
    app = shown(store=store)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("c", "slash", "b", "o", "enter")
        await settle(pilot)
        first = app.screen
        assert isinstance(first, ContactsScreen) and "Ann" not in screen_text(app)
        await pilot.press("escape", "escape")
        await settle(pilot)
        assert app.screen is not first
        store.contacts.add(Contact("Dora", (Address("sip:dora@example.org"),)))
        await pilot.press("c")
        await see(pilot, "Ann", "Dora")
        assert app.screen is first and not first.query_one("#contacts-search", Input).value
        assert first.chosen is not None and first.chosen.name == "Ann", "the list has the focus, at its top"


@awaited
async def test_a_filter_does_not_outlive_its_screen() -> None:
    app = shown()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("l", "f")
        await see(pilot, "missed calls only")
        await pilot.press("escape", "l")
        await see(pilot, "all calls")
        assert isinstance(app.screen, HistoryScreen)


@awaited
async def test_a_terminal_that_was_resized_meanwhile_is_filled() -> None:
    app = shown()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("c", "escape")
        await settle(pilot)
        await pilot.resize_terminal(120, 40)
        await settle(pilot)
        await pilot.press("c")
        await settle(pilot)
        assert app.screen.has_class("-wide") and not app.screen.has_class("-normal")
        assert len(screen_text(app).splitlines()) == 40


@awaited
async def test_messages_open_at_the_address_that_was_asked_for_and_keep_what_was_being_written() -> None:
    app = shown()
    async with app.run_test(size=(80, 24)) as pilot:
        app.open("messages", "sip:ann@example.org")
        await see(pilot, "ann@example.org")
        await pilot.press("h", "i")
        await settle(pilot)
        app.to_phone()
        app.open("messages", "sip:bob@example.org")
        await see(pilot, "bob@example.org")
        screen = app.screen
        assert isinstance(screen, MessagesScreen) and screen.remote == "sip:bob@example.org"
        assert not screen.query_one("#compose", Input).value
        app.to_phone()
        app.open("messages", "sip:ann@example.org")
        await see(pilot, "hi")
        await settle(pilot)
        assert isinstance(app.focused, Input) and app.focused.value == "hi"


@awaited
async def test_settings_begin_at_their_first_page_with_the_values_of_now() -> None:
    config = Config()
    app = shown(config=config)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("o", "left", "left")
        await see(pilot, "ask once whether to remember voices")
        await pilot.press("escape")
        await settle(pilot)
        app.config = replace(config, privacy=replace(config.privacy, voices="never"))
        await pilot.press("o")
        await settle(pilot)
        assert isinstance(app.screen, SettingsScreen) and app.screen.page == "accounts"
        await pilot.press("left", "left")
        await see(pilot, "remember none")
