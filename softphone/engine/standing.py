"""Settings made by command (accounts, automatic answer, do not disturb, devices) that must survive a crash of the engine.

The supervisor hands each engine the same anonymous file in memory (memfd_create), which outlives the process: nothing of it, such as a
password, is ever on a disk or in an event.
"""

from __future__ import annotations

import logging
import os

from softphone.control.protocol import (
    AnyCommand,
    AutoAnswer,
    ControlError,
    DoNotDisturb,
    Register,
    SelectDevices,
    Stay,
    TalkMode,
    Unregister,
    Volume,
    parse_command,
    to_line,
)

MAX_BYTES = 4 << 20
log = logging.getLogger(__name__)


def place_of(command: AnyCommand) -> str | None:
    """The name of the setting that the command makes; only the last command for each counts. None for commands that set nothing."""
    match command:
        case Register(account=name) | Unregister(account=name):
            return f"account {name}"
        case Volume():
            # One may set the microphone, another the loudspeaker.
            return f"Volume {command.microphone_db is None} {command.loudspeaker_db is None}"
        case AutoAnswer() | DoNotDisturb() | SelectDevices() | Stay() | TalkMode():
            return type(command).__name__
    return None


class StandingCommands:
    """`descriptor` of the supervisor's file; without a supervisor None, and nothing is remembered."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    def earlier(self) -> list[AnyCommand]:
        """Commands given to earlier engines, in order."""
        if self._descriptor is None:
            return []
        told: dict[str, AnyCommand] = {}
        for line in os.pread(self._descriptor, MAX_BYTES, 0).split(b"\n"):
            # The last line may be torn, if the engine died while it wrote.
            if not line:
                continue
            try:
                command = parse_command(line)
            except ControlError:
                continue
            place = place_of(command)
            if place is not None:
                told.pop(place, None)
                told[place] = command
        return [command for command in told.values() if not isinstance(command, Unregister)]

    def note(self, command: AnyCommand) -> None:
        """The command succeeded."""
        if self._descriptor is None or place_of(command) is None:
            return
        try:
            end = os.fstat(self._descriptor).st_size
            if end > MAX_BYTES // 2:
                kept = b"".join(map(to_line, self.earlier()))
                os.ftruncate(self._descriptor, 0)
                os.pwrite(self._descriptor, kept, 0)
                end = len(kept)
            # A line that was torn ends here.
            os.pwrite(self._descriptor, b"\n" + to_line(command), end)
        except OSError as error:
            log.warning("a setting will not be known after a restart (%s)", error.strerror)
