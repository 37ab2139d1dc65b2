"""A bounded queue of events from the thread that receives them to the one that reads them."""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Iterator

from softphone.control.protocol import AnyEvent

EVENT_BACKLOG = 4096


class EventQueue:
    """When it is full, the oldest events are dropped."""

    def __init__(self) -> None:
        self._events: queue.Queue[AnyEvent | None] = queue.Queue(EVENT_BACKLOG)
        self._ended = False

    def put(self, event: AnyEvent) -> None:
        """Never waits. Any thread."""
        self._offer(event)

    def end(self) -> None:
        """Mark the end; waiting readers return once the queue is empty."""
        self._offer(None)

    def next(self, timeout_s: float | None = None) -> AnyEvent | None:
        """The oldest; None when none came in time or none will come."""
        try:
            event = self._events.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if event is None:
            self._ended = True
            self._offer(None)  # for the next reader, who must not wait for ever
        return event

    def iterate(self, timeout_s: float | None = None) -> Iterator[AnyEvent]:
        """Until the end, or until `timeout_s` have passed since the call."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._ended:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return
            event = self.next(left)
            if event is not None:
                yield event

    def _offer(self, event: AnyEvent | None) -> None:
        while True:
            try:
                self._events.put_nowait(event)
                return
            except queue.Full:
                with contextlib.suppress(queue.Empty):
                    self._events.get_nowait()
