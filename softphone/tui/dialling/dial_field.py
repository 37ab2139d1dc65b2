"""The dial field: a name, a number or an address. The first match is highlighted while one types, and enter takes what is highlighted."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from softphone.files.errors import StoreError
from softphone.plain_text import LONGEST_NAME, visible
from softphone.store import phone_number, sip_address
from softphone.store.dial import Completion, Target
from softphone.tui.common.line import Line
from softphone.tui.state.names import short

SHOWN = 7
IPV4_DOTS = 3
PLACEHOLDER = "a name, a number or a SIP address"
TYPE_HERE = "type a name, a number or a SIP address"


class DialInput(Input):
    """Keeps what Textual binds for editing; escape leaves the field."""

    SENDS: ClassVar[str] = "Call"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back", show=False)]

    def on_focus(self) -> None:
        self.placeholder = TYPE_HERE

    def on_blur(self) -> None:
        self.placeholder = PLACEHOLDER

    def action_leave(self) -> None:
        self.value = ""
        if isinstance(self.screen, ModalScreen):
            # A dialog is left with one key.
            self.post_message(self.Left())
        else:
            self.screen.set_focus(None)

    class Left(Message):
        """Escape in a dialog."""


class DialField(Vertical):
    """Sends `Dialled` with a SIP URI. What is wrong with the text is said right under it.

    `complete` and `resolve` are those of the store; `resolve` raises StoreError.
    """

    DEFAULT_CSS = """
    DialField { height: auto; width: 1fr; }
    DialField Horizontal { height: 1; background: $surface; padding: 0 1; }
    DialField Horizontal > Line { width: auto; color: $primary; text-style: bold; }
    DialField DialInput { width: 1fr; background: $surface; padding: 0; height: 1; border: none; }
    DialField DialInput:focus { background: $panel; border: none; }
    DialField OptionList { overlay: screen; constrain: none inside; height: auto; max-height: 10; width: 100%; display: none;
        background: $panel; border: none; padding: 0 1; margin: 0; }
    DialField OptionList.-open { display: block; }
    DialField > Line { color: $error; padding: 0 1; display: none; }
    DialField > Line.-shown { display: block; }
    """

    class Dialled(Message):
        """Call `uri` and press `keys` in the call; `name` is that of the contact, where one was chosen, and `text` what was typed."""

        def __init__(self, uri: str, name: str, keys: str = "", text: str = "") -> None:
            super().__init__()
            self.uri = uri
            self.name = name
            self.keys = keys
            self.text = text or uri

    def __init__(
        self, complete: Callable[[str], list[Completion]], resolve: Callable[[str], Target], *, prompt: str = "dial", id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._complete = complete
        self._resolve = resolve
        self._prompt = prompt
        self._found: list[Completion] = []

    def compose(self) -> ComposeResult:
        with Horizontal():
            prompt = Line()
            prompt.show(Content(f"{self._prompt} ▸ "))
            yield prompt
            yield DialInput(placeholder=PLACEHOLDER, select_on_focus=True, compact=True)
        options = OptionList(compact=True)
        options.can_focus = False
        yield options
        yield Line(wrap=True, id="complaint")

    def focus_input(self) -> None:
        """Ready to type, from the very next key on (`Widget.focus` would let keys by that come at once)."""
        self.screen.set_focus(self.query_one(DialInput))

    def complain(self, text: str) -> None:
        """Say right here what is wrong; "" takes it away."""
        line = self.query_one("#complaint", Line)
        line.set_class(bool(text), "-shown")
        line.show(Content(f"✗ {visible(text)}") if text else Content(""))

    def give_back(self, text: str, why: str) -> None:
        """What could not be called stands there again, with the reason, to be called once more."""
        field = self.query_one(DialInput)
        with field.prevent(Input.Changed):
            field.value = visible(text)
        self.complain(why)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.complain("")
        if not event.input.has_focus:
            self._show([])
            return
        try:
            self._show(self._matches(event.value))
        except StoreError as error:
            self._show([])
            self.complain(str(error))

    def on_descendant_blur(self) -> None:
        self._show([])

    def on_key(self, event) -> None:  # type: ignore[no-untyped-def]
        options = self.query_one(OptionList)
        if not options.has_class("-open"):
            return
        if event.key == "down":
            options.action_cursor_down()
        elif event.key == "up":
            options.action_cursor_up()
        elif event.key == "tab":
            found = self._found[options.highlighted or 0]
            field = self.query_one(DialInput)
            field.value = found.uri
            field.cursor_position = len(found.uri)
        else:
            return
        event.stop()
        event.prevent_default()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        options = self.query_one(OptionList)
        chosen = self._found[options.highlighted] if self._found and options.highlighted is not None else None
        if chosen is None or (chosen.source == "typed" and looks_like_address(event.value.strip())):
            # As it was typed: a number may have keys behind it.
            self._dial(event.value, "")
        else:
            self._dial(chosen.uri, chosen.name)

    def _matches(self, text: str) -> list[Completion]:
        """What enter may take, the likeliest first: what was typed, where it is an address or a number already, else people."""
        found = self._complete(text)[:SHOWN]
        typed = text.strip()
        if not typed or not found:
            return found
        try:
            literal = Completion(self._resolve(typed).uri if looks_like_address(typed) else self._as_user(typed), source="typed")
        except StoreError:
            return found
        if any(same_address(one.uri, literal.uri) for one in found):
            # It is among them with its name.
            found.sort(key=lambda one: not same_address(one.uri, literal.uri) if looks_like_address(typed) else False)
            return found
        return [literal, *found] if looks_like_address(typed) else [*found, literal]

    def _as_user(self, text: str) -> str:
        """A word as the name of a user at the account's server, whoever of the contacts is called so. Raises StoreError."""
        if " " in text:
            raise StoreError("names have no blanks")
        # Without a server this is no address.
        domain = self._resolve("00000").uri.rpartition("@")[2]
        return self._resolve(f"{text}@{domain}").uri

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        found = self._found[event.option_index]
        self._dial(found.uri, found.name)

    def _dial(self, text: str, name: str) -> None:
        try:
            target = self._resolve(text)
        except StoreError as error:
            self._show([])
            self.complain(str(error))
            return
        self.complain("")
        field = self.query_one(DialInput)
        # Its message would come after a refusal, and take the sentence away again.
        with field.prevent(Input.Changed):
            field.value = ""
        self._show([])
        self.post_message(self.Dialled(target.uri, name, target.keys, text))

    def _show(self, found: list[Completion]) -> None:
        self._found = found
        options = self.query_one(OptionList)
        options.set_class(bool(found), "-open")
        options.clear_options()
        options.add_options([Option(_row(completion)) for completion in found])
        if found:
            options.highlighted = 0


def looks_like_address(text: str) -> bool:
    """Whether what was typed can be called as it stands: an address, or a number."""
    return (
        "@" in text
        or text.lower().startswith(("sip:", "sips:", "tel:"))
        or phone_number.read(text) is not None
        or text.count(".") == IPV4_DOTS
    )


def same_address(one: str, other: str) -> bool:
    return sip_address.key_of(one) == sip_address.key_of(other)


def _row(found: Completion) -> Content:
    star = "* " if found.favourite else "  "
    source = {"history": "  recent", "typed": "  as typed"}.get(found.source, "")
    label = f"  {found.label}" if found.label else source
    name = visible(found.name, LONGEST_NAME)
    return Content.assemble(star, (name or short(found.uri), "bold"), f"  {short(found.uri)}" if name else "", (visible(label), "dim"))
