"""Waiting for a condition instead of for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(look: Callable[[], T], seconds: float = 20.0, wanted: str = "what was waited for", pause: float = 0.05) -> T:
    """What `look` returns, as soon as that is true; fails with `wanted` in its sentence when `seconds` are over."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"{wanted} did not come within {seconds:g} s"
        time.sleep(pause)
    return found
