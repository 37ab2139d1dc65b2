"""Which calls all hear each other."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.strip import Strip
from textual.widgets import Button, SelectionList, Static
from textual.widgets.selection_list import Selection

from softphone.tui.calls.call_words import state_text
from softphone.tui.common.screens import Dialog
from softphone.tui.state.names import who


class MarkList(SelectionList[int]):
    """Textual tells marked from unmarked by colour alone; here it is `[x]` and `[ ]`."""

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        place = y + self.scroll_offset.y
        if place >= self.option_count:
            return strip
        marked = self.get_option_at_index(place).value in self.selected
        _, mark, _, *rest = strip
        style = rest[0].style
        sides = Segment("[", style), Segment("x" if marked else " ", mark.style), Segment("]", style)
        return Strip([*sides, *rest])


class ConferenceDialog(Dialog[list[int]]):
    """The numbers of the chosen calls; all that are up are chosen at first. None chosen ends the conference."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "join", "Join", show=False, priority=True),
        Binding("x", "split", "End the conference", show=False),
    ]

    KEYS = (("enter", "Join"), ("space", "Mark"), ("x", "End conference"))

    def compose(self) -> ComposeResult:
        calls = [call for call in self.state.calls.values() if call.up]
        now = self.phone.clock()
        with Vertical(classes="window"):
            yield Static("Conference: all marked calls hear each other", classes="heading", markup=False)
            yield MarkList(
                *[
                    Selection(Content(f"{who(call.state.remote, self.phone.name_of)}  {state_text(call, now)}"), call.number, True)
                    for call in calls
                ],
                compact=True,
            )
            with Horizontal(classes="buttons"):
                yield Button("Join (enter)", id="join", variant="primary", compact=True)
                yield Button("End conference (x)", id="split", compact=True)
                yield Button("Back (esc)", id="back", compact=True)

    def on_mount(self) -> None:
        self.query_one(MarkList).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        {"join": self.action_join, "split": self.action_split}.get(event.button.id or "", self.action_leave)()

    def action_join(self) -> None:
        chosen = sorted(self.query_one(MarkList).selected)
        self.dismiss(chosen if len(chosen) > 1 else [])

    def action_split(self) -> None:
        self.dismiss([])
