"""The entry of bare `softphone`: checks the terminal and the configuration, then runs the application."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

from softphone import config, paths
from softphone.control.supervisor import begun_engine
from softphone.errors import SoftphoneError

NO_CURSOR = ("", "dumb", "unknown")
"""Terminals (by TERM) whose cursor cannot be moved."""
GARBAGE_AFTER = 20_000
"""New objects between two looks for garbage (Python: 700)."""


class TerminalError(SoftphoneError):
    """The full-screen phone cannot be shown here; one sentence."""


def run(config_file: Path | None = None, socket: Path | None = None) -> int:
    """Run the phone until it is left; returns the exit status.

    Raises:
        TerminalError: standard input, output or error is no terminal.
        ConfigError: the configuration is wrong.
        KeysError: its section `[keys]` is.
        ScreenError: the phone failed by an internal error; calls go on.
    """
    if os.environ.get("TERM", "") in NO_CURSOR:
        raise TerminalError(
            f"this terminal (TERM={os.environ.get('TERM', '')}) cannot show the full-screen phone; "
            "use commands instead: softphone status --watch, softphone call WHOM"
        )
    # Textual draws on standard error.
    if not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):
        raise TerminalError("the full-screen phone needs a terminal; use a command instead, such as: softphone call URI, softphone --help")
    # Most of what is made at the start stays to the end: looking for garbage in it a hundred times is a quarter of the time until the
    # phone is there.
    gc.set_threshold(GARBAGE_AFTER)
    settings = config.load(config_file)
    # The engine starts on another processor while Textual is imported here. If that fails, it ends with this process.
    begun = begun_engine(socket, config_file)
    from softphone.tui.app import PhoneApp  # noqa: PLC0415 - Textual takes its time, and a wrong configuration needs none of it

    first_start = config_file is None and not paths.config_file().exists()
    app = PhoneApp(settings, socket=socket, config_file=config_file, first_start=first_start, begun=begun)
    try:
        status = app.run()
    except Exception as error:
        app.crash = app.crash or error
    if app.crash is not None:
        from softphone.tui import crash  # noqa: PLC0415 - seldom

        calls = bool(app.state.calls)
        raise crash.ended(app.crash, calls=calls, engine=app.session.leave_behind() if calls else False) from None
    return status or 0
