"""The application: one state, one session with the engine, and screens that are told what changed."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from textual.app import SystemCommand
from textual.binding import BindingType
from textual.screen import Screen
from textual.worker import WorkerFailed

from softphone.config import Config
from softphone.control.protocol import AnyEvent, CallState, ControlError, DoNotDisturb, Hangup
from softphone.files.errors import StoreError
from softphone.plain_text import visible_event
from softphone.store.dial import Target
from softphone.store.store import Store, open_store
from softphone.tui import actions as table
from softphone.tui import theme
from softphone.tui.engine_session import EngineSession
from softphone.tui.keys_in_order import KeysInOrder
from softphone.tui.names import display_name, who
from softphone.tui.phone_state import PhoneState, Topic
from softphone.tui.screens.base import Dialog, PhoneScreen, bindings
from softphone.tui.screens.phone import MainScreen
from softphone.tui.terminal import TerminalTitle
from softphone.tui.widgets.notice_line import NoticeLine

FRAME_S = 0.25
"""How often what changes all the time is drawn; everything else is drawn at once."""
CONTINUOUS: frozenset[Topic] = frozenset({"statistics", "levels", "phones", "voice"})
GOODBYE_S = 5.0
BELL_FRAMES = 8
"""The bell rings this often (every two seconds) while a call waits for an answer."""
# A screen is imported when it is first opened, so that the phone is there at once.
SCREENS: dict[str, tuple[str, str]] = {
    "contacts": ("softphone.tui.screens.contacts", "ContactsScreen"),
    "history": ("softphone.tui.screens.history", "HistoryScreen"),
    "messages": ("softphone.tui.screens.messages", "MessagesScreen"),
    "settings": ("softphone.tui.screens.settings", "SettingsScreen"),
    "setup": ("softphone.tui.screens.setup", "SetupScreen"),
    "help": ("softphone.tui.screens.help", "HelpScreen"),
}


class PhoneApp(KeysInOrder[int], inherit_bindings=False):
    """`connect` False shows a state that somebody else fills (tests); `clock` gives CLOCK_MONOTONIC in seconds."""

    CSS_PATH = "phone.tcss"
    TITLE = "softphone"
    BINDINGS: ClassVar[list[BindingType]] = bindings("everywhere")
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"

    def __init__(
        self,
        config: Config,
        *,
        socket: Path | None = None,
        config_file: Path | None = None,
        first_start: bool = False,
        connect: bool = True,
        store: Store | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.config = config
        self.config_file = config_file
        self.clock = clock
        self.state = PhoneState(clock)
        self.store = store or open_store(or_forget=True)
        self.session = EngineSession(self.take_event, self.take_status, socket=socket, config=config_file)
        self.actions = table.remapped(config.keys)
        self.animation_level = "none"
        self.crash: BaseException | None = None
        """The mistake of our own that ended the phone."""
        self._connect = connect
        self._first_start = first_start
        self._dirty: frozenset[Topic] = frozenset()
        self._frames = 0
        self._title: TerminalTitle | None = None
        self.register_theme(theme.DARK)
        self.register_theme(theme.LIGHT)
        self.theme = theme.LIGHT.name if config.tui.theme == "light" else theme.DARK.name
        if self.no_color:
            # In place of Textual's own, which keeps colours as greys.
            self._filters[:] = [theme.NoColourFilter()]
        self._filters.append(theme.UnseenFilter())
        if not theme.utf8_terminal(theme.users_environment()):
            self._filters.append(theme.AsciiFilter())
        self.set_keymap({name: keys.replace(" ", "") for name, keys in config.keys.items()})

    def get_default_screen(self) -> Screen[Any]:
        return MainScreen()

    def on_mount(self) -> None:
        if self._driver is not None and not self.is_headless:
            self._title = TerminalTitle(self._driver.write)
        self.set_interval(FRAME_S, self._frame)
        self.set_interval(FRAME_S, self.keys_go_on)
        if self._connect:
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGHUP, lambda: self.run_worker(self._lost_terminal(), exclusive=True))
            loop.add_signal_handler(signal.SIGTERM, lambda: self.run_worker(self.leave(keep=False), exclusive=True))
            self.run_worker(self.session.run(), name="engine", exit_on_error=True)
        if self._first_start:
            self.open("setup")

    def on_unmount(self) -> None:
        if self._title is not None:
            self._title.restore()

    def _handle_exception(self, error: Exception) -> None:
        # Textual's own shows the values of variables; `main` says what there is to say.
        self.crash = self.crash or (error.error if isinstance(error, WorkerFailed) else error)
        super()._handle_exception(error)
        self._exit_renderables.clear()

    def _fatal_error(self) -> None:
        self._close_messages_no_wait()

    # What the engine tells

    def take_event(self, event: AnyEvent) -> None:
        """Every event of the engine comes by here, on the event loop."""
        event = visible_event(event)
        fresh = isinstance(event, CallState) and event.state == "incoming" and event.call not in self.state.calls
        self.changed(self.state.apply(event))
        if fresh:
            self.bell()
        for screen in self.screen_stack:
            if isinstance(screen, PhoneScreen | Dialog):
                screen.event_came(event)

    def take_status(self, status: Mapping[str, Any]) -> None:
        self.changed(self.state.apply_status(visible_event(dict(status))))

    def changed(self, topics: frozenset[Topic]) -> None:
        """Draw what changed: at once, or with the next frame what changes all the time."""
        self._dirty |= topics
        if topics - CONTINUOUS:
            self.call_later(self._draw)

    def _draw(self) -> None:
        if not self._dirty:
            return
        topics, self._dirty = self._dirty, frozenset()
        # What lies under a dialog is still seen.
        for screen in self.screen_stack[-2:]:
            if isinstance(screen, PhoneScreen | Dialog) and screen.is_mounted:
                screen.refresh_state(topics)

    def _frame(self) -> None:
        self._frames += 1
        for note in self.store.take_notes():
            self.changed(self.state.notice("warning", note))
        ringing = self.state.ringing
        if ringing is not None and self._frames % BELL_FRAMES == 0:
            self.bell()
        if self._title is not None:
            self._title.show(self._title_text())
        if self._frames % 4 == 0:
            for line in self.screen.query(NoticeLine):
                line.tidy(self.clock(), self.last_key)
            if self.state.calls:
                self._dirty |= {"statistics"}  # the timers
        self._draw()

    def _title_text(self) -> str:
        ringing, call = self.state.ringing, self.state.call
        if ringing is not None:
            name = who(ringing.state.remote, self.name_of)
            return f"*** {name} is calling ***" if self._frames // 2 % 2 else f"{name} is calling - softphone"
        if call is not None:
            return f"{who(call.state.remote, self.name_of)} - softphone"
        return "softphone"

    def name_of(self, remote: str) -> str:
        """The contact's name, else the display name that the far end gives itself, else ""."""
        try:
            return self.store.name_of(remote)
        except StoreError:
            return display_name(remote)

    def resolve(self, text: str) -> str:
        """The SIP URI that `text` means for the account that will call. Raises StoreError."""
        return self.store.resolve(text, self.default_domain())

    def target(self, text: str) -> Target:
        """Like `resolve`, with the keys that are to be pressed in the call."""
        return self.store.target(text, self.default_domain())

    def default_domain(self) -> str:
        """Host of the account that will call: the first that is registered, else the first with a server; "" without one."""
        accounts = [account for account in self.state.accounts.values() if account.registrar]
        accounts.sort(key=lambda account: account.state != "registered")
        return accounts[0].uri.rpartition("@")[2] if accounts else ""

    async def call(self, text: str) -> None:
        """Go to the phone and call; what is wrong is said at the dial field."""
        self.to_phone()
        main = self.screen
        if isinstance(main, MainScreen):
            await main.call_text(text)

    def to_phone(self) -> None:
        """Close what lies over the phone's own screen."""
        while len(self.screen_stack) > 1:
            if isinstance(self.screen, PhoneScreen):
                self.screen.closed()
            self.pop_screen()

    # What can be done

    def action_possible(self, name: str) -> bool:
        """Whether an action of the table can be done now; what is not in the table always can."""
        return next((action.when(self.state) for action in self.actions if action.id == name), True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.action_possible(action)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The command palette: every action that can be done here and now, with its key."""
        scope = screen.SCOPE if isinstance(screen, PhoneScreen) else ""
        for action in self.actions:
            if action.scope in (scope, "everywhere") and self.action_possible(action.id) and action.id != "command_palette":
                namespace = "app" if action.scope == "everywhere" else "screen"
                yield SystemCommand(f"{action.title}  ({action.key})", action.help, lambda name=f"{namespace}.{action.id}": self._run(name))

    async def _run(self, action: str) -> None:
        await self.run_action(action)

    def open(self, name: str, *arguments: object) -> None:
        """Show a screen by its name in `SCREENS`; one that is open already comes back to the front alone."""
        module, kind = SCREENS[name]
        screen = getattr(importlib.import_module(module), kind)
        if isinstance(self.screen, screen):
            return
        self.to_phone()
        self.push_screen(screen(*arguments))

    async def action_pick_up(self) -> None:
        self.to_phone()
        await self.run_action("screen.answer")

    def action_contacts(self) -> None:
        self.open("contacts")

    def action_history(self) -> None:
        self.open("history")

    def action_messages(self) -> None:
        self.open("messages")

    def action_settings(self) -> None:
        self.open("settings")

    def action_help(self) -> None:
        self.open("help")

    def action_theme(self) -> None:
        self.theme = theme.LIGHT.name if self.theme == theme.DARK.name else theme.DARK.name

    async def action_do_not_disturb(self) -> None:
        on = not self.state.engine.do_not_disturb
        try:
            await self.session.ask(DoNotDisturb(on=on))
        except ControlError as error:
            self.changed(self.state.notice("error", str(error)))
            return
        self.state.engine.do_not_disturb = on
        text = "calls are refused now; callers hear busy" if on else "calls are taken again"
        self.changed(self.state.notice("info", text) | {"engine"})

    async def action_quit(self) -> None:
        if not self.state.calls:
            await self.leave(keep=False)
            return
        from softphone.tui.screens.leave import LeaveDialog  # noqa: PLC0415 - not needed before

        def chosen(keep: bool | None) -> None:
            if keep is not None:
                self.run_worker(self.leave(keep=keep))

        self.push_screen(LeaveDialog(), chosen)

    async def restart_engine(self) -> None:
        """Start the engine again, with the settings as they are now; why it did not come back is said."""
        try:
            await self.session.restart()
        except ControlError as error:
            self.changed(self.state.notice("error", str(error)))

    async def _lost_terminal(self) -> None:
        """A closed window or a lost ssh connection (SIGHUP) does not end calls."""
        await self.session.close(keep=bool(self.state.calls), end=self.state.engine.stay and not self.state.calls)
        # There is no terminal to be put in order, and Textual would wait for ever to write to it.
        os._exit(0)

    async def leave(self, *, keep: bool) -> None:
        """End the program; `keep`: calls and engine go on without it."""
        if not keep and self.state.calls:
            # An engine that somebody else started goes on without us, but not with our calls.
            with contextlib.suppress(ControlError):
                await self.session.ask(Hangup(), timeout_s=GOODBYE_S)
        # An engine that an earlier front end left behind is ended with the last call; one of `softphone engine` is not ours to end.
        await self.session.close(keep=keep, end=self.state.engine.stay)
        self.exit(0)
        await asyncio.sleep(0)
