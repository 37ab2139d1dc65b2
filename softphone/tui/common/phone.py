"""What screens, dialogs and the command palette ask of the application, which imports them and not they it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from softphone.config import Config
from softphone.store.dial import Target
from softphone.store.store import Store
from softphone.tui.keys.action import Action
from softphone.tui.notices.news import News
from softphone.tui.state.engine_session import EngineSession
from softphone.tui.state.phone_state import PhoneState, Topic


class Phone(Protocol):
    """`softphone.tui.app.PhoneApp`, as far as a screen needs it."""

    config: Config
    config_file: Path | None
    state: PhoneState
    store: Store
    session: EngineSession
    clock: Callable[[], float]
    """CLOCK_MONOTONIC in seconds."""
    hold_keys: bool
    """While True, keys wait for the screen that they are meant for."""

    @property
    def actions(self) -> Sequence[Action]:
        """The table of actions, with the user's keys."""

    @property
    def news(self) -> News:
        """What nobody has looked at yet."""

    @property
    def slow(self) -> bool:
        """Whether the terminal's link is slow, and as little as possible is drawn."""

    def changed(self, topics: frozenset[Topic]) -> None:
        """Draw what changed."""

    def action_possible(self, name: str) -> bool:
        """Whether an action of the table can be done now."""

    def open(self, name: str, *arguments: Any) -> None:
        """Show a screen by its name."""

    def name_of(self, remote: str) -> str:
        """The contact's name, else the display name, else ""."""

    def resolve(self, text: str) -> str:
        """The SIP URI that `text` means. Raises StoreError."""

    def target(self, text: str) -> Target:
        """As `resolve`, with the keys that are to be pressed in the call. Raises StoreError."""

    async def call(self, text: str) -> None:
        """Go to the phone and call."""

    async def keys_go_on(self) -> None:
        """Take the keys that waited."""

    async def restart_engine(self) -> None:
        """Start the engine again with the settings as they are now."""
