"""Starts `tests.engine.pjsip.peer` processes, talks to them with time limits, and leaves none behind."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import soundfile

from codec.units.rates import SAMPLE_RATE
from tests.places import ROOT
from tests.waiting import until


class PeerProcess:
    def __init__(self, **settings: Any) -> None:
        self.history: list[dict[str, Any]] = []
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.engine.pjsip.peer", json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=environment,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._events.put(json.loads(line))
        self._events.put({"event": "gone", "code": self._process.wait()})

    def wait(self, event: str, timeout: float = 15, **values: Any) -> dict[str, Any]:
        while True:
            try:
                found = self._events.get(timeout=timeout)
            except queue.Empty:
                raise AssertionError(f"no {event} {values} in {timeout} s; before it came {self.history}") from None
            self.history.append(found)
            if found["event"] == event and all(found[k] == v for k, v in values.items()):
                return found
            assert found["event"] not in ("gone", "failure"), f"while waiting for {event}: {self.history}"

    def do(self, command: str, **values: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": command, **values}) + "\n")
        self._process.stdin.flush()

    def stat(self) -> dict[str, Any]:
        self.do("stat")
        return self.wait("stat")

    def wait_stat(self, wanted: Callable[[dict[str, Any]], bool], seconds: float = 30) -> dict[str, Any]:
        """The first statistics for which `wanted` holds."""
        return until(lambda: stat if wanted(stat := self.stat()) else None, seconds, "statistics as wanted") or {}

    def quit(self) -> dict[str, Any]:
        """Orderly shutdown; the process must end by itself with status 0."""
        self.do("quit")
        closed = self.wait("closed")
        assert self._process.wait(10) == 0
        return closed

    def __enter__(self) -> "PeerProcess":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()


def write_tones(path: Path, tones: list[tuple[float, float, float]], length: float) -> None:
    """A WAV of `length` seconds: 16 kHz, tones given as (begin, end, Hz)."""
    t = np.arange(int(length * SAMPLE_RATE)) / SAMPLE_RATE
    sound = np.zeros(len(t))
    for begin, end, hertz in tones:
        inside = (t >= begin) & (t < end)
        sound[inside] = 0.4 * np.sin(2 * np.pi * hertz * t[inside])
    soundfile.write(path, sound, SAMPLE_RATE, subtype="PCM_16")


def find_tones(path: Path, threshold: float = 0.05) -> list[tuple[float, float, float]]:
    """Stretches of sound in a recording: (begin, end, dominant Hz), times to 20 ms; breaks under 60 ms do not divide."""
    sound, rate = soundfile.read(path)
    assert rate == SAMPLE_RATE
    frame = SAMPLE_RATE // 50
    levels = np.sqrt(np.mean(sound[: len(sound) // frame * frame].reshape(-1, frame) ** 2, axis=1))
    stretches: list[list[int]] = []
    for index in np.flatnonzero(levels > threshold):
        if stretches and index - stretches[-1][1] <= 3:
            stretches[-1][1] = int(index)
        else:
            stretches.append([int(index), int(index)])
    found = []
    for first, last in stretches:
        part = sound[first * frame : (last + 1) * frame]
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
        found.append((first / 50, (last + 1) / 50, float(np.argmax(spectrum) * SAMPLE_RATE / len(part))))
    return found
