"""All keys, by screen, and how to change them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.widgets import Static

from softphone.tui.keys.action import Action, shown_key

NAMES = {
    "phone": "On the phone's screen", "contacts": "Contacts", "history": "Calls", "messages": "Messages", "settings": "Settings",
    "setup": "Guided set-up", "everywhere": "Everywhere",
}  # fmt: skip


class KeysOverview(Static):
    """Writes itself from the table of actions, with the user's own keys."""

    DEFAULT_CSS = "KeysOverview { height: auto; }"

    def __init__(self, actions: Sequence[Action], config_file: Path) -> None:
        super().__init__(keys_table(actions, config_file), markup=False)


def keys_table(actions: Sequence[Action], config_file: Path) -> Group:
    """A heading for each screen, a line for each action: keys, the name for the configuration, what it does."""
    parts: list[Text | Table] = [Text(f'Change them in {config_file}, section [keys], such as  dial = "ctrl+d"', "dim")]
    for scope, group in groupby(_ordered(actions), lambda action: action.scope):
        parts += [Text(""), Text(NAMES.get(scope, scope), "bold")]
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(width=9, justify="right", style="bold")
        table.add_column(width=17, style="dim")
        table.add_column(ratio=1)
        for action in group:
            table.add_row(" ".join(map(shown_key, action.keys.split(","))), action.id, action.help)
        parts.append(table)
    return Group(*parts)


def _ordered(actions: Iterable[Action]) -> list[Action]:
    order = list(NAMES)
    return sorted(actions, key=lambda action: order.index(action.scope) if action.scope in order else len(order))
