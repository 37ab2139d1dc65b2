"""The engine with a sound device that is two files: `python -m tests.phones.cable_phone <engine's arguments>`.

What is played is appended to `loudspeaker.raw` in the working folder, 16 kHz mono 16-bit, in real time; the microphone hears
`microphone.raw` over and over, or silence.
"""

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from softphone.engine import main
from softphone.engine.sound import device as sound_device

BLOCK = 320


class RawStream:
    """In the manner of `sounddevice.RawStream` and its one-way kin."""

    def __init__(self, *, samplerate: int, callback: Callable[..., None], **settings: Any) -> None:
        assert samplerate == 16000
        self.active = self.closed = False
        self._callback = callback
        self._thread: threading.Thread | None = None
        self._directions = self.directions

    directions = ("in", "out")

    def start(self) -> None:
        self.active = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.active = False
        if self._thread is not None:
            self._thread.join(5)

    abort = stop

    def close(self) -> None:
        self.stop()
        self.closed = True

    def _run(self) -> None:
        source = Path("microphone.raw")
        sound = source.read_bytes() if source.exists() else bytes(2 * BLOCK)
        place, due = 0, time.monotonic()
        with open("loudspeaker.raw", "ab", buffering=0) as sink:
            while self.active:
                heard = (sound + sound)[place : place + 2 * BLOCK]
                place = (place + 2 * BLOCK) % len(sound)
                played = bytearray(2 * BLOCK)
                buffers = {"in": [memoryview(heard)], "out": [memoryview(played)]}
                self._callback(*[buffer for way in self._directions for buffer in buffers[way]], BLOCK, None, None)
                if "out" in self._directions:
                    sink.write(played)
                due += BLOCK / 16000
                time.sleep(max(0.0, due - time.monotonic()))


class RawInputStream(RawStream):
    directions = ("in",)


class RawOutputStream(RawStream):
    directions = ("out",)


CABLE = SimpleNamespace(
    RawStream=RawStream,
    RawInputStream=RawInputStream,
    RawOutputStream=RawOutputStream,
    default=SimpleNamespace(device=(0, 0)),
    _terminate=lambda: None,
    _initialize=lambda: None,
    query_devices=lambda: [{"name": "cable", "max_input_channels": 1, "max_output_channels": 1, "default_samplerate": 16000.0}],
)

if __name__ == "__main__":
    sound_device.load_backend = lambda: CABLE
    sys.exit(main.main())
