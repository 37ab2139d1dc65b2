"""The window in which a contact is written or changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Checkbox, Label, Static, TextArea

from softphone.files.errors import StoreError
from softphone.plain_text import visible
from softphone.store.contacts import Address, Contact, check, tidy_uri
from softphone.tui.common.codec_order import CodecOrder
from softphone.tui.common.form import Field, Tick
from softphone.tui.common.form_dialog import FormDialog


def addresses_of(text: str) -> tuple[Address, ...]:
    """One a line, the one to be called first; a label may follow after a comma and a space. Raises StoreError naming the line."""
    found: list[Address] = []
    for line in filter(str.strip, text.splitlines()):
        uri, _, label = line.partition(", ")
        found.append(Address(tidy_uri(uri), label.strip(), preferred=not found))
    return tuple(found)


def text_of(addresses: Iterable[Address]) -> str:
    """The reverse of `addresses_of`."""
    ordered = sorted(addresses, key=lambda address: not address.preferred)
    return "\n".join(f"{address.uri}, {address.label}" if address.label else address.uri for address in ordered)


class AddressLines(Vertical):
    """Addresses, one a line."""

    DEFAULT_CSS = """
    AddressLines {
        height: auto;
        &:focus-within { text-style: none; }
        Horizontal { height: 3; }
        Label { width: 15; color: $text-muted; }
        TextArea { width: 1fr; height: 3; background: $panel; padding: 0; }
        .field--hint { color: $text-muted; padding-left: 15; display: none; height: auto; }
        .field--trouble { color: $text-error; padding-left: 15; display: none; height: auto; }
        &:focus-within .field--hint { display: block; }
        &:focus-within Label { color: $text; text-style: bold; }
        &.-wrong .field--trouble { display: block; }
        &.-wrong .field--hint { display: none; }
    }
    """

    def __init__(self, addresses: tuple[Address, ...]) -> None:
        super().__init__(id="addresses")
        self.area = TextArea(text_of(addresses), compact=True, tab_behavior="focus", highlight_cursor_line=False)

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Label("Addresses")
            yield self.area
        yield Static("one a line, the first is called: bob@example.org or +49 30 1234, work", classes="field--hint", markup=False)
        yield Static("", classes="field--trouble", markup=False)

    def complain(self, sentence: str) -> None:
        self.query_one(".field--trouble", Static).update(f"! {visible(sentence)}")
        self.add_class("-wrong")
        self.area.focus()

    def on_text_area_changed(self) -> None:
        self.remove_class("-wrong")


class ContactEditor(FormDialog[Contact]):
    """The contact as it should be kept; not kept yet. `trouble` says why keeping it failed before."""

    DEFAULT_CSS = """
    ContactEditor CodecOrder { margin-left: 14; }
    ContactEditor #codecs-hint { margin-left: 15; color: $text-muted; }
    """
    HEADING: ClassVar[str] = "Contact"

    def __init__(self, contact: Contact, default_order: tuple[str, ...], trouble: str = "") -> None:
        super().__init__()
        self._contact = contact
        self._default_order = default_order
        self._trouble = trouble

    def fields(self) -> Iterable[Widget]:
        contact = self._contact
        yield Field("Name", id="name", value=contact.name, limit=200)
        yield AddressLines(contact.addresses)
        yield Tick("Favourite", "at the top of the list", id="favourite", value=contact.favourite)
        yield Tick("Answer", "their calls at once, without asking", id="auto-answer", value=contact.auto_answer)
        yield Tick("Codecs", "as in the settings", id="default-codecs", value=contact.codecs is None)
        yield CodecOrder(contact.codecs or self._default_order, id="codecs")
        yield Static("space takes a codec in or out, + and - move it", id="codecs-hint", classes="form--hint", markup=False)
        yield Field("Notes", id="notes", value=contact.notes.replace("\n", " "), limit=2000)

    def on_mount(self) -> None:
        self._show_codecs()
        self.query_one("#name", Field).input.focus()
        if self._trouble:
            self.query_one("#name", Field).complain(self._trouble)

    def on_checkbox_changed(self, _event: Checkbox.Changed) -> None:
        self._show_codecs()

    def _show_codecs(self) -> None:
        own = not self.query_one("#default-codecs", Tick).value
        self.query_one(CodecOrder).display = own
        self.query_one("#codecs-hint").display = own

    async def save(self) -> None:
        lines = self.query_one(AddressLines)
        name = self.query_one("#name", Field)
        try:
            addresses = addresses_of(lines.area.text)
        except StoreError as error:
            lines.complain(str(error))
            return
        notes = self.query_one("#notes", Field).value
        kept = self._contact.notes
        changed = replace(
            self._contact,
            name=name.value,
            addresses=addresses,
            favourite=self.query_one("#favourite", Tick).value,
            auto_answer=self.query_one("#auto-answer", Tick).value,
            codecs=None if self.query_one("#default-codecs", Tick).value else self.query_one(CodecOrder).order,
            notes=kept if notes == kept.replace("\n", " ").strip() else notes,
        )
        try:
            self.dismiss(check(changed))
        except StoreError as error:
            name.complain(str(error))
