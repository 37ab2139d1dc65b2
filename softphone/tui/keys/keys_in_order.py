"""One key at a time: the next is looked at when all that the last one did is done.

Textual hands a key to what has the focus at that moment, and only then does what the key before it means. So of a burst (an ssh line that
comes back, a fast typist, a paste of a terminal without bracketed paste) the letters after `d` would still be commands: `dbob` hangs up.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TypeVar

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

Result = TypeVar("Result")

STEADY_ROUNDS = 2
"""A worker that an action starts, and a message that a field sends, come a round after the key."""
LONGEST_S = 5.0


class KeyDone(Message):
    """Sent after a key to where it went; it comes to the application by the same ways, so after all that the key did."""


class KeysInOrder(App[Result], inherit_bindings=False):
    """Keys and pastes wait while a key is under way: until screen and focus stay as they are."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[events.Key | events.Paste] = deque()
        self._under_way: KeyDone | None = None
        self._followed: Widget | Screen[object] | None = None
        self._steady = 0
        self._before: tuple[DOMNode | None, DOMNode | None] = (None, None)
        self._since = 0.0
        self.hold_keys = False
        """Keys wait until this is False again: the screen that they are meant for is not there yet."""
        self.last_key = 0.0
        """When the user last pressed a key (CLOCK_MONOTONIC)."""

    @property
    def keys_done(self) -> bool:
        """Whether no key is under way."""
        return self._under_way is None and not self._waiting and not self.hold_keys

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            self._waiting.append(event)
            self.last_key = time.monotonic()
            await self._next_key()
        else:
            await super().on_event(event)

    async def on_key_done(self, done: KeyDone) -> None:
        if done is not self._under_way or not self.screen_stack:
            return
        now = (self.screen, self.focused)
        self._steady = self._steady + 1 if now == self._before else 0
        if self._steady < STEADY_ROUNDS:
            self._follow(self.focused or self.screen)
        else:
            self._under_way = self._followed = None
            await self._next_key()

    async def keys_go_on(self) -> None:
        """To be called now and then: what a key went to may have gone, and nothing comes back from there."""
        followed = self._followed
        if followed is not None and (not followed.is_attached or time.monotonic() - self._since > LONGEST_S):
            self._under_way = self._followed = None
        await self._next_key()

    async def _next_key(self) -> None:
        if self.hold_keys or self._under_way is not None or not self._waiting or not self.screen_stack:
            return
        event = self._waiting.popleft()
        target = self.focused or self.screen
        self._steady, self._since = 0, time.monotonic()
        # Anything but None, so that no other key begins while this one is handed over.
        self._under_way = KeyDone()
        await super().on_event(event)
        if self.screen_stack:
            self._follow(target if event.is_forwarded and target.is_attached else self.screen)

    def _follow(self, target: Widget | Screen[object]) -> None:
        self._before = (self.screen, self.focused)
        self._followed = target
        self._under_way = KeyDone()
        target.post_message(self._under_way)
