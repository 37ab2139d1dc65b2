"""Jobs that run later, on the main thread."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Iterator


class Schedule:
    """Jobs with a time. Main thread only; the main loop runs what is due."""

    def __init__(self) -> None:
        self._jobs: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def later(self, seconds: float, job: Callable[[], None]) -> None:
        """Run `job` in `seconds`. It must not hold a PJSUA2 object: that would outlive its time."""
        heapq.heappush(self._jobs, (time.monotonic() + seconds, next(self._order), job))

    def due(self) -> Iterator[Callable[[], None]]:
        """Removes and returns the jobs that are due, oldest first."""
        now = time.monotonic()
        while self._jobs and self._jobs[0][0] <= now:
            yield heapq.heappop(self._jobs)[2]
