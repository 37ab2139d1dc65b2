"""A small window with fields to fill in, and what is wrong right under the field."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from softphone.tui.common.screens import AbstractScreen, Dialog

Result = TypeVar("Result")


class FormDialog(Dialog[Result], metaclass=AbstractScreen):
    """Give `fields`, and in `save` dismiss with what was made of them, or let a field complain. Enter in a line, or ^s, saves."""

    HEADING: ClassVar[str] = ""
    SAVE: ClassVar[str] = "Save"

    def hints(self) -> list[tuple[str, str, str]]:
        return [("", "tab", "Next field"), ("", "^s", self.SAVE), *super().hints()]

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "save", "Save", show=False, priority=True)]
    DEFAULT_CSS = """
    FormDialog {
        align: center middle;
        & > Vertical {
            width: 72; max-width: 98%; height: auto; max-height: 96%; background: $surface; border: round $primary; padding: 0 1;
        }
        VerticalScroll { height: auto; max-height: 100%; }
        .form--buttons { height: auto; margin-top: 1; }
        .form--buttons Button { margin-right: 2; min-width: 10; }
        .form--heading { text-style: bold; margin-bottom: 1; }
    }
    """

    @abstractmethod
    def fields(self) -> Iterable[Widget]:
        """What is filled in, from top to bottom."""

    @abstractmethod
    async def save(self) -> None:
        """Dismiss with what the fields make, or say at one of them what is wrong."""

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(self.HEADING, classes="form--heading", markup=False)
            with VerticalScroll(can_focus=False):
                yield from self.fields()
            with Horizontal(classes="form--buttons"):
                yield Button(f"{self.SAVE} (^s)", id="form-save", variant="primary", compact=True)
                yield Button("Back (esc)", id="form-leave", compact=True)

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "form-save":
            await self.save()
        elif event.button.id == "form-leave":
            self.action_leave()

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        await self.save()

    async def action_save(self) -> None:
        await self.save()
