"""All calls that are not over, one line each; the chosen one has a mark. A click chooses."""

from __future__ import annotations

from textual.content import Content

from softphone.tui.calls.call_words import flags, state_text
from softphone.tui.common.drawing import cut
from softphone.tui.common.line import Line
from softphone.tui.state.names import NameOf, who
from softphone.tui.state.phone_state import PhoneState

SIGNS = {"calling": "→", "early": "→", "connecting": "→", "confirmed": "●"}
SHORT = {"conference": "conf", "recording": "rec", "waiting": ""}


class CallList(Line):
    """Two rows a call: name, then state in words."""

    DEFAULT_CSS = """
    CallList { border: round $border; border-title-color: $primary; padding: 0 1; height: 1fr; min-height: 4;
        link-style: none; link-color: $foreground;
        link-background-hover: $primary 30%; link-color-hover: $foreground; link-style-hover: none; }
    """

    def __init__(self, name_of: NameOf) -> None:
        super().__init__(fill=True)
        self.border_title = "Calls"
        self._name_of = name_of

    def show_state(self, state: PhoneState, now: float) -> None:
        self.show(call_rows(state, now, self._name_of, max(self.content_size.width, 16)))


def call_rows(state: PhoneState, now: float, name_of: NameOf, width: int) -> Content:
    """The list as text."""
    if not state.calls:
        return Content.styled("none", "$foreground 60%")
    rows = []
    for call in state.calls.values():
        chosen = call.number == state.selected
        sign = "☎" if call.incoming else "◌" if call.held else SIGNS.get(call.state.state, "●")
        style = "bold $accent" if call.incoming else "bold" if chosen else ""
        name = cut(who(call.state.remote, name_of), width - 4)
        rows.append(
            Content.from_markup(
                f"[@click=screen.choose({call.number})][$accent]$mark[/][{style or '$foreground'}]$sign $name[/][/]",
                mark="▸ " if chosen else "  ",
                sign=sign,
                name=name,
            )
        )
        # The card beside it has the time of the chosen one.
        state_words = state_text(call, None if chosen else now)
        words = " ".join([state_words, *(SHORT.get(flag, flag) for flag in flags(call))])
        rows.append(Content.styled("    " + cut(words, width - 4), "$foreground 70%"))
    return Content("\n").join(rows)
