"""Presence both ways, as the engine needs it: contacts that are watched, and what of us is shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from softphone.engine.presence.documents import State
from softphone.engine.presence.share import PresenceShare
from softphone.engine.presence.watch import AccountFor, PresenceWatch

if TYPE_CHECKING:
    from softphone.engine.engine import Engine

_TALKING = frozenset({"calling", "early", "connecting", "confirmed"})


class PresenceService:
    """Main thread only."""

    def __init__(self, engine: Engine, way_to: AccountFor) -> None:
        self._engine = engine
        self._registered: set[str] = set()
        self._choice = engine.config.presence.watch
        self.watch = PresenceWatch(self._wanted, way_to, engine.requests, engine.publish, lambda: engine.endpoint.address)
        self.share = PresenceShare(
            engine.config.presence.share,
            self._own,
            lambda sender: engine.contact_rules(sender) is not None,
            engine.accounts,
            engine.requests,
            engine.publish,
        )

    def take(self, request: bytes) -> int | None:
        """The status that a request about presence is answered with, before PJSIP sees it; None for others, and for what PJSUA answers."""
        return self.watch.take(request) or self.share.refuse(request)

    def tick(self) -> None:
        """Each second."""
        registered = {name for name, account in self._engine.accounts.items() if account.registered}
        for name in self._registered - registered:
            self.share.unregistered(name)
        if registered - self._registered:
            self.watch.again()
        self._registered = registered
        self.watch.tick()
        self.share.update()

    def _wanted(self) -> Iterator[str]:
        if self._choice == "off":
            return
        for contact in self._engine.history.contacts:
            if contact.preferred is not None and (contact.favourite or self._choice == "contacts"):
                yield contact.preferred.uri

    def _own(self) -> tuple[State, str]:
        for call in self._engine.calls.values():
            if call.state in _TALKING and not (call.direction == "incoming" and call.state == "early"):
                return "busy", "On the phone"
        return ("busy", "Do not disturb") if self._engine.reception.do_not_disturb else ("available", "")
