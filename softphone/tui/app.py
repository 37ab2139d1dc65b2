"""The application: one state, one session with the engine, and screens that are told what changed."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from textual import events
from textual.app import App, SystemCommand
from textual.await_complete import AwaitComplete
from textual.binding import BindingType
from textual.command import Provider
from textual.screen import Screen
from textual.worker import WorkerFailed

from softphone.config import Config
from softphone.control.protocol import AnyEvent, CallState, ControlError, DoNotDisturb, Hangup, Log, PhoneStatus
from softphone.control.supervisor import EngineSupervisor
from softphone.errors import SoftphoneError
from softphone.files.errors import StoreError
from softphone.plain_text import visible_event
from softphone.store.dial import Target
from softphone.store.settings import Settings
from softphone.store.store import Store, open_store
from softphone.tui import sentences
from softphone.tui.calls.main_screen import MainScreen
from softphone.tui.common.screens import Dialog, PhoneScreen, bindings
from softphone.tui.keys.actions import remapped
from softphone.tui.keys.keys_in_order import KeysInOrder
from softphone.tui.notices.news import Arrival, News, arrival, voicemail
from softphone.tui.notices.notice_line import NoticeLine
from softphone.tui.notices.notify import Notifier
from softphone.tui.state.engine_session import EngineSession
from softphone.tui.state.names import display_name, who
from softphone.tui.state.phone_state import EVERYTHING, PhoneState, Topic
from softphone.tui.terminal import theme
from softphone.tui.terminal.display import FrugalDisplay
from softphone.tui.terminal.link import ASK, TerminalLink, remote
from softphone.tui.terminal.title import TerminalTitle

FRAME_S = 0.25
"""How often the phone looks whether something is due; what a key or an event changed is drawn at once."""
CONTINUOUS: frozenset[Topic] = frozenset({"time", "statistics", "levels", "phones", "voice"})
"""What changes all the time: drawn as often as the terminal's link can carry it."""
SLOW_LINK = "The connection to this terminal is slow: one update a second, no meters, few colours. S changes that."
LEADS_AWAY = frozenset({"contacts", "history", "messages", "settings", "command_palette"})
"""What waits until the setup is done: its last question would never be asked."""
GOODBYE_S = 5.0
BELL_FRAMES = 8
"""The bell rings this often (every two seconds) while a call waits for an answer."""
# A screen is imported when it is first opened, so that the phone is there at once.
SCREENS: dict[str, tuple[str, str]] = {
    "contacts": ("softphone.tui.people.contacts", "ContactsScreen"),
    "history": ("softphone.tui.people.history", "HistoryScreen"),
    "messages": ("softphone.tui.people.messages", "MessagesScreen"),
    "settings": ("softphone.tui.settings.screen", "SettingsScreen"),
    "setup": ("softphone.tui.settings.setup", "SetupScreen"),
    "help": ("softphone.tui.help", "HelpScreen"),
    "ladder": ("softphone.tui.sip_view.ladder", "LadderScreen"),
    "sdp": ("softphone.tui.sip_view.sdp", "SdpScreen"),
}


def _people_commands() -> type[Provider]:
    """Imported with the palette, not at the start."""
    from softphone.tui.dialling.people_commands import PeopleCommands  # noqa: PLC0415 - opened seldom

    return PeopleCommands


QUIET_S = 1.0
AHEAD_FRAMES = 8
"""The phone is there, and the engine begins: nothing else is to be done then."""
LATER = tuple(f"softphone.tui.{name}" for name in ("dialling.people_commands", "calls.transfer", "calls.leave", "calls.keypad"))


class PhoneApp(FrugalDisplay[int], KeysInOrder[int], inherit_bindings=False):
    """`connect` False shows a state that somebody else fills (tests); `clock` gives CLOCK_MONOTONIC in seconds.

    `begun`: the engine that the phone's start has begun.
    """

    CSS_PATH = "phone.tcss"
    TITLE = "softphone"
    BINDINGS: ClassVar[list[BindingType]] = bindings("everywhere")
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = App.COMMANDS | {_people_commands}
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
        begun: EngineSupervisor | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.config = config
        self.config_file = config_file
        self.clock = clock
        self.state = PhoneState(clock)
        self.store = store or open_store(or_forget=True)
        self.session = EngineSession(self.take_event, self.take_status, socket=socket, config=config_file, begun=begun)
        self.actions = remapped(config.keys)
        self.animation_level = "none"
        self.crash: BaseException | None = None
        """The mistake of our own that ended the phone."""
        self._connect = connect
        self._first_start = first_start
        self.link = TerminalLink(config.screen.slow, remote(os.environ))
        self._drawn_slow = False
        self.notifier: Notifier | None = None
        self._knows_focus = False
        self._news = News()
        self._ahead = [*(module for module, _ in SCREENS.values()), *LATER]
        self._next_news = 0.0
        self._dirty: frozenset[Topic] = frozenset()
        self._frames = 0
        self._kept: dict[str, PhoneScreen[None]] = {}
        self._title: TerminalTitle | None = None
        self.register_theme(theme.DARK)
        self.register_theme(theme.LIGHT)
        self.theme = theme.LIGHT.name if config.screen.theme == "light" else theme.DARK.name
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
            self.notifier = Notifier(self._driver.write, self.config.screen.notify, os.environ)
        self._look_for_news()
        self.set_interval(FRAME_S, self._frame)
        self.set_interval(FRAME_S, self.keys_go_on)
        if self._connect:
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGHUP, lambda: self.run_worker(self._lost_terminal(), exclusive=True))
            loop.add_signal_handler(signal.SIGTERM, lambda: self.run_worker(self.leave(keep=False), exclusive=True))
            self.run_worker(self.session.run(), name="engine", exit_on_error=True)
        if self._first_start:
            self.hold_keys = True
            self.open("setup")

    def on_unmount(self) -> None:
        if self._title is not None:
            self._title.restore()
        self.leave_colours()

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
        came = arrival(event, self.state, self.name_of)
        asks = isinstance(event, Log) and event.about == "voices"
        self.changed(frozenset() if asks else self.state.apply(event))
        if asks:
            self.call_later(self._ask_about_voices)
        if came is not None:
            self._tell_arrival(came, rings=isinstance(event, CallState) and event.state == "incoming")
        for screen in self.screen_stack:
            if isinstance(screen, PhoneScreen | Dialog):
                screen.event_came(event)

    def _tell_arrival(self, came: Arrival, *, rings: bool) -> None:
        self.bell()
        if not rings:
            # What rings has its own place on every screen.
            self.changed(self.state.notice("info", came.text))
        if self.notifier is not None and not (self._knows_focus and self.app_focus):
            self.notifier.tell(came.title, came.text)

    def on_app_blur(self, _event: events.AppBlur) -> None:
        """Only a terminal that tells of it says anything by having the focus."""
        self._knows_focus = True

    @property
    def news(self) -> News:
        """What nobody has looked at yet."""
        return replace(self._news, voicemail=voicemail(self.state))

    def _look_for_news(self) -> None:
        try:
            if not self.store.changed():
                return
            found = News(missed=self.store.history.unseen(), messages=self.store.messages.unread())
        except StoreError:
            return
        if found != self._news:
            self._news = found
            self.changed(frozenset({"messages"}))

    def _ask_about_voices(self) -> None:
        from softphone.tui.common.confirm import Confirm  # noqa: PLC0415 - asked once

        if self.state.calls or len(self.screen_stack) > 1:
            # Not in the middle of something else; the engine asks again after its next start.
            return

        def chosen(yes: bool | None) -> None:
            if yes is not None:
                self.run_worker(self._keep_voices(yes), group="voices")

        self.push_screen(Confirm(sentences.REMEMBER_VOICES, "Yes", "No", undecided=True), chosen)

    async def _keep_voices(self, yes: bool) -> None:
        try:
            self.config = await asyncio.to_thread(Settings(self.config_file).change, {"privacy.voices": "always" if yes else "never"})
        except SoftphoneError as error:
            self.changed(self.state.notice("error", str(error)))
            return
        if yes and not self.state.calls:
            await self.restart_engine()

    def take_status(self, status: PhoneStatus) -> None:
        self.changed(self.state.apply_status(visible_event(status)))

    def changed(self, topics: frozenset[Topic]) -> None:
        """Draw what changed: at once, or with the next frame what changes all the time."""
        self._dirty |= topics
        if topics - CONTINUOUS:
            self.call_later(self._draw)

    def _draw(self, held_back: frozenset[Topic] = CONTINUOUS) -> None:
        topics, self._dirty = self._dirty - held_back, self._dirty & held_back
        if not topics:
            return
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
                self._dirty |= {"time"}
            self._look_for_news()
        self._watch_link()
        self._import_ahead()
        if self.backlog:
            return
        now = time.monotonic()
        if now < self._next_news:
            self._draw(CONTINUOUS - {"time"})
        else:
            self._next_news = now + self.link.news_s - FRAME_S / 2
            self._draw(frozenset())

    def _import_ahead(self) -> None:
        """Screens that were not opened yet are imported while nobody waits, so that the first opening is as fast as the others."""
        quiet = self.engine_ready and time.monotonic() - self.last_key > QUIET_S
        if self._ahead and quiet and self._frames > AHEAD_FRAMES and not self.is_headless:
            importlib.import_module(self._ahead.pop(0))

    @property
    def engine_ready(self) -> bool:
        return self.state.engine.state == "ready"

    @property
    def slow(self) -> bool:
        """Whether the terminal is at the end of a slow link, and as little as possible is drawn."""
        return self._drawn_slow

    def _watch_link(self) -> None:
        now = time.monotonic()
        if self.link.due(now) and self._driver is not None and not self.is_headless:
            self._driver.write(ASK)
            self.link.asked(now)
        self.link.look(now)
        if self.link.slow != self._drawn_slow:
            self._drawn_slow = self.link.slow
            self.simplify(self._drawn_slow)
            if self._drawn_slow and self.link.setting == "auto":
                self.state.notice("info", SLOW_LINK)
            self.changed(EVERYTHING)

    def on_cursor_position(self, _event: events.CursorPosition) -> None:
        """The terminal's answer to `ASK`."""
        self.link.answered(time.monotonic())

    def action_slow(self) -> None:
        self.link.setting = not self.slow
        self._watch_link()

    def action_redraw(self) -> None:
        self.draw_again()

    def _title_text(self) -> str:
        ringing, call = self.state.ringing, self.state.call
        if ringing is not None:
            name = who(ringing.state.remote, self.name_of)
            return f"*** {name} is calling ***" if self._frames // 2 % 2 and not self.slow else f"{name} is calling - softphone"
        count = f"({self.news.count}) " if self.news.count else ""
        if call is not None:
            return f"{count}{who(call.state.remote, self.name_of)} - softphone"
        return f"{count}softphone"

    def name_of(self, remote: str) -> str:
        """The contact's name, else the display name that the remote party gives, else ""."""
        try:
            return self.store.name_of(remote)
        except StoreError:
            return display_name(remote)

    def resolve(self, text: str) -> str:
        """The SIP URI that `text` means for the account that will call. Raises StoreError."""
        return self.store.resolve(text, self.default_domain(), self.config.numbers)

    def target(self, text: str) -> Target:
        """Like `resolve`, with the keys that are to be pressed in the call."""
        return self.store.target(text, self.default_domain(), self.config.numbers)

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
            self._close_top()

    # What can be done

    def action_possible(self, name: str) -> bool:
        """Whether an action of the table can be done now; what is not in the table always can."""
        if name in LEADS_AWAY and any(isinstance(screen, PhoneScreen) and screen.SCOPE == "setup" for screen in self.screen_stack):
            return False
        return next((action.when(self.state) for action in self.actions if action.id == name), True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.action_possible(action)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The command palette: every action that can be done here and now, with its key."""
        scope = screen.SCOPE if isinstance(screen, PhoneScreen) else ""
        for action in self.actions:
            if action.scope in (scope, "everywhere") and self.action_possible(action.id) and action.id != "command_palette":
                namespace = "app" if action.scope == "everywhere" else "screen"
                yield SystemCommand(
                    f"{action.title_now(self.state)}  ({action.key})", action.help, lambda name=f"{namespace}.{action.id}": self._run(name)
                )

    async def _run(self, action: str) -> None:
        await self.run_action(action)

    def open(self, name: str, *arguments: Any) -> None:
        """Show a screen by its name in `SCREENS` over what is there, to which it leads back; one that is open comes to the front."""
        module, kind = SCREENS[name]
        screen: type[PhoneScreen[None]] = getattr(importlib.import_module(module), kind)
        if isinstance(self.screen, screen):
            return
        if any(isinstance(open_already, screen) for open_already in self.screen_stack):
            while not isinstance(self.screen, screen):
                self._close_top()
            if not arguments:
                return
            self._close_top()
        kept = self._kept.get(name)
        if kept is not None:
            self.push_screen(kept)
            kept.opened_again(*arguments)
            return
        new = screen(*arguments)
        if screen.KEPT:
            self._kept[name] = new
            self.install_screen(new, name)
        self.push_screen(new)

    def pop_screen(self) -> AwaitComplete:
        left = self.screen
        done = super().pop_screen()
        if isinstance(left, PhoneScreen):
            left.left()
        return done

    def _close_top(self) -> None:
        if isinstance(self.screen, PhoneScreen):
            self.screen.closed()
        self.pop_screen()

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
        text = sentences.DO_NOT_DISTURB_ON if on else sentences.DO_NOT_DISTURB_OFF
        self.changed(self.state.notice("info", text) | {"engine"})

    async def action_quit(self) -> None:
        if not self.state.calls:
            await self.leave(keep=False)
            return
        from softphone.tui.calls.leave import LeaveDialog  # noqa: PLC0415 - not needed before

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
