"""A lane is half of a call in the worker: a thread that works whenever there is work."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable

import torch

from softphone.link.messages import Failure, Message

MAX_FAILURES = 3

MAX_OBSERVED = 48
"""Phones of one direction that wait to be reported: about four seconds of speech, which fit one message."""

Send = Callable[[Message], None]


class Lane(ABC):
    """A thread that works whenever there is work. After an error it is reset and the error reported, at most `MAX_FAILURES` times."""

    def __init__(self, number: int, name: str, send: Send) -> None:
        self.counters: Counter[str] = Counter()
        self.busy_s = 0.0
        self.longest_s = 0.0
        self._number = number
        self._name = name
        self._send = send
        self._work = threading.Semaphore(0)
        self._open = True
        self._thread = threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._open = False
        self._work.release()

    @abstractmethod
    def _make(self) -> None:
        """Make or reset the codec's half."""

    @abstractmethod
    def _step(self) -> None:
        """Do all pending work."""

    def _run(self) -> None:
        failures = 0
        while self._open:
            self._work.acquire()
            if not self._open:
                return
            began, began_cpu = time.monotonic(), time.thread_time()
            try:
                with torch.inference_mode():
                    self._step()
            except Exception as error:
                failures += 1
                self.counters["failures"] += 1
                end = "it was reset" if failures < MAX_FAILURES else "it stays silent until the next call"
                self._send(Failure(self._number, f"the {self._name} of a call failed ({type(error).__name__}: {error}); {end}"))
                if failures >= MAX_FAILURES:
                    return
                self._make()
            self.busy_s += time.thread_time() - began_cpu
            self.longest_s = max(self.longest_s, time.monotonic() - began)
