"""The last line: the keys that do something now. A click does the same."""

from __future__ import annotations

from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

GAP = 2


class KeyHints(Static):
    """Shows as many hints as fit, the most wanted first."""

    DEFAULT_CSS = """
    KeyHints { height: 1; width: 1fr; background: $panel; color: $foreground; padding: 0 1; text-wrap: nowrap;
        link-style: none; link-color: $foreground;
        link-background-hover: $primary 30%; link-color-hover: $foreground; link-style-hover: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._hints: list[tuple[str, str, str]] = []
        self._shown: list[tuple[str, str, str]] | None = None

    def show_actions(self, hints: list[tuple[str, str, str]]) -> None:
        """`hints`: action, key, title."""
        if hints != self._hints or self._shown is None:
            self._hints = hints
            self._draw()

    def on_resize(self, _event: Resize) -> None:
        self._shown = None
        self._draw()

    def _draw(self) -> None:
        width = self.content_size.width
        if not width:
            return
        # The last two (help and quit) stay when the others do not fit.
        ends = [hint for hint in self._hints if hint[0] in ("app.help", "app.quit")]
        left = width - sum(_width(hint) for hint in ends)
        fitting = []
        for hint in self._hints:
            if hint in ends:
                continue
            left -= _width(hint)
            if left < 0:
                break
            fitting.append(hint)
        chosen = fitting + ends
        if chosen == self._shown:
            return
        self._shown = chosen
        parts = []
        for action, key, title in chosen:
            click = f"[@click={action}]" if action else "[$foreground]"
            parts.append(Content.from_markup(f"{click}[bold $accent]$key[/] $title[/]" + " " * GAP, key=key, title=title))
        self.update(Content("").join(parts))


def _width(hint: tuple[str, str, str]) -> int:
    return len(hint[1]) + 1 + len(hint[2]) + GAP
