"""Records whose message PJSIP was processing when the process died, so that the next engine can refuse repeated offenders.

The message is noted in a mapped file before PJSIP sees it (no system call), and crossed out when PJSIP is done with it: what is not crossed
out when an engine starts ended the one before. A source is an address, and of a message that came through a proxy the address with the
caller named in From, so that one caller does not cost all others of that proxy.
"""

from __future__ import annotations

import hashlib
import json
import logging
import mmap
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

from softphone.engine import limits
from softphone.engine.sip.head import read_caller
from softphone.files import private_file
from softphone.files.errors import StoreError

FILE = "engine-deaths.json"
_SIZE = 512
_HEAD = struct.Struct("<BdH")
"""Whether PJSIP is at work, since when (time of day), and how many bytes of the source follow."""
_MOST_DEATHS = 64
log = logging.getLogger(__name__)


def source_of(peer: str, message: bytes) -> str:
    """peer: "address:port"."""
    address = peer.rpartition(":")[0]
    caller, hops = read_caller(message)
    text = f"{address} {caller}" if hops > 1 and caller else address
    return "".join(char if char.isprintable() else "?" for char in text)[: _SIZE - _HEAD.size]


class Blame:
    """Of one engine; `name` tells it from others that share the folder. Without a folder that can be written it notes nothing."""

    def __init__(self, folder: Path, name: str, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._file = folder / FILE
        self._note: mmap.mmap | None = None
        self.died_of = ""
        """The source whose message ended the engine before this one; empty where none did."""
        self._deaths = read_deaths(folder)
        try:
            private_file.private_folder(folder)
            place = folder / f".at-work-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
            descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                os.ftruncate(descriptor, _SIZE)
                self._note = mmap.mmap(descriptor, _SIZE)
            finally:
                os.close(descriptor)
            self._learn()
        except (OSError, StoreError) as error:
            log.warning("who ends the engine cannot be noted (%s)", error)
        self.refused = refused_sources(self._deaths, clock())

    def _learn(self) -> None:
        assert self._note is not None
        at_work, when, size = _HEAD.unpack_from(self._note)
        if at_work and size <= _SIZE - _HEAD.size:
            self.died_of = self._note[_HEAD.size : _HEAD.size + size].decode("utf-8", "replace")
            self._deaths = [*self._deaths, (when, self.died_of)][-_MOST_DEATHS:]
            private_file.write(self._file, json.dumps([{"time": when, "source": source} for when, source in self._deaths]).encode())
        self.done()

    def admits(self, peer: str, message: bytes) -> bool:
        """Note it, and whether PJSIP may see it."""
        source = source_of(peer, message)
        if self.refused and self.refused.get(source, 0.0) > self._clock():
            return False
        if self._note is not None:
            data = source.encode("utf-8", "replace")[: _SIZE - _HEAD.size]
            self._note[_HEAD.size : _HEAD.size + len(data)] = data
            _HEAD.pack_into(self._note, 0, 1, self._clock(), len(data))
        return True

    def notice(self) -> str:
        """Notice for the user at the start; empty if the last engine did not die on a message."""
        if not self.died_of:
            return ""
        told = f"the engine ended while it read a message from {self.died_of}"
        if self.died_of in self.refused:
            told += f"; it was not the first, so nothing is taken from there for {limits.REFUSED_S / 60:.0f} minutes"
        return told

    def done(self) -> None:
        """PJSIP has processed the message."""
        if self._note is not None:
            self._note[0] = 0


def read_deaths(folder: Path) -> list[tuple[float, str]]:
    """When engines ended at a message, and whose it was; empty where nothing is known."""
    try:
        found = json.loads((folder / FILE).read_bytes())
        return [(float(one["time"]), str(one["source"])) for one in found][-_MOST_DEATHS:]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def refused_sources(deaths: list[tuple[float, str]], now: float) -> dict[str, float]:
    """Refused sources, and until when (time of day)."""
    times: dict[str, list[float]] = {}
    for when, source in deaths:
        if now - limits.DEATHS_WITHIN_S - limits.REFUSED_S < when <= now:
            times.setdefault(source, []).append(when)
    return {
        source: max(found) + limits.REFUSED_S
        for source, found in times.items()
        if len(found) > limits.DEATHS_FORGIVEN
        and sorted(found)[-1] - sorted(found)[-1 - limits.DEATHS_FORGIVEN] <= limits.DEATHS_WITHIN_S
        and max(found) + limits.REFUSED_S > now
    }
