"""A real terminal (tmux) that a program runs in, driven by keys and read as text."""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.peers.programs.process import PeerError

PATIENCE_SECONDS = 90.0
"""A loaded machine with two cores and several torch processes."""
_PANE = "phone"
_ESCAPE_SECONDS = 0.4
_OF_THE_TERMINAL = frozenset({"TERM", "TMUX", "TMUX_PANE", "COLUMNS", "LINES"})


class Terminal:
    """One tmux server of its own with one window; `environment` is added to that of the test, a None takes a variable away.

    Every wait fails with what the terminal shows, so that a failed test tells what its user saw.
    """

    def __init__(self, command: list[str], environment: dict[str, str | None], columns: int = 120, lines: int = 40) -> None:
        found = shutil.which("tmux")
        if found is None:
            raise PeerError("tmux is not installed, and these tests need a real terminal; run: apt-get install tmux")
        self._tmux = found
        self._command = command
        self._environment = environment
        self._size = (columns, lines)
        self._folder: Path | None = None

    def __enter__(self) -> "Terminal":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Raises PeerError when tmux does not start. It may be started again after `stop`."""
        # The path of a Unix socket may have 107 bytes, which pytest's folders reach.
        self._folder = Path(tempfile.mkdtemp(prefix="softphone-tmux-"))
        kept = {**os.environ, **self._environment}
        variables = [f"{name}={value}" for name, value in kept.items() if value is not None and name not in _OF_THE_TERMINAL]
        # When the program has ended the window stays, with its last words.
        wrapped = f'{shlex.join(["env", "-i", "TERM=tmux-256color", *variables, *self._command])}; echo "[ended with status $?]"; exec cat'
        self._run("new-session", "-d", "-s", _PANE, "-x", str(self._size[0]), "-y", str(self._size[1]), wrapped)

    def stop(self) -> None:
        """Close the window, which hangs up on the program (SIGHUP), and end the tmux server."""
        if self._folder is not None:
            subprocess.run([*self._base(), "kill-server"], capture_output=True, check=False, timeout=20)
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def press(self, *keys: str) -> None:
        """Keys by tmux's names: "d", "Enter", "Escape", "Tab", "C-p", "Up", "F1"."""
        for key in keys:
            self._run("send-keys", "-t", _PANE, key)
            if key == "Escape":
                # A key that follows at once would be taken for Alt with that key.
                time.sleep(_ESCAPE_SECONDS)

    def press_until(self, key: str, wanted: str, seconds: float = PATIENCE_SECONDS) -> str:
        """Press a key that does no harm twice, such as Escape, until a regular expression is found on the screen."""
        deadline = time.monotonic() + seconds
        while True:
            self.press(key)
            try:
                return self.wait(wanted, min(5.0, max(deadline - time.monotonic(), 0.5)))
            except PeerError:
                if time.monotonic() > deadline:
                    raise

    def type(self, text: str) -> None:
        """Characters as they are."""
        self._run("send-keys", "-t", _PANE, "-l", text)

    def click(self, column: int, line: int) -> None:
        """A click of the left mouse button, from 0, as the terminal's SGR report of it."""
        for end in "Mm":
            self.type(f"\x1b[<0;{column + 1};{line + 1}{end}")

    def resize(self, columns: int, lines: int) -> None:
        self._run("resize-window", "-t", _PANE, "-x", str(columns), "-y", str(lines))

    def screen(self) -> str:
        """What stands there, a line a row, without trailing spaces."""
        return self._run("capture-pane", "-p", "-t", _PANE)

    def coloured_screen(self) -> str:
        """What stands there, with its SGR colour sequences."""
        return self._run("capture-pane", "-p", "-e", "-t", _PANE)

    def title(self) -> str:
        """The title that the program gave its terminal."""
        return self._run("display-message", "-p", "-t", _PANE, "#{pane_title}").strip()

    def record_bytes(self, path: Path) -> None:
        """From now on everything that the program writes to its terminal goes into this file too."""
        self._run("pipe-pane", "-O", "-t", _PANE, f"cat >> {shlex.quote(str(path))}")

    def wait(self, wanted: str | Callable[[str], bool], seconds: float = PATIENCE_SECONDS) -> str:
        """The screen, as soon as a regular expression is found in it (or `wanted` is true of it). Raises PeerError with the screen."""
        test = wanted if callable(wanted) else lambda shown: re.search(wanted, shown) is not None
        deadline = time.monotonic() + seconds
        while True:
            shown = self.screen()
            if test(shown):
                return shown
            if time.monotonic() > deadline:
                what = wanted if isinstance(wanted, str) else getattr(wanted, "__doc__", None) or "what was waited for"
                raise PeerError(f"{what!r} is not on the screen after {seconds:g} s; it shows:\n{shown}")
            time.sleep(0.1)

    def wait_gone(self, unwanted: str, seconds: float = PATIENCE_SECONDS) -> str:
        """The screen, as soon as a regular expression is no longer found in it."""
        return self.wait(lambda shown: re.search(unwanted, shown) is None, seconds)

    def wait_end(self, seconds: float = PATIENCE_SECONDS) -> int:
        """The exit status of the program, when it has ended."""
        shown = self.wait(r"\[ended with status \d+\]", seconds)
        return int(re.findall(r"\[ended with status (\d+)\]", shown)[-1])

    def _base(self) -> list[str]:
        if self._folder is None:
            raise PeerError("the terminal is not started")
        return [self._tmux, "-S", str(self._folder / "tmux.sock"), "-f", "/dev/null", "-u"]

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([*self._base(), *arguments], capture_output=True, text=True, check=False, timeout=20)
        if done.returncode != 0:
            raise PeerError(f"tmux {arguments[0]}: {done.stderr.strip()}")
        return done.stdout
