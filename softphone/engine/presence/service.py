"""Presence in both directions: subscriptions to contacts, and our own state for those who may see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from softphone.config import Presence
from softphone.control.protocol import Event
from softphone.engine.accounts.outside_requests import OutsideRequests
from softphone.engine.presence.documents import State
from softphone.engine.presence.share import PresenceShare
from softphone.engine.presence.watch import AccountFor, PresenceWatch
from softphone.store.contacts import Contact

if TYPE_CHECKING:
    from softphone.engine.accounts.account import PhoneAccount
    from softphone.engine.calls.call import PhoneCall

_TALKING = frozenset({"calling", "early", "connecting", "confirmed"})


@dataclass(frozen=True)
class PresenceEnvironment:
    """What presence needs from the engine."""

    accounts: Mapping[str, PhoneAccount]
    calls: Mapping[int, PhoneCall]
    requests: OutsideRequests
    publish: Callable[[Event], None]
    account_for: AccountFor
    own_address: Callable[[], str]
    """Host and port of our SIP transport."""
    contacts: Callable[[], Sequence[Contact]]
    is_contact: Callable[[str], bool]
    """Whether a From header names a contact."""
    do_not_disturb: Callable[[], bool]


class PresenceService:
    """Main thread only."""

    def __init__(self, settings: Presence, environment: PresenceEnvironment) -> None:
        self._environment = environment
        self._registered: set[str] = set()
        self._choice = settings.watch
        self.watch = PresenceWatch(
            self._wanted, environment.account_for, environment.requests, environment.publish, environment.own_address
        )
        self.share = PresenceShare(
            settings.share, self._own, environment.is_contact, environment.accounts, environment.requests, environment.publish
        )

    def take(self, request: bytes) -> int | None:
        """The status that a request about presence is answered with, before PJSIP sees it; None for others, and for what PJSUA answers."""
        return self.watch.take(request) or self.share.refuse(request)

    def tick(self) -> None:
        """Each second."""
        registered = {name for name, account in self._environment.accounts.items() if account.registered}
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
        for contact in self._environment.contacts():
            if contact.preferred is not None and (contact.favourite or self._choice == "contacts"):
                yield contact.preferred.uri

    def _own(self) -> tuple[State, str]:
        for call in self._environment.calls.values():
            if call.state in _TALKING and not (call.direction == "incoming" and call.state == "early"):
                return "busy", "On the phone"
        return ("busy", "Do not disturb") if self._environment.do_not_disturb() else ("available", "")
