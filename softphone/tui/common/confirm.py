"""A question with two answers, of which the harmless one is chosen at first."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from softphone.plain_text import visible
from softphone.tui.common.screens import Dialog


class Confirm(Dialog[bool]):
    """True for yes. `y` and `n` answer, and so do tab and enter, and clicks; escape is no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", show=False),
        Binding("n", "answer(False)", "No", show=False),
        Binding("left,right", "app.focus_next", "Other", show=False),
    ]
    DEFAULT_CSS = """
    Confirm {
        align: center middle;
        Vertical { width: 60; max-width: 90%; height: auto; background: $surface; border: round $primary; padding: 1 2; }
        Static { width: 1fr; }
        Horizontal { height: auto; margin-top: 1; }
        Button { margin-right: 2; }
    }
    """

    KEYS = (("y", "Yes"), ("n", "No"), ("enter", "Choose"))

    def __init__(self, question: str, yes: str, no: str = "Keep it", *, undecided: bool = False) -> None:
        """`undecided`: escape answers nothing (None) rather than no."""
        super().__init__()
        self._question, self._yes, self._no, self._undecided = question, yes, no, undecided

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(visible(self._question), markup=False)
            with Horizontal():
                yield Button(f"{self._no} (n)", id="no", compact=True)
                yield Button(f"{self._yes} (y)", id="yes", compact=True, variant="default" if self._undecided else "error")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)

    def action_leave(self) -> None:
        self.dismiss(None if self._undecided else False)
