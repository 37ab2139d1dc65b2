"""All keys and what they do, written from the table of actions, so that it is always true."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from softphone.tui.common.screens import PhoneScreen
from softphone.tui.keys.action import Action, shown_key

SCOPES = {
    "phone": "On the phone",
    "everywhere": "Everywhere",
    "contacts": "Contacts",
    "history": "Recent calls",
    "messages": "Messages",
    "settings": "Settings",
    "setup": "Setup",
}
LONGEST_ID, LEAST_WITH_IDS = 18, 60
KEYS = 10
"""Cells of the column of keys."""
_INTRODUCTION = (
    "Keys are single letters. In the dial field, in the line to speak and in forms they are text; esc leaves these. "
    "Everything here is also in the command palette, and a click on a hint in the last line does the same. "
    "Other keys: section [keys] of the configuration, by the names at the right."
)


class HelpScreen(PhoneScreen[None]):
    SCOPE = "help"
    TITLE_TEXT = "Help"
    KEPT = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "back", "Back", show=False),
        Binding("j", "page_down", show=False),
        Binding("k", "page_up", show=False),
    ]

    def body(self) -> Iterable[Widget]:
        with VerticalScroll():
            yield Static(id="help", markup=False)

    def on_resize(self, event: events.Resize) -> None:
        self.query_one("#help", Static).update(help_text(self.phone.actions, self.phone.config.phrases, event.size.width - 4))

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def opened_again(self, *_arguments: Any) -> None:
        self.query_one(VerticalScroll).scroll_home(animate=False)

    def available(self) -> list[tuple[str, str, str]]:
        return [("screen.back", "esc", "Back"), ("screen.page_down", "j", "Down"), ("screen.page_up", "k", "Up")]

    def action_back(self) -> None:
        self.dismiss()

    def action_page_down(self) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=5, animate=False)

    def action_page_up(self) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=-5, animate=False)


def help_text(actions: Iterable[Action], phrases: Mapping[str, str], width: int) -> Content:
    """The page as text for a width in cells; `phrases` maps keys to sentences."""
    parts = [Content("\n".join(textwrap.wrap(_INTRODUCTION, max(width, 20))))]
    table = list(actions)
    for scope, title in SCOPES.items():
        rows = [action for action in table if action.scope == scope]
        if not rows:
            continue
        parts.append(Content.styled(f"\n{title}", "bold $primary"))
        for action in rows:
            keys = " ".join(shown_key(key) for key in action.keys.split(","))
            lines = textwrap.wrap(action.help, max(width - KEYS - LONGEST_ID, 20))
            body = ("\n" + " " * KEYS).join(lines[1:])
            parts.append(
                Content.assemble(
                    (f"{keys:<{KEYS}}", "bold $accent"),
                    f"{lines[0]:<{max(width - KEYS - LONGEST_ID, 20)}}",
                    (f" {action.id}", "$foreground 50%") if width >= LEAST_WITH_IDS else "",
                    f"\n{' ' * KEYS}{body}" if body else "",
                )
            )
    if phrases:
        parts.append(Content.styled("\nSentences that are spoken into the call", "bold $primary"))
        parts += [Content.assemble((f"{shown_key(key):<{KEYS}}", "bold $accent"), text) for key, text in phrases.items()]
    return Content("\n").join(parts)
