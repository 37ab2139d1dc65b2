"""Pictures of contacts, calls, messages, settings and the guided set-up at both sizes; look at them before you keep new ones."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from softphone.tui.people.contacts import ContactsScreen
from softphone.tui.people.history import HistoryScreen
from softphone.tui.people.messages import MessagesScreen
from softphone.tui.settings.screen import SettingsScreen
from softphone.tui.settings.setup import SetupScreen
from tests.tui.book import NOW, answer, filled_store
from tests.tui.running import memory_store, settle, shown

SIZES = [(80, 24), (120, 40)]
Keys = tuple[str, ...]
SCREENS: dict[str, tuple[Callable[[], Screen[Any]], Keys]] = {
    "contacts": (ContactsScreen, ("j",)),
    "contacts-search": (ContactsScreen, ("slash", "b", "u")),
    "contacts-edit": (ContactsScreen, ("v", "tab", "tab", "tab", "tab", "space")),
    "contacts-remove": (ContactsScreen, ("x",)),
    "contacts-which-address": (ContactsScreen, ("enter",)),
    "history": (lambda: HistoryScreen(lambda: NOW), ()),
    "messages": (lambda: MessagesScreen(now=lambda: NOW), ("enter",)),
    "settings-accounts": (SettingsScreen, ("j", "j")),
    "settings-account-wrong": (SettingsScreen, ("a", "x", "ctrl+s")),
    "settings-sound": (SettingsScreen, ("right",)),
    "settings-calls": (SettingsScreen, ("right", "right")),
    "settings-network": (SettingsScreen, ("right", "right", "right")),
    "settings-codecs": (lambda: SettingsScreen("codecs"), ()),
    "settings-keys": (SettingsScreen, ("left",)),
    "setup-account": (SetupScreen, ()),
    "setup-direct": (SetupScreen, ("shift+tab", "down", "space")),
    "setup-sound": (SetupScreen, ("f4",)),
    "setup-voice": (SetupScreen, ("f4", "f4")),
    "setup-ready": (SetupScreen, ("f4", "f4", "f4")),
}


@pytest.fixture(autouse=True)
def _always_the_same(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.delenv("NO_COLOR", raising=False)
    # It is shown; nothing is written there.
    monkeypatch.setenv("XDG_CONFIG_HOME", "/home/alice/.config")
    yield
    monkeypatch.undo()
    time.tzset()


def picture(
    snap_compare: Callable[..., bool],
    make: Callable[[], Screen[Any]],
    size: tuple[int, int],
    keys: Keys,
    used: bool = True,
    theme: str = "",
) -> bool:
    app = shown(store=filled_store() if used else memory_store())
    app.session.ask = answer  # type: ignore[method-assign]
    if theme:
        app.theme = theme

    async def prepare(pilot: Pilot[int]) -> None:
        await app.push_screen(make())
        await settle(pilot)
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        for _ in range(3):
            await settle(pilot)

    return snap_compare(app, terminal_size=size, run_before=prepare)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
@pytest.mark.parametrize("name", SCREENS)
def test_a_screen(snap_compare: Callable[..., bool], name: str, size: tuple[int, int]) -> None:
    make, keys = SCREENS[name]
    assert picture(snap_compare, make, size, keys)


@pytest.mark.parametrize("name", ["contacts", "history", "messages"])
def test_a_screen_with_nothing_in_it(snap_compare: Callable[..., bool], name: str) -> None:
    assert picture(snap_compare, SCREENS[name][0], SIZES[0], (), used=False)


@pytest.mark.parametrize("name", ["contacts", "history", "messages", "setup-account", "settings-accounts"])
def test_a_narrow_window_in_the_light_theme(snap_compare: Callable[..., bool], name: str) -> None:
    make, keys = SCREENS[name]
    assert picture(snap_compare, make, (40, 20), keys, theme="softphone-light")
