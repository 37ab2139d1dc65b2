"""People: found as one types, called, written to, added and changed."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, ClassVar, TypeVar

from textual import work
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Key
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static

from softphone.control.protocol import Presence
from softphone.files.errors import StoreError
from softphone.plain_text import visible
from softphone.store.contacts import Address, Contact
from softphone.store.vcard.importing import export_file, import_file
from softphone.tui.common.confirm import Confirm
from softphone.tui.common.list_screen import ListScreen
from softphone.tui.common.path_prompt import PathPrompt
from softphone.tui.common.pick_list import Cell, PickList, Row, line
from softphone.tui.common.screens import bindings
from softphone.tui.people.contact_editor import ContactEditor
from softphone.tui.people.pick_address import PickAddress
from softphone.tui.state.names import short
from softphone.tui.state.phone_state import Topic

T = TypeVar("T")
NOBODY = "No contacts yet.\n\na adds one, i imports a vCard file from another phone."
NOT_FOUND = "No match. Escape shows all contacts."


class ContactsScreen(ListScreen[Contact]):
    """`search`: what stands in the search field at first."""

    SCOPE = "contacts"
    TITLE_TEXT = "Contacts"
    BINDINGS: ClassVar[list[BindingType]] = bindings(SCOPE)
    OF_AN_ENTRY: ClassVar[frozenset[str]] = frozenset(
        {"contact_call", "contact_message", "contact_edit", "contact_remove", "contact_favourite"}
    )
    DEFAULT_CSS = """
    ContactsScreen {
        #contacts-list { width: 1fr; height: 1fr; }
        #contacts-search { margin: 0 1; width: 1fr; background: $panel; }
        #contacts-side { width: 44; height: 1fr; border-left: solid $border; padding: 0 2; display: none; }
        &.-wide #contacts-side { display: block; }
    }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-normal"), (100, "-wide")]  # noqa: RUF012 - declared so by Screen

    def __init__(self, search: str = "") -> None:
        super().__init__()
        self._search = search

    def body(self) -> Iterable[Widget]:
        with Horizontal():
            with Vertical():
                yield Input(self._search, placeholder="/ search: name, number or address", id="contacts-search", compact=True)
                yield PickList(NOBODY, id="contacts-list")
            yield Static(id="contacts-side", markup=False)

    def opened_again(self, search: str = "", *_arguments: Any) -> None:
        with self._field.prevent(Input.Changed):
            self._field.value = search
        super().opened_again()

    @property
    def _field(self) -> Input:
        return self.query_one("#contacts-search", Input)

    def reload(self) -> None:
        book = self.phone.store.contacts
        try:
            found = tuple(book.search(self._field.value))
        except StoreError as error:
            self.tell(str(error))
            return
        if found == self._shown:
            return
        self._shown = found
        self._show_rows()

    def _show_rows(self) -> None:
        rows = [_row(contact, self.state.presence) for contact in self._shown or ()]
        self._list.show(rows, NOT_FOUND if self._field.value else NOBODY)
        self._show_side()
        self.show_keys()

    def state_changed(self, topics: frozenset[Topic]) -> None:
        if "presence" in topics and self._shown is not None and self.state.presence:
            self._show_rows()

    def _show_side(self) -> None:
        contact = self.chosen
        self.query_one("#contacts-side", Static).update(card(contact, self.state.presence) if contact is not None else "")

    def on_input_changed(self, _event: Input.Changed) -> None:
        self.reload()

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        self._list.focus()

    def on_key(self, event: Key) -> None:
        if self._field.has_focus and event.key in ("down", "up"):
            event.stop()
            self._list.focus()

    def on_option_list_option_highlighted(self, _event: OptionList.OptionHighlighted) -> None:
        self._show_side()

    def on_option_list_option_selected(self, _event: OptionList.OptionSelected) -> None:
        self.action_contact_call()

    def action_contact_search(self) -> None:
        self._field.focus()

    def action_contacts_back(self) -> None:
        if self._field.value:
            self._field.value = ""
        elif not self._field.has_focus:
            self.dismiss()
            return
        self._list.focus()

    @work
    async def action_contact_call(self) -> None:
        uri = await self._address("call", "Call which address?")
        if uri is not None:
            await self.phone.call(uri)

    @work
    async def action_contact_message(self) -> None:
        uri = await self._address("write to", "Write to which address?")
        if uri is not None:
            self.phone.open("messages", uri)

    async def _address(self, what: str, question: str) -> str | None:
        contact = self.chosen
        if contact is None:
            self.tell(f"Nobody to {what}; a adds a contact.", "info")
            return None
        if not contact.addresses:
            self.tell(f"{contact.name} has no address; v adds one")
            return None
        if len(contact.addresses) == 1:
            return contact.addresses[0].uri
        return await self.app.push_screen_wait(PickAddress(contact, f"{contact.name}: {question}"))

    @work
    async def action_contact_add(self) -> None:
        typed = self._field.value.strip()
        contact = Contact("", (Address(typed),)) if "@" in typed else Contact(typed)
        await self._edit(contact, self.phone.store.contacts.add)

    @work
    async def action_contact_edit(self) -> None:
        contact = self.chosen
        if contact is not None:
            await self._edit(contact, self.phone.store.contacts.update)

    async def _edit(self, contact: Contact, keep: Callable[[Contact], Contact]) -> None:
        trouble = ""
        while True:
            changed = await self.app.push_screen_wait(ContactEditor(contact, self.phone.config.codecs.order, trouble))
            if changed is None:
                return
            try:
                kept = await to_thread(keep, changed)
            except StoreError as error:
                # What was written is not lost because the disk is full: it is there to be saved again.
                contact, trouble = changed, str(error)
                continue
            self.reload()
            self._list.choose(str(kept.id))
            self.tell(f"Saved {kept.name}.", "info")
            return

    @work
    async def action_contact_remove(self) -> None:
        contact = self.chosen
        if contact is None:
            return
        if await self.app.push_screen_wait(Confirm(f"Remove {contact.name} from the contacts? This cannot be undone.", "Remove")):
            await self._try(partial(to_thread, self.phone.store.contacts.remove, contact.id), f"Removed {contact.name}.")
            self.reload()

    @work
    async def action_contact_favourite(self) -> None:
        contact = self.chosen
        if contact is not None:
            await self._try(partial(to_thread, self.phone.store.contacts.set_favourite, contact.id, not contact.favourite))
            self.reload()

    @work
    async def action_contact_import(self) -> None:
        path = await self.app.push_screen_wait(PathPrompt("Import contacts from a vCard file", "Import", "~/contacts.vcf", must_exist=True))
        if path is None:
            return
        said = await self._try(partial(to_thread, import_file, path, self.phone.store.contacts))
        if said is not None:
            self.tell(f"{path}: {said.sentence}", "warning" if said.remarks else "info")
        self.reload()

    @work
    async def action_contact_export(self) -> None:
        path = await self.app.push_screen_wait(
            PathPrompt("Export all contacts to a vCard file", "Export", "~/contacts.vcf", must_exist=False)
        )
        if path is not None:
            count = await self._try(partial(to_thread, export_file, path, self.phone.store.contacts))
            if count is not None:
                self.tell(f"Exported {count} contacts to {path}, which only you can read.", "info")

    async def _try(self, act: Callable[[], Awaitable[T]], done: str = "") -> T | None:
        try:
            result = await act()
        except (StoreError, OSError) as error:
            self.tell(str(error))
            return None
        if done:
            self.tell(done, "info")
        return result


PRESENCE = {
    "available": ("free", "$success"),
    "busy": ("busy", "$warning"),
    "away": ("away", "$foreground-muted"),
    "offline": ("offline", "$foreground-muted"),
    "unknown": ("?", "$foreground-muted"),
}
"""Words, because colours alone tell nothing to some."""


def presence_of(contact: Contact, known: Mapping[str, Presence]) -> Presence | None:
    """What is known of whether they can be called; None where they are not watched."""
    return next((known[address.uri] for address in contact.addresses if address.uri in known), None)


def card(contact: Contact, known: Mapping[str, Presence] | None = None) -> Content:
    """All that is known of somebody, in a column."""
    parts: list[tuple[str, str] | str | Content] = [
        (visible(contact.name), "bold"),
        ("  ★ favourite" if contact.favourite else "", "$accent"),
        "\n",
    ]
    for address in sorted(contact.addresses, key=lambda address: not address.preferred):
        label = f"  {visible(address.label)}" if address.label else ""
        parts += ["\n", visible(address.uri), (label, "$foreground-muted")]
    presence = presence_of(contact, known or {})
    if presence is not None:
        said = visible(presence.note or presence.reason)
        parts += ["\n\n", PRESENCE[presence.state], (f"  {said}" if said else "", "$foreground-muted")]
    if contact.auto_answer:
        parts += ["\n\n", ("their calls are answered at once, microphone open", "$warning")]
    if contact.codecs is not None:
        parts += ["\n\n", ("codecs  ", "$foreground-muted"), ", ".join(contact.codecs)]
    if contact.notes:
        parts += ["\n\n", "\n".join(map(visible, contact.notes.split("\n")))]
    return Content.assemble(*parts)


def _row(contact: Contact, known: Mapping[str, Presence]) -> Row:
    presence = presence_of(contact, known)
    word, colour = PRESENCE[presence.state] if presence is not None else ("", "")
    # The column is there once somebody is watched.
    shown = [Cell(word, 7, colour, least=30)] if known else []
    preferred = contact.preferred
    more = f" +{len(contact.addresses) - 1}" if len(contact.addresses) > 1 else ""
    marks = [word for word, on in (("answers", contact.auto_answer), ("codecs", contact.codecs is not None)) if on]
    return Row(
        str(contact.id),
        lambda width: line(
            width,
            Cell("★" if contact.favourite else "", 1, "$accent"),
            *shown,
            Cell(visible(contact.name)),
            Cell((short(preferred.uri) if preferred else "no address") + more, style="$foreground-muted", least=44),
            Cell(", ".join(marks), 15, "$warning", least=70),
        ),
    )
