"""The measurement: some calls of each pair in turn, again and again, so that what else the machine does meets them all."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from softphone.bench.compare.pair import Pair
from softphone.bench.instruments.markdown import table

TURN = 10
"""Calls of a pair before it is the next one's turn."""


@dataclass
class Pace:
    """set_up_s: from the command to dial until the caller is told that the call is up, of each call that came up; cycle_s: until both are
    told that it is over."""

    name: str
    tried: int = 0
    set_up_s: list[float] = field(default_factory=list)
    cycle_s: list[float] = field(default_factory=list)

    @property
    def set_up_ms(self) -> float:
        return 1000 * median(self.set_up_s) if self.set_up_s else float("nan")

    @property
    def calls_a_minute(self) -> float:
        return 60 * len(self.cycle_s) / sum(self.cycle_s) if self.cycle_s else 0.0

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "set_up_ms": self.set_up_ms, "calls_a_minute": self.calls_a_minute}


def measure(pairs: Sequence[Pair], calls: int, say: Callable[[str], None]) -> list[Pace]:
    """`calls` of each. Raises SoftphoneError."""
    paces = [Pace(pair.name) for pair in pairs]
    with ExitStack() as running:
        for pair in pairs:
            running.enter_context(pair)
        for begun in range(0, calls, TURN):
            for pair, pace in zip(pairs, paces, strict=True):
                for _ in range(min(TURN, calls - begun)):
                    _one(pair, pace)
            say(f"{min(begun + TURN, calls)} of {calls} calls each")
    return paces


def _one(pair: Pair, pace: Pace) -> None:
    pace.tried += 1
    began = time.monotonic()
    up = pair.call()
    set_up = time.monotonic() - began
    over = pair.hang_up()
    if up and over:
        pace.set_up_s.append(set_up)
        pace.cycle_s.append(time.monotonic() - began)


def report(paces: Sequence[Pace]) -> str:
    """A table, with ratios to the first."""
    ours = paces[0]
    rows = [
        (
            pace.name,
            f"{len(pace.set_up_s)} of {pace.tried}",
            f"{pace.set_up_ms:.1f}",
            f"{1000 * sorted(pace.set_up_s)[int(0.95 * (len(pace.set_up_s) - 1))]:.1f}" if pace.set_up_s else "",
            f"{pace.set_up_ms / ours.set_up_ms:.2f}",
            f"{pace.calls_a_minute:.0f}",
            f"{pace.calls_a_minute / ours.calls_a_minute:.2f}" if ours.calls_a_minute else "",
        )
        for pace in paces
    ]
    titles = ("two of", "came up", "set-up, ms (median)", "95 of 100 within, ms", "to ours", "calls a minute", "to ours")
    return table(titles, rows)
