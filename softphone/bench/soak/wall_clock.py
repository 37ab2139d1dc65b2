"""A wall clock that jumps, for the phones alone: libfaketime between them and the C library, with an offset that it reads from a file.

The monotonic clock runs on, as it does where NTP or a user sets the time of a machine.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from softphone.bench.soak.environment import environment

LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/local/lib/faketime/libfaketimeMT.so.1")
NEEDED = "libfaketime is not installed (apt-get install libfaketime)"


class WallClock:
    """Of the processes that are started inside `fake_clock`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.jump(0)

    def jump(self, seconds: int) -> None:
        """So much ahead of the true time from now on; negative: behind it."""
        # In one step: it is read again and again.
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.replace(self._file)


def library() -> Path | None:
    """Where libfaketime is."""
    return next((found for pattern in LIBRARIES for found in sorted(Path("/").glob(pattern[1:]))), None)


@contextlib.contextmanager
def fake_clock() -> Iterator[WallClock]:
    """Programs that are started inside have this clock. Call it only where there is a `library`."""
    found = library()
    assert found is not None
    with tempfile.TemporaryDirectory(prefix="softphone-clock-") as folder:
        clock = WallClock(Path(folder) / "offset")
        variables = {
            "LD_PRELOAD": str(found),
            "FAKETIME_TIMESTAMP_FILE": str(clock._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        with environment(variables):
            yield clock
