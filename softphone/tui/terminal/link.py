"""How fast the link to the terminal is, from how long the terminal takes to answer; and when drawing must be sparing. Pure."""

from __future__ import annotations

from collections.abc import Mapping

ASK = "\x1b[6n"
"""Device status report: the terminal answers with the place of its cursor (ECMA-48, DSR 6)."""
EVERY_S = 10.0
SLOW_S, FAST_S = 0.4, 0.2
"""Round trips from which the link counts as slow, and as fast again. Between them it stays what it was."""
LATE_S = 2.0
"""An answer that is not there by now is a slow one."""
AGREE = 2
"""Answers in a row that must say the same: a busy machine delays one now and then."""
NEWS_S, NEWS_SLOW_S = 0.5, 5.0
"""How often what changes all the time (meters, ticker, rates) is drawn."""


def remote(environment: Mapping[str, str]) -> bool:
    """Whether the terminal is at the other end of an ssh connection."""
    return bool(environment.get("SSH_CONNECTION") or environment.get("SSH_TTY"))


class TerminalLink:
    """Say when `ASK` was sent and when it was answered. `setting`: that of the configuration, True, False or "auto"."""

    def __init__(self, setting: bool | str, over_ssh: bool) -> None:
        self.setting = setting
        self.over_ssh = over_ssh
        self.round_trip_s: float | None = None
        self._measured_slow = False
        self._agreeing = 0
        self._asked_at: float | None = None
        self._next = 0.0
        self._counted = False

    @property
    def slow(self) -> bool:
        """Whether drawing must be sparing."""
        return self.setting if isinstance(self.setting, bool) else self.over_ssh and self._measured_slow

    @property
    def news_s(self) -> float:
        """Seconds between two drawings of what changes all the time: never more often than every other round trip."""
        if self.slow:
            return NEWS_SLOW_S
        return max(NEWS_S, 2 * (self.round_trip_s or 0.0))

    def due(self, now: float) -> bool:
        """Whether the terminal should be asked now. Nobody is asked where the answer changes nothing."""
        return self.setting == "auto" and self.over_ssh and self._asked_at is None and now >= self._next

    def asked(self, now: float) -> None:
        self._asked_at, self._next, self._counted = now, now + EVERY_S, False

    def answered(self, now: float) -> None:
        """An answer that nobody waits for is passed over."""
        if self._asked_at is None:
            return
        took, self._asked_at = now - self._asked_at, None
        self.round_trip_s = took
        if not self._counted:
            self._count(took)

    def look(self, now: float) -> None:
        """To be called now and then: an answer that is late tells enough."""
        if self._asked_at is not None and not self._counted and now - self._asked_at > LATE_S:
            self._counted = True
            self._agreeing = AGREE - 1
            self._count(LATE_S)

    def _count(self, took: float) -> None:
        if took < FAST_S if self._measured_slow else took > SLOW_S:
            self._agreeing += 1
            # The next answer decides: no reason to wait for it.
            self._next -= EVERY_S - 1.0
            if self._agreeing >= AGREE:
                self._measured_slow, self._agreeing = not self._measured_slow, 0
        else:
            self._agreeing = 0
