"""Two phones of one kind that call each other, as the measurement sees them."""

from contextlib import AbstractContextManager
from typing import Protocol

from softphone.errors import SoftphoneError

EVENT_S = 20.0


class BesideError(SoftphoneError):
    """A phone to compare ours with is missing, or did not do what it was told."""


class Pair(AbstractContextManager["Pair"], Protocol):
    """Started where it is entered."""

    name: str

    def call(self) -> bool:
        """Dial; returns when the caller knows that the call is up. Whether it came up."""

    def hang_up(self) -> bool:
        """Returns when both know that it is over. Whether it was."""
