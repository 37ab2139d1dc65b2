"""Which of several addresses of a contact is meant."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import OptionList, Static

from softphone.plain_text import visible
from softphone.store.contacts import Address, Contact
from softphone.tui.common.pick_list import Cell, PickList, Row, line
from softphone.tui.common.screens import Dialog
from softphone.tui.state.names import short


class PickAddress(Dialog[str]):
    """The address; the preferred one is highlighted at first, so that enter twice calls it."""

    DEFAULT_CSS: ClassVar[str] = """
    PickAddress {
        align: center middle;
        Vertical { width: 60; max-width: 95%; height: auto; max-height: 80%; background: $surface; border: round $primary; padding: 0 1; }
        PickList { height: auto; max-height: 10; }
    }
    """

    KEYS = (("enter", "Choose"),)

    def __init__(self, contact: Contact, heading: str) -> None:
        super().__init__()
        self._heading = heading
        self._addresses = sorted(contact.addresses, key=lambda address: not address.preferred)

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(self._heading, markup=False)
            yield PickList("no address", width_at_first=50)

    def on_mount(self) -> None:
        addresses = self.query_one(PickList)
        addresses.show([_row(str(index), address) for index, address in enumerate(self._addresses)])
        addresses.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option.id is not None:
            self.dismiss(self._addresses[int(event.option.id)].uri)


def _row(key: str, address: Address) -> Row:
    shown = short(address.uri) if ":" in address.uri else visible(address.uri)
    return Row(key, lambda width: line(width, Cell(shown), Cell(visible(address.label), 14, "$foreground-muted", least=34)))
