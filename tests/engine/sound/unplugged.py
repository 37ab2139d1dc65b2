"""A module like `sounddevice` for a whole engine: put a file `sounddevice.py` that imports it before the real one in the path.

The devices are those named in the file `devices` of the working folder, one a line; a headset is a cable that plays a tone into its
microphone. A device whose line is taken away stops calling, and PortAudio learns of new ones only when it restarts.
`open` in that folder lists what is open now, `peak` is the largest sample that was played just now, and `peak-NAME` that of one device.
A file `hiccup` makes one open stream fall silent, and is gone then.
"""

import math
import struct
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

BLOCK = 160
NOTED = 20
"""Blocks between two notes of what is played."""
default = SimpleNamespace(device=(0, 0))
_known: list[str] = []
_open: list[str] = []


def _plugged() -> list[str]:
    return Path("devices").read_text().split()


def _initialize() -> None:
    _known[:] = _plugged()


def _terminate() -> None:
    assert not _open, "PortAudio would end these streams"
    _known.clear()


def query_devices() -> list[dict[str, Any]]:
    return [{"name": name, "max_input_channels": 1, "max_output_channels": 1, "default_samplerate": 16000.0} for name in _known]


class _Stream(ABC):
    def __init__(self, *, samplerate: int, device: Any, callback: Callable[..., None], **_rest: Any) -> None:
        numbers = device if isinstance(device, tuple) else (device,)
        self._names = [_known[number] for number in numbers]
        if not set(self._names) <= set(_plugged()):
            raise RuntimeError("Device unavailable")
        self._rate, self._callback = samplerate, callback
        self.active = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._note(1)

    def _note(self, change: int) -> None:
        for name in self._names:
            _open.append(name) if change > 0 else _open.remove(name)
        Path("open").write_text("\n".join(sorted(_open)))

    def start(self) -> None:
        self.active = True
        self._thread.start()

    def stop(self) -> None:
        self.active = False
        self._thread.join(5)

    abort = stop

    def close(self) -> None:
        if self.active:
            self.stop()
        self._note(-1)

    @abstractmethod
    def call(self, captured: bytes, played: bytearray) -> None:
        """Hand a block each way to the callback."""

    def _run(self) -> None:
        due, sample = time.monotonic(), 0
        while self.active and set(self._names) <= set(_plugged()):
            if Path("hiccup").exists():
                Path("hiccup").unlink()
                return
            tone = [int(8000 * math.sin(2 * math.pi * 440 * (sample + n) / self._rate)) for n in range(BLOCK)]
            sample += BLOCK
            played = bytearray(2 * BLOCK)
            self.call(struct.pack(f"<{BLOCK}h", *tone), played)
            if sample % (BLOCK * NOTED) == 0:
                peak = str(max(map(abs, struct.unpack(f"<{BLOCK}h", played))))
                Path("peak").write_text(peak)
                Path(f"peak-{self._names[-1]}").write_text(peak)
            due += BLOCK / self._rate
            time.sleep(max(0.0, due - time.monotonic()))


class RawStream(_Stream):
    def call(self, captured: bytes, played: bytearray) -> None:
        self._callback(memoryview(captured), memoryview(played), BLOCK, None, None)


class RawInputStream(_Stream):
    def call(self, captured: bytes, played: bytearray) -> None:
        self._callback(memoryview(captured), BLOCK, None, None)


class RawOutputStream(_Stream):
    def call(self, captured: bytes, played: bytearray) -> None:
        self._callback(memoryview(played), BLOCK, None, None)


_initialize()
