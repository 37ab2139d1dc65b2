"""Fields of a form: a name, something to type or choose, and under it what is wrong with it."""

# Textual redraws the parts of a widget when the focus comes into it only if `:focus-within` stands in a rule of the widget's own.

from __future__ import annotations

from collections.abc import Iterable

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Checkbox, Input, Label, RadioButton, Select, Static

from softphone.plain_text import LONGEST_NAME, visible


class Field(Vertical):
    """One line to type into. `complain` says what is wrong with it, right under it, until it is changed."""

    DEFAULT_CSS = """
    Field {
        height: auto;
        &:focus-within { text-style: none; }
        Horizontal { height: auto; }
        .field--name { width: 15; color: $text-muted; }
        Input { width: 1fr; background: $panel; }
        .field--trouble { display: none; color: $text-error; padding-left: 15; height: auto; }
        .field--hint { display: none; color: $text-muted; padding-left: 15; height: auto; }
        &:focus-within .field--hint { display: block; }
        &.-wrong .field--trouble { display: block; }
        &.-wrong .field--hint { display: none; }
        &:focus-within .field--name { color: $text; text-style: bold; }
    }
    """

    def __init__(
        self, name: str, *, id: str, value: str = "", placeholder: str = "", hint: str = "", password: bool = False, limit: int = 500
    ) -> None:
        super().__init__(id=id)
        self._title = name
        self._hint = hint
        self.input = Input(value, placeholder=placeholder, password=password, compact=True, max_length=limit, select_on_focus=False)

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Label(self._title, classes="field--name", markup=False)
            yield self.input
        if self._hint:
            yield Static(self._hint, classes="field--hint", markup=False)
        yield Static("", classes="field--trouble", markup=False)

    @property
    def value(self) -> str:
        return self.input.value.strip()

    def complain(self, sentence: str) -> None:
        """Show what is wrong, and put the cursor there."""
        self.query_one(".field--trouble", Static).update(f"! {visible(sentence)}")
        self.add_class("-wrong")
        self.input.focus()
        self.scroll_visible()

    def settle(self) -> None:
        """Nothing is wrong any more."""
        self.remove_class("-wrong")

    def on_input_changed(self) -> None:
        self.settle()


def plain_options(options: Iterable[tuple[str, str]]) -> list[tuple[Content, str]]:
    """As `Select` wants them, so that names of devices and accounts are never taken for markup."""
    return [(Content(visible(shown, LONGEST_NAME)), value) for shown, value in options]


class Choice(Horizontal):
    """One of several things; `options` are pairs of what is shown and what it stands for."""

    DEFAULT_CSS = """
    Choice {
        height: auto;
        &:focus-within { text-style: none; }
        .field--name { width: 15; color: $text-muted; }
        Select { width: 1fr; }
        &:focus-within .field--name { color: $text; text-style: bold; }
    }
    """

    def __init__(self, name: str, options: Iterable[tuple[str, str]], *, id: str, value: str) -> None:
        super().__init__(id=id)
        self._title = name
        self.select: Select[str] = Select(plain_options(options), allow_blank=False, value=value, compact=True)

    def compose(self) -> ComposeResult:
        yield Label(self._title, classes="field--name", markup=False)
        yield self.select

    @property
    def value(self) -> str:
        return str(self.select.value)


class Box(Checkbox):
    """Textual tells on from off by colour alone; here it is `[x]` and `[ ]`."""

    BUTTON_LEFT = "["
    BUTTON_RIGHT = "]"

    @property
    def _button(self) -> Content:
        return Content.styled("[x]" if self.value else "[ ]", "bold" if self.value else "")


class Radio(RadioButton):
    """`(*)` and `( )`, for the same reason."""

    BUTTON_LEFT = "("
    BUTTON_RIGHT = ")"

    @property
    def _button(self) -> Content:
        return Content.styled("(•)" if self.value else "( )", "bold" if self.value else "")


class Tick(Horizontal):
    """Yes or no, with a sentence that says what yes means."""

    DEFAULT_CSS = """
    Tick {
        height: auto;
        &:focus-within { text-style: none; }
        .field--name { width: 15; color: $text-muted; }
        Checkbox { width: 1fr; padding: 0; background: transparent; }
        &:focus-within .field--name { color: $text; text-style: bold; }
    }
    """

    def __init__(self, name: str, meaning: str, *, id: str, value: bool) -> None:
        super().__init__(id=id)
        self._title = name
        self.box = Box(Content(meaning), value, compact=True)

    def compose(self) -> ComposeResult:
        yield Label(self._title, classes="field--name", markup=False)
        yield self.box

    @property
    def value(self) -> bool:
        return self.box.value
