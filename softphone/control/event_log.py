"""A log of one engine's events: waits for future events and finds past ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from softphone.control.protocol import AnyEvent, Event

_E = TypeVar("_E", bound=Event)
_LOOK_S = 0.5


class EventSource(Protocol):
    """`ControlClient` and `EngineSupervisor` implement it."""

    @property
    def is_open(self) -> bool: ...

    def next_event(self, timeout_s: float | None = None) -> AnyEvent | None: ...


class EventLog:
    """Reads events from `source` while it waits, and keeps them in `events`, after those of `earlier`. For one thread."""

    def __init__(self, source: EventSource, earlier: Iterable[AnyEvent] = ()) -> None:
        self._source = source
        self.events: list[AnyEvent] = list(earlier)

    def wait(
        self,
        kind: type[_E],
        wanted: Callable[[_E], bool] = lambda _event: True,
        seconds: float = 30.0,
        after: int = 0,
        give_up: Callable[[AnyEvent], bool] = lambda _event: False,
    ) -> _E | None:
        """The first event of a kind for which `wanted` holds, of those from number `after` on, past ones included.

        None when it did not come within `seconds` or cannot come any more, or when `give_up` holds of another one first.
        """
        deadline = time.monotonic() + seconds
        place = after
        while True:
            while place < len(self.events):
                event = self.events[place]
                place += 1
                if isinstance(event, kind) and wanted(event):
                    return event
                if give_up(event):
                    return None
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            arrived = self._source.next_event(min(left, _LOOK_S))
            if arrived is not None:
                self.events.append(arrived)
            elif not self._source.is_open:
                return None

    def last(self, kind: type[_E]) -> _E | None:
        """The newest event of a kind."""
        return next((event for event in reversed(self.events) if isinstance(event, kind)), None)

    def catch_up(self) -> None:
        """Read the events that have arrived, without waiting."""
        while (event := self._source.next_event(0)) is not None:
            self.events.append(event)

    def forget(self) -> None:
        """Forget all events so far."""
        self.catch_up()
        self.events.clear()
