"""Long lists of results that are written item by item: after an interruption the next run goes on with the first item that is missing."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SHOW_SECONDS = 2.0


class Ledger:
    """Items in order, each a JSON record with bytes beside it, in `<path>.part` and `<path>.part.bytes` until `close`.

    A record counts only when its bytes are there in full; what an interruption left half-written is cut off.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lines_path, self._bytes_path = Path(f"{path}.part"), Path(f"{path}.part.bytes")
        self.records: list[Any] = []
        self._end = text_end = 0
        if self._lines_path.exists() and self._bytes_path.exists():
            there = self._bytes_path.stat().st_size
            for line in self._lines_path.read_bytes().splitlines(keepends=True):
                if not line.endswith(b"\n"):
                    break
                end, record = json.loads(line)
                if end > there:
                    break
                self.records.append(record)
                self._end, text_end = end, text_end + len(line)
        self._lines, self._bytes = self._lines_path.open("ab"), self._bytes_path.open("ab")
        self._lines.truncate(text_end)
        self._bytes.truncate(self._end)

    def __len__(self) -> int:
        return len(self.records)

    def add(self, record: Any, blob: bytes = b"") -> None:
        """Appends one item."""
        self._bytes.write(blob)
        self._bytes.flush()
        self._end += len(blob)
        self._lines.write(json.dumps([self._end, record]).encode() + b"\n")
        self._lines.flush()
        self.records.append(record)

    def missing(self, total: int, name: str) -> Iterator[int]:
        """The numbers of the items still to be added."""
        yield from counted(len(self), total, name)

    def close(self) -> Path:
        """-> the file with the bytes of all items; the caller renames it, or calls `remove`."""
        self._lines.close()
        self._bytes.close()
        return self._bytes_path

    def remove(self) -> None:
        """Deletes what was written on the way, once the result is in its place."""
        self.close()
        self._lines_path.unlink(missing_ok=True)
        self._bytes_path.unlink(missing_ok=True)


def counted(first: int, total: int, name: str) -> Iterator[int]:
    """first .. total - 1, with a line on standard error that says how far it is and how long it will take."""
    started, shown = time.monotonic(), 0.0
    for number in range(first, total):
        yield number
        now, done = time.monotonic(), number + 1 - first
        if now - shown > SHOW_SECONDS or number + 1 == total:
            shown, left = now, (now - started) / done * (total - number - 1)
            print(f"\r{name}: {number + 1}/{total} utterances, {left:.0f} s left ", end="", file=sys.stderr, flush=True)
    if first < total:
        print(file=sys.stderr)
