"""When the engine ends: told to, or left by the front end that started it."""

from __future__ import annotations

IDLE_S = 10
"""How long an engine that was kept for its calls waits for a front end when they are over."""


class Lifetime:
    """supervised: a front end started the engine, and restarts it if it dies. `tick` is due each second, on the main thread."""

    def __init__(self, supervised: bool) -> None:
        self.supervised = supervised
        self.stay = False
        """Whether the engine outlives the front end that started it,"""
        self.stay_until_idle = False
        """and then ends with its last call."""
        self.leaving = ""
        """Why it ends; "" while it does not."""
        self._idle_s: int | None = None
        """Seconds without any front end or call since the one that started it left; None while that one is connected."""

    def stop(self, why: str) -> None:
        """End soon; also from a signal handler."""
        self.leaving = self.leaving or why

    def orphaned(self) -> None:
        """The front end that started the engine is gone."""
        self._idle_s = 0
        self.supervised = False
        if not self.stay:
            self.stop("the front end that started this engine is gone")

    def tick(self, in_use: bool) -> None:
        """in_use: there are calls or front ends. An engine kept for its calls must not accept calls that nobody sees."""
        if self._idle_s is None or not self.stay_until_idle:
            return
        self._idle_s = 0 if in_use else self._idle_s + 1
        if self._idle_s > IDLE_S:
            self.stop("the calls that it was kept for are over, and no front end came back")
