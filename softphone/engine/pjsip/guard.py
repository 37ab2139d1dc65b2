"""Callbacks from PJSIP must not raise: an exception would unwind through C frames and end the process."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import ParamSpec

P = ParamSpec("P")
log = logging.getLogger(__name__)


def pjsip_callback(method: Callable[P, None]) -> Callable[P, None]:
    """Log exceptions of the callback instead of raising them."""

    @functools.wraps(method)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            method(*args, **kwargs)
        except Exception:
            log.exception("the callback %s failed", method.__qualname__)

    return guarded
