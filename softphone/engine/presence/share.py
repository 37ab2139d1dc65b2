"""Who may see whether this user can be called: nobody, contacts that ask this phone (RFC 3856), or those whom the server allows (RFC 3903).

PJSUA answers the subscriptions, once they have passed here; it would take them from everybody. PUBLISH is sent here: after one that failed
PJSUA sends no more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pjsua2 as pj

from softphone.control.protocol import Event, Log
from softphone.engine.accounts.outside_requests import OutsideRequests
from softphone.engine.presence.documents import PIDF, State, write
from softphone.engine.sip.head import Head

if TYPE_CHECKING:
    from softphone.engine.accounts.account import PhoneAccount

EXPIRES_S = 600
RETRY_S = 300.0
BAD_EVENT, FORBIDDEN, TOO_MANY = 489, 403, 480
BURST, PER_S = 20, 0.2
"""Subscriptions accepted in a burst, and per second after that: From can be forged, and each one takes memory."""

MAX_ETAG = 200
_REFUSED_FOR_GOOD = frozenset({403, 404, 405, 489, 501, 603})


@dataclass
class _Publication:
    told: tuple[State, str] | None = None
    etag: str = ""
    next_at: float = 0.0
    pending: bool = False
    given_up: bool = False


class PresenceShare:
    """Main thread only. share: "off", "contacts" or "server", which are the contacts too. `own` says how we are now."""

    def __init__(
        self,
        share: str,
        own: Callable[[], tuple[State, str]],
        is_contact: Callable[[str], bool],
        accounts: Mapping[str, PhoneAccount],
        requests: OutsideRequests,
        tell: Callable[[Event], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._share = share
        self._own = own
        self._is_contact = is_contact
        self._accounts = accounts
        self._requests = requests
        self._tell = tell
        self._clock = clock
        self._tokens, self._filled_at = float(BURST), clock()
        self._shown: dict[str, tuple[int, tuple[State, str]]] = {}
        self._publications: dict[str, _Publication] = {}

    def refuse(self, request: bytes) -> int | None:
        """The status with which a subscription to our presence is refused, or None."""
        if not request.startswith(b"SUBSCRIBE "):
            return None
        head = Head(request)
        if head.token("event") != "presence" or head.to_tag:
            return None  # PJSIP knows what to do with other kinds, and with those that it has taken
        if self._share == "off":
            return BAD_EVENT
        if not head.get("from") or not self._is_contact(head.get("from")):
            return FORBIDDEN
        now = self._clock()
        self._tokens = min(float(BURST), self._tokens + PER_S * (now - self._filled_at))
        self._filled_at = now
        if self._tokens < 1:
            return TOO_MANY
        self._tokens -= 1
        return None

    def update(self) -> None:
        """Notify subscribers and the server if our state has changed; cheap otherwise."""
        if self._share == "off":
            return
        own = self._own()
        for name, account in self._accounts.items():
            if account.leaving:
                continue
            if self._shown.get(name) != (account.getId(), own):
                self._shown[name] = (account.getId(), own)
                account.setOnlineStatus(_status(*own))
            if self._share == "server" and account.settings.registrar:
                self._publish(account, self._publications.setdefault(name, _Publication()), own)

    def unregistered(self, name: str) -> None:
        """The registration was lost, so our publication may be gone too."""
        self._publications.pop(name, None)

    def _publish(self, account: PhoneAccount, publication: _Publication, own: tuple[State, str]) -> None:
        changed = publication.told != own
        if not account.registered or publication.pending or publication.given_up:
            return
        if self._clock() < publication.next_at and not (changed and publication.etag):
            return
        uri = account.settings.uri
        headers = [("Event", "presence"), ("Expires", str(EXPIRES_S))]
        if publication.etag:
            headers.append(("SIP-If-Match", publication.etag))
        # A refresh has no body (RFC 3903, 4.1).
        body = (PIDF, write(uri, *own)) if changed or not publication.etag else ("", "")
        name = account.settings.name

        def answered(code: int, response: str) -> None:
            if self._publications.get(name) is publication:
                publication.pending = False
                self._answered(publication, code, response)
                if publication.given_up:
                    cure = 'with presence.share = "contacts" the phones of contacts can ask this one'
                    text = f"account {name}: the server takes no word of your presence ({code}); {cure}"
                    self._tell(Log(level="warning", message=text))

        publication.pending, publication.told = True, own
        try:
            self._requests.send(account, "PUBLISH", uri, headers, answered, body)
        except pj.Error:
            publication.pending, publication.told, publication.next_at = False, None, self._clock() + RETRY_S

    def _answered(self, publication: _Publication, code: int, response: str) -> None:
        head = Head(response)
        etag, expires = head.get("sip-etag"), head.number("expires")
        if code // 100 == 2 and 0 < len(etag) <= MAX_ETAG and not set(etag) & set(" \t;,"):
            publication.etag = etag
            granted = EXPIRES_S if expires is None else min(expires, EXPIRES_S)
            publication.next_at = self._clock() + max(30.0, 0.8 * granted)
            return
        publication.etag, publication.told = "", None
        # 412: the entity tag is unknown or expired, so publish the full state again (RFC 3903, 4.1).
        publication.next_at = 0.0 if code == 412 else self._clock() + RETRY_S
        publication.given_up = code in _REFUSED_FOR_GOOD


def _status(state: State, note: str) -> pj.PresenceStatus:
    status = pj.PresenceStatus()
    status.status = pj.PJSUA_BUDDY_STATUS_OFFLINE if state == "offline" else pj.PJSUA_BUDDY_STATUS_ONLINE
    status.activity = {"busy": pj.PJRPID_ACTIVITY_BUSY, "away": pj.PJRPID_ACTIVITY_AWAY}.get(state, pj.PJRPID_ACTIVITY_UNKNOWN)
    status.note = note
    return status
