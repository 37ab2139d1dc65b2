"""A queue between threads that never blocks."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class BoundedQueue(Generic[T]):
    """A first-in first-out queue that never blocks and never grows past `capacity`: it drops the oldest and counts it."""

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError("capacity must be at least 1")
        self.capacity = capacity
        self.dropped = 0
        self._items: deque[T] = deque()
        self._lock = threading.Lock()

    def put(self, item: T) -> T | None:
        """Append; return the oldest item if it had to go."""
        with self._lock:
            self._items.append(item)
            if len(self._items) <= self.capacity:
                return None
            self.dropped += 1
            return self._items.popleft()

    def get(self) -> T | None:
        """The oldest item, or None when there is none."""
        with self._lock:
            return self._items.popleft() if self._items else None

    def clear(self) -> None:
        """Drop what is queued, without counting it."""
        with self._lock:
            self._items.clear()

    def __len__(self) -> int:
        return len(self._items)
