"""Notifications outside the screen: the terminal's own (OSC 9, OSC 777), or the desktop's (notify-send). The application rings the bell.

What comes from strangers is cut, and cleaned of control characters, before it goes anywhere; notify-send gets it as an argument, never
through a shell, and not as markup.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence

from softphone.plain_text import visible
from softphone.tui.terminal.link import remote

LONGEST = 160
KNOWN = ("xterm", "tmux", "screen", "rxvt", "foot", "alacritty", "wezterm", "ghostty", "contour", "iterm")
"""Terminals (by TERM) that show OSC notifications, or pass over what they do not know. The Linux console would print it."""
WITH_777 = ("rxvt", "foot")


class Notifier:
    """`write` sends to the terminal; `setting` is that of the configuration; `run` starts a program (tests)."""

    def __init__(
        self,
        write: Callable[[str], None],
        setting: bool | str,
        environment: Mapping[str, str],
        run: Callable[[Sequence[str]], object] | None = None,
    ) -> None:
        self._write = write
        self._setting = setting
        self._environment = environment
        self._run = run or _start

    def tell(self, title: str, body: str) -> None:
        """Notify once: on the desktop that this program runs on, else by the terminal."""
        title, body = _clean(title), _clean(body)
        if self._setting is False:
            return
        if self._desktop():
            self._run(["notify-send", "--app-name=softphone", "--", title, _no_tags(body)])
        elif sequence := self.sequence(title, body):
            self._write(sequence)

    def sequence(self, title: str, body: str) -> str:
        """What the terminal is sent; "" where it would not be understood."""
        term = self._environment.get("TERM", "")
        if self._setting is not True and not term.startswith(KNOWN):
            return ""
        content = f"777;notify;{title.replace(';', ',')};{body}" if term.startswith(WITH_777) else f"9;{title}: {body}"
        sent = f"\x1b]{content}\x07"
        if self._environment.get("TMUX"):
            # For the terminal that tmux runs in, where its `allow-passthrough` is on.
            doubled = sent.replace("\x1b", "\x1b\x1b")
            return f"\x1bPtmux;{doubled}\x1b\\"
        return sent

    def _desktop(self) -> bool:
        if remote(self._environment) or not (self._environment.get("DISPLAY") or self._environment.get("WAYLAND_DISPLAY")):
            return False
        return shutil.which("notify-send", path=self._environment.get("PATH")) is not None


def _clean(text: str) -> str:
    text = visible(" ".join(text.split()))
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _no_tags(text: str) -> str:
    """Notification servers may read some tags of HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _start(command: Sequence[str]) -> object:
    try:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
    except OSError:
        return None
