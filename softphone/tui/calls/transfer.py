"""Where a call is transferred to: an address (blind transfer), or another call of ours (attended transfer)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from softphone.tui.calls.call_words import state_text
from softphone.tui.common.screens import Dialog
from softphone.tui.dialling.dial_field import DialField, DialInput
from softphone.tui.state.names import who


@dataclass(frozen=True)
class Target:
    """Exactly one of the two is set."""

    uri: str | None = None
    call: int | None = None


class TransferDialog(Dialog[Target]):
    """Calls to choose from are there at once; typing an address is always possible."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "app.focus_next", show=False)]

    KEYS = (("enter", "Transfer"), ("tab", "Calls or address"))

    def hints(self) -> list[tuple[str, str, str]]:
        """Without other calls there is only an address."""
        return [hint for hint in super().hints() if hint[1] != "tab" or self._others]

    def __init__(self, call: int) -> None:
        super().__init__()
        self._others: list[int] = []
        self._call = call

    def compose(self) -> ComposeResult:
        calls = self.state.calls
        subject = calls.get(self._call)
        self._others = [number for number, call in calls.items() if number != self._call and call.up]
        name = who(subject.state.remote, self.phone.name_of) if subject is not None else "the call"
        with Vertical(classes="window"):
            yield Static(f"Transfer {name}", classes="heading", markup=False)
            if self._others:
                yield Static("To another call of yours:", markup=False)
                yield OptionList(
                    *[
                        Option(
                            Content(
                                f"{who(calls[number].state.remote, self.phone.name_of)}  {state_text(calls[number], self.phone.clock())}"
                            )
                        )
                        for number in self._others
                    ],
                    compact=True,
                    markup=False,
                )
                yield Static("Or to an address (tab):", markup=False)
            else:
                yield Static("To an address. To talk to them first: esc, dial them, then transfer.", markup=False)
            yield DialField(self.phone.store.complete, self.phone.target, prompt="to")

    def on_mount(self) -> None:
        if self._others:
            self.query(OptionList).first().focus()
        else:
            self.query_one(DialField).focus_input()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(Target(call=self._others[event.option_index]))

    def on_dial_input_left(self, event: DialInput.Left) -> None:
        event.stop()
        self.action_leave()

    def on_dial_field_dialled(self, event: DialField.Dialled) -> None:
        event.stop()
        self.dismiss(Target(uri=event.uri))
