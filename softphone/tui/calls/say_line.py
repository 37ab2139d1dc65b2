"""Type to speak: what is written here is said into the call in the user's own voice."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from softphone.tui.common.line import Line


class SayInput(Input):
    SENDS: ClassVar[str] = "Say it"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back", show=False)]

    def action_leave(self) -> None:
        self.value = ""
        self.screen.set_focus(None)


class SayLine(Horizontal):
    """Hidden until it is opened; enter speaks and stays, escape leaves."""

    DEFAULT_CSS = """
    SayLine { height: 1; display: none; padding: 0 1; background: $surface; }
    SayLine Line { width: auto; color: $accent; text-style: bold; }
    SayLine SayInput { width: 1fr; height: 1; border: none; padding: 0; background: $surface; }
    SayLine SayInput:focus { border: none; background: $panel; }
    """

    class Spoken(Message):
        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def compose(self) -> ComposeResult:
        prompt = Line()
        prompt.show(Content("speak ▸ "))
        yield prompt
        yield SayInput(placeholder="type, enter says it in your voice, esc leaves", compact=True, max_length=2000)

    def open(self) -> None:
        self.display = True
        self.screen.set_focus(self.query_one(SayInput))

    def close(self) -> None:
        self.display = False

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        text = event.value.strip()
        if text:
            event.input.clear()
            self.post_message(self.Spoken(text))

    def on_descendant_blur(self) -> None:
        self.close()
