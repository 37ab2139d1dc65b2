"""The line over the key hints: the last thing that the user should know, and what to do about it."""

from __future__ import annotations

from typing import ClassVar

from textual.content import Content
from textual.widgets import Static

from softphone.tui.phone_state import Kind, PhoneState


class NoticeLine(Static):
    """Takes no room while there is nothing to say; wraps to three lines at most."""

    DEFAULT_CSS = """
    NoticeLine { height: auto; max-height: 3; width: 1fr; padding: 0 1; display: none; background: $surface; }
    NoticeLine.-shown { display: block; }
    """
    SIGNS: ClassVar[dict[Kind, tuple[str, str]]] = {"info": ("·", "$secondary"), "warning": ("!", "$warning"), "error": ("✗", "$error")}

    def __init__(self) -> None:
        super().__init__()
        self._seen: object = None

    def show_state(self, state: PhoneState) -> None:
        """The newest notice, unless it was shown and taken away before."""
        newest = state.notices[-1] if state.notices else None
        if newest is not self._seen:
            self._seen = newest
            if newest is not None:
                self.tell(newest.text, newest.kind)

    def tell(self, text: str, kind: Kind = "error") -> None:
        """Show one sentence; "" takes it away."""
        self.set_class(bool(text), "-shown")
        sign, style = self.SIGNS[kind]
        self.update(Content.assemble((f"{sign} ", f"bold {style}"), (text, style)) if text else "")

    def on_click(self) -> None:
        self.tell("")
