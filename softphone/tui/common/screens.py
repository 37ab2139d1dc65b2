"""What all screens of the phone share: the title bar, the line for notices, the key hints, and how a command is asked."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message_pump import _MessagePumpMeta
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Input, TextArea

from softphone.control.protocol import AnyEvent, Command, ControlError, ResultT
from softphone.tui.common.phone import Phone
from softphone.tui.common.title_bar import TitleBar
from softphone.tui.keys.actions import ACTIONS, of_scope
from softphone.tui.keys.key_hints import KeyHints
from softphone.tui.notices.notice_line import NoticeLine
from softphone.tui.state.phone_state import EVERYTHING, Kind, PhoneState, Topic

Result = TypeVar("Result")


def bindings(scope: str) -> list[BindingType]:
    """Textual's bindings for the actions of a scope; the application's keymap puts the user's keys in their place."""
    return [Binding(action.keys, action.id, action.title, id=action.id, show=False) for action in of_scope(scope, ACTIONS)]


class PhoneParts:
    """What screens and dialogs have in common."""

    @property
    def phone(self) -> Phone:
        return cast(Phone, cast(Widget, self).app)

    @property
    def state(self) -> PhoneState:
        return self.phone.state

    def tell(self, text: str, kind: Kind = "error") -> None:
        """One sentence where the user looks; "" takes it away."""
        for line in cast(Widget, self).query(NoticeLine):
            line.tell(text, kind, self.phone.clock())

    async def ask(self, command: Command[ResultT], *, timeout_s: float = 30.0) -> ResultT | None:
        """The engine's answer, or None after its refusal was shown on this screen."""
        try:
            return await self.phone.session.ask(command, timeout_s=timeout_s)
        except ControlError as error:
            self.tell(str(error))
            return None

    def event_came(self, event: AnyEvent) -> None:
        """An event of the engine, after the state took it; for what is not in the state (sound test, sent messages)."""

    def state_changed(self, topics: frozenset[Topic]) -> None:
        """Show what is new. Called with all topics when the screen appears, then with what changed, at most 5 times a second
        for what changes all the time (statistics, levels, phones, voice)."""


class AbstractScreen(_MessagePumpMeta, ABCMeta):
    """Of screens with parts that each kind must give: one without them cannot be made."""


class PhoneScreen(Screen[Result], PhoneParts, metaclass=AbstractScreen):
    """A full screen. Set `SCOPE` and `BINDINGS = bindings(SCOPE)`, and give the middle part in `body`."""

    SCOPE: ClassVar[str] = ""
    TITLE_TEXT: ClassVar[str] = ""
    """What the title bar says beside the program's name."""
    AUTO_FOCUS = ""
    KEPT: ClassVar[bool] = False
    """Made once and kept while it is not shown: to make its widgets takes longer than to draw them."""

    @abstractmethod
    def body(self) -> Iterable[Widget]:
        """The widgets between title and notices."""

    def compose(self) -> ComposeResult:
        yield TitleBar(self.TITLE_TEXT)
        yield from self.body()
        yield NoticeLine()
        yield KeyHints()

    def on_screen_resume(self) -> None:
        self.refresh_state(EVERYTHING)

    def refresh_state(self, topics: frozenset[Topic]) -> None:
        """Title, hints and what the screen itself shows."""
        if not self.query(TitleBar):
            return  # on its way in or out
        self.query_one(TitleBar).show_state(self.state, topics, self.phone.name_of, self.SCOPE == "phone", self.phone.news)
        if "notices" in topics:
            self.query_one(NoticeLine).show_state(self.state, self.phone.clock())
        self.state_changed(topics)
        self.show_keys()

    def show_keys(self) -> None:
        """The keys that do something now: under a dialog those of the dialog."""
        if not self.app.screen_stack:
            return  # on its way out
        over = self.app.screen
        for line in self.query(KeyHints):
            line.show_actions(over.hints() if isinstance(over, Dialog) else self.available())

    def closed(self) -> None:
        """The phone closes it, not its own keys."""

    def left(self) -> None:
        """It is no longer shown; one that is kept lets go of what others may change until it is opened again."""

    def opened_again(self, *arguments: Any) -> None:
        """A kept screen is shown again, with the arguments that a new one would have got: it begins as a new one does."""

    def available(self) -> list[tuple[str, str, str]]:
        """(action, key, title) for the key hints, the most wanted first."""
        hints = [action for action in self.phone.actions if action.hint and action.scope in (self.SCOPE, "everywhere")]
        hints.sort(key=lambda action: action.hint)
        # Letters are text while a field has the focus.
        typing = isinstance(self.focused, Input | TextArea)
        return [
            (f"app.{action.id}" if action.scope == "everywhere" else f"screen.{action.id}", key, action.title_now(self.state))
            for action in hints
            if (key := action.key_while_typing() if typing else action.key)
            and action.id != self.SCOPE  # one is there already
            and (self.app if action.scope == "everywhere" else self).check_action(action.id, ())
        ]

    def on_descendant_focus(self) -> None:
        self.show_keys()

    def on_descendant_blur(self) -> None:
        self.show_keys()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.phone.action_possible(action)


class Dialog(ModalScreen[Result], PhoneParts):
    """A small window over a screen; escape leaves it with None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back", show=False)]
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Key and what it does, for the last line of the screen below; escape is added."""

    def hints(self) -> list[tuple[str, str, str]]:
        """As `PhoneScreen.available`."""
        return [("", key, title) for key, title in (*self.KEYS, ("esc", "Back"))]

    def refresh_state(self, topics: frozenset[Topic]) -> None:
        """As for a screen; a dialog has no title."""
        self.state_changed(topics)

    def on_screen_resume(self) -> None:
        self.refresh_state(EVERYTHING)
        for screen in self.app.screen_stack:
            if isinstance(screen, PhoneScreen):
                screen.show_keys()

    def action_leave(self) -> None:
        self.dismiss(None)
