"""The phone itself: accounts and calls at the left, the chosen call at the right, the dial field above."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Input

from softphone.files.errors import StoreError
from softphone.store.history import CallRecord
from softphone.tui.accounts.registration_list import AccountList
from softphone.tui.calls.call_actions import CallActions
from softphone.tui.calls.call_card import CallCard
from softphone.tui.calls.call_list import CallList
from softphone.tui.calls.idle_panel import IdlePanel, RecentPanel
from softphone.tui.calls.say_line import SayInput, SayLine
from softphone.tui.common.line import Line
from softphone.tui.common.screens import PhoneScreen, bindings
from softphone.tui.dialling.dial_field import DialField, DialInput
from softphone.tui.state.names import who
from softphone.tui.state.phone_state import EVERYTHING, Topic

LEAST_WIDTH, LEAST_HEIGHT = 40, 12
LATELY = 40
NARROW, WIDE = 66, 110
IDLE_HINTS = ("dial", "redial", "contacts", "history", "messages", "settings", "do_not_disturb", "command_palette", "help")


class MainScreen(CallActions, PhoneScreen[None]):
    """Keys are single letters; in the dial field and the line to speak they are text."""

    SCOPE = "phone"
    _fitted: Size | None = None
    BINDINGS: ClassVar[list[BindingType]] = bindings("phone")

    def body(self) -> Iterable[Widget]:
        yield DialField(self.phone.store.complete, self.phone.target)
        yield Line(id="banner")
        with Horizontal(id="middle"):
            with Vertical(id="side"):
                yield AccountList()
                yield CallList(self.phone.name_of)
            yield CallCard(self.phone.config, self.phone.name_of)
            yield IdlePanel(self.phone.name_of)
            yield RecentPanel(self.phone.name_of)
        yield Line(wrap=True, fill=True, id="too-small")
        yield SayLine()

    def on_resize(self, _event: events.Resize) -> None:
        self._fit(self.app.size)  # that of the event may be an older one

    def _fit(self, size: Size) -> None:
        """Arrange for a terminal of this size. The message of a change that came while this screen was being pushed went to another."""
        if size == self._fitted:
            return
        self._fitted = size
        width, height = size.width, size.height
        self.set_class(width < LEAST_WIDTH or height < LEAST_HEIGHT, "-small")
        self.query_one("#middle").set_class(width < NARROW, "-narrow")
        self.query_one("#side").set_class(width >= WIDE, "-wide")
        self.query_one(RecentPanel).set_class(width >= WIDE, "-wide")
        text = (
            f"This terminal has {width} x {height} characters; the phone needs {LEAST_WIDTH} x {LEAST_HEIGHT}. "
            "Make the window larger. Calls continue, and keys work."
        )
        self.query_one("#too-small", Line).show(Content(text))
        self.call_after_refresh(self.refresh_state, EVERYTHING)

    def available(self) -> list[tuple[str, str, str]]:
        """While a line is open letters are text, and only its own keys are keys."""
        if isinstance(self.focused, DialInput | SayInput):
            return [("screen.send_line", "enter", self.focused.SENDS), ("screen.leave_line", "esc", "Back")]
        return super().available()

    async def action_send_line(self) -> None:
        if isinstance(self.focused, Input):
            await self.focused.action_submit()

    def action_leave_line(self) -> None:
        if isinstance(self.focused, DialInput | SayInput):
            self.focused.action_leave()

    def state_changed(self, topics: frozenset[Topic]) -> None:
        self._fit(self.app.size)
        state, now = self.state, self.phone.clock()
        if topics & {"accounts", "engine"}:
            self.query_one(AccountList).show_state(state)
        if topics & {"calls", "time"}:
            self.query_one(CallList).show_state(state, now)
            self._banner()
        # Where they stand above each other, one call needs no list.
        self.query_one(CallList).display = len(state.calls) != 1 or not self.query_one("#middle").has_class("-narrow")
        card, idle, call = self.query_one(CallCard), self.query_one(IdlePanel), state.call
        card.display, idle.display = call is not None, call is None
        recent = self.query_one(RecentPanel)
        if call is None or recent.has_class("-wide"):
            missed, calls = self._past()
            recent.show_calls(calls)
        if call is None:
            idle.show_state(state, self._idle_hints(), missed, [] if recent.has_class("-wide") else calls)
            self.query_one(SayLine).close()
        else:
            card.show_call(call, state, now, topics, self.phone.slow)

    def on_call_card_reshaped(self) -> None:
        self.refresh_state(EVERYTHING)

    def _banner(self) -> None:
        """A call that rings while another is chosen."""
        ringing, line = self.state.ringing, self.query_one("#banner", Line)
        shown = ringing is not None and ringing.number != self.state.selected
        line.display = shown
        if shown and ringing is not None:
            name = who(ringing.state.remote, self.phone.name_of)
            line.show(Content(f"☎ {name} is calling: a answers and holds this call, B declines"))

    def _idle_hints(self) -> list[tuple[str, str]]:
        known = {action.id: action for action in self.phone.actions}
        return [(known[name].key, known[name].help) for name in IDLE_HINTS if self.phone.action_possible(name)]

    def _past(self) -> tuple[int, list[CallRecord]]:
        """Missed calls that nobody has looked at, and the newest calls."""
        try:
            history = self.phone.store.history
            return history.unseen(), history.calls(LATELY)
        except StoreError:
            return 0, []

    async def on_key(self, event: events.Key) -> None:
        """Digits are telephone keys in a call, and the keys of `[phrases]` speak."""
        call = self.state.call
        if call is None or not call.up:
            return
        if event.key in self.phone.config.phrases:
            event.stop()
            await self.speak(self.phone.config.phrases[event.key])
        elif event.character and event.character in "0123456789*#" and not isinstance(self.focused, Input):
            event.stop()
            await self.press(event.character)
