"""What goes to the terminal around Textual: its title, which shows calls, and flashes while one rings."""

from __future__ import annotations

from collections.abc import Callable

from softphone.plain_text import LONGEST_NAME, visible

# xterm keeps titles on a stack (XTWINOPS 22 and 23); terminals that do not know it ignore it.
_PUSH, _POP = "\x1b[22;2t", "\x1b[23;2t"


class TerminalTitle:
    """`write` sends to the terminal; nothing is sent where the title stays as it is."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._shown: str | None = None

    def show(self, title: str) -> None:
        """Set the title (OSC 2)."""
        clean = visible(title, LONGEST_NAME)
        if clean == self._shown:
            return
        self._write(("" if self._shown is not None else _PUSH) + f"\x1b]2;{clean}\x07")
        self._shown = clean

    def restore(self) -> None:
        """The title that the terminal had before."""
        if self._shown is not None:
            self._shown = None
            self._write(_POP)
