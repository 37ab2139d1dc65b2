"""What an action is: one thing that a key can do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from softphone.tui.state.phone_state import PhoneState

When = Callable[[PhoneState], bool]


def always(_state: PhoneState) -> bool:
    return True


_SHOWN = {
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "escape": "esc",
    "comma": ",",
    "space": "space",
    "plus": "+",
    "minus": "-",
    "delete": "del",
}


def shown_key(key: str) -> str:
    """A key as people write it: `?`, `^p`, `F2`, `up`."""
    if key.startswith("ctrl+"):
        return "^" + shown_key(key.removeprefix("ctrl+"))
    if key.startswith("f") and key[1:].isdigit():
        return key.upper()
    return _SHOWN.get(key, key)


BESIDE_TEXT = frozenset({"escape", "enter", "tab"})


@dataclass(frozen=True)
class Action:
    """One thing to do. `keys`: Textual's names, separated by commas; the first is shown. `title`: for the footer, short.

    `help`: one sentence. `hint`: order in the footer, 0 keeps it out of it. `when`: whether it can be done now.
    `now`: the title where it depends on the state.
    """

    id: str
    keys: str
    title: str
    help: str
    scope: str = "phone"
    when: When = always
    hint: int = 0
    now: Callable[[PhoneState], str] | None = None

    def title_now(self, state: PhoneState) -> str:
        """What the key does in this state: Hold, or Resume."""
        return self.title if self.now is None else self.now(state)

    def key_while_typing(self) -> str:
        """The first key that is no text, as it is shown; "" without one."""
        return next(
            (shown_key(key) for key in self.keys.split(",") if "+" in key or (key[0] == "f" and key[1:].isdigit()) or key in BESIDE_TEXT),
            "",
        )

    @property
    def key(self) -> str:
        """The first key as it is shown."""
        return shown_key(self.keys.split(",", maxsplit=1)[0])
