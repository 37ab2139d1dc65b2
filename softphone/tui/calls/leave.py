"""Leaving with a call up: keep the call, end it, or stay."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from softphone.tui.common.screens import Dialog


class LeaveDialog(Dialog[bool]):
    """True keeps the calls, False ends them, None stays here."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "answer(True)", "Keep", show=False),
        Binding("b", "answer(False)", "Hang up", show=False),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
    ]

    KEYS = (("k", "Keep"), ("b", "Hang up"))

    def compose(self) -> ComposeResult:
        count = len(self.state.calls)
        what, them = ("You are in a call. Keep it", "it") if count == 1 else (f"You have {count} calls. Keep them", "them")
        with Vertical(classes="window"):
            yield Static(f"{what} running in the background?", classes="heading", markup=False)
            yield Static(f"Start softphone again to come back to {them}.", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Keep (k)", id="keep", variant="primary", compact=True)
                yield Button("Hang up (b)", id="end", variant="error", compact=True)
                yield Button("Back (esc)", id="back", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss({"keep": True, "end": False}.get(event.button.id or ""))

    def action_answer(self, keep: bool) -> None:
        self.dismiss(keep)
