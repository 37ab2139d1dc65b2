"""A module like `sounddevice` whose one full-duplex device is a cable: what is played is captured. Blocks come in awkward sizes."""

import itertools
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

BLOCKS = (133, 320, 507, 64, 960, 1)
default = SimpleNamespace(device=(1, 1))
opened: list["RawStream"] = []


def query_devices() -> list[dict[str, Any]]:
    return [
        {"name": "speaker only", "max_input_channels": 0, "max_output_channels": 2, "default_samplerate": 48000.0},
        {"name": "K\u00e4bel " + "\u20ac" * 40, "max_input_channels": 1, "max_output_channels": 1, "default_samplerate": 16000.0},
        {"name": "nothing", "max_input_channels": 0, "max_output_channels": 0, "default_samplerate": 8000.0},
    ]


class RawStream:
    def __init__(self, *, samplerate: int, blocksize: int, callback: Callable[..., None], device: Any, channels: Any, **rest: Any) -> None:
        assert blocksize == 0
        self.settings = {"samplerate": samplerate, "device": device, "channels": channels, **rest}
        self.active = False
        self.closed = False
        self._rate = samplerate
        self._callback = callback
        self._thread: threading.Thread | None = None
        opened.append(self)

    def start(self) -> None:
        self.active = True
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self.active = False
        if self._thread is not None:
            self._thread.join(5)

    def close(self) -> None:
        self.stop()
        self.closed = True

    def _run(self) -> None:
        cable = bytearray(2 * 960)
        due = time.monotonic()
        for frames in itertools.cycle(BLOCKS):
            if not self.active:
                return
            captured = bytes(cable[: 2 * frames]).ljust(2 * frames, b"\0")
            del cable[: 2 * frames]
            played = bytearray(2 * frames)
            self._callback(memoryview(captured), memoryview(played), frames, None, None)
            cable += played
            due += frames / self._rate
            time.sleep(max(0.0, due - time.monotonic()))
