"""Whether contacts can be called now: subscriptions to their presence (RFC 3856), or to their dialogs (RFC 4235) where that is refused.

Not PJSUA's buddies: what strangers send would be read by PJSIP's XML parser in this process, the wheel's know no dialog package, and where
a SUBSCRIBE cannot be sent PJSUA's kind of subscription has ended the process before (message_waiting.py). A subscription is renewed by a
new one; a NOTIFY counts only in a dialog that our SUBSCRIBE began, whose tag nobody can guess.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pjsua2 as pj

from softphone.control.protocol import Event, Presence
from softphone.engine.accounts.account import PhoneAccount
from softphone.engine.accounts.outside_requests import OutsideRequests
from softphone.engine.accounts.registration_backoff import retry_after
from softphone.engine.presence.documents import DIALOG_INFO, PIDF, read
from softphone.engine.sip.head import Head, read_head

EXPIRES_S = 600
LEAST_RENEWAL_S = 30.0
FIRST_RETRY_S, LONGEST_RETRY_S = 30.0, 3600.0
MOST = 64
"""Most contacts that are watched; each needs a subscription on the server."""
AT_ONCE = 4
"""Most requests per second, so that a long list is no flood."""
OK, GONE, BAD_EVENT = 200, 481, 489
PACKAGES = ("presence", "dialog")
log = logging.getLogger(__name__)


AccountFor = Callable[[str], tuple[PhoneAccount, str] | None]
"""The account by which an address of the contacts is asked, and its SIP URI; None while there is no way to it."""


@dataclass
class _Watch:
    uri: str
    """The address as the contact has it."""
    package: int = 0
    next_at: float = 0.0
    expires_at: float = 0.0
    wait_s: float = FIRST_RETRY_S
    pending: bool = False
    target: str = ""
    dialogs: deque[tuple[bytes, bytes]] = field(default_factory=lambda: deque(maxlen=3))
    """(Call-ID, our tag) of the newest subscription and of the one that it replaces."""


class PresenceWatch:
    """Main thread only. `wanted` gives the addresses to watch, now."""

    def __init__(
        self,
        wanted: Callable[[], Iterable[str]],
        account_for: AccountFor,
        requests: OutsideRequests,
        publish: Callable[[Event], None],
        address: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wanted = wanted
        self._account_for = account_for
        self._requests = requests
        self._publish = publish
        self._address = address
        self._clock = clock
        self._watches: dict[str, _Watch] = {}
        self._news: dict[str, tuple[str, str, str]] = {}
        """State, note and reason from NOTIFYs since the last tick. Only the last is published, so a flood of NOTIFYs makes one event."""
        self.last: dict[str, Presence] = {}
        """The last event for each watched address, for front ends that connect later."""

    def tick(self) -> None:
        """Called each second: subscribe to new contacts, renew what is due, and publish what has expired."""
        wanted = list(dict.fromkeys(self._wanted()))[:MOST]
        for uri in self._watches.keys() - set(wanted):
            self._news.pop(uri, None)
            del self._watches[uri]  # the next NOTIFY gets a 481, which ends it there (RFC 6665, 4.4.1)
            self._tell(uri, "unknown", reason="not watched any more")
            self.last.pop(uri, None)
        now, room = self._clock(), AT_ONCE
        for uri, told in self._news.items():
            self._tell(uri, *told)
        self._news.clear()
        for uri in wanted:
            watch = self._watches.setdefault(uri, _Watch(uri))
            if watch.expires_at and now >= watch.expires_at:
                watch.expires_at = 0.0
                self._tell(uri, "unknown", reason="nothing was heard of them for too long")
            if room and not watch.pending and now >= watch.next_at:
                room -= self._subscribe(watch)

    def again(self) -> None:
        """An account registered again: renew all subscriptions, which the server may have lost."""
        for watch in self._watches.values():
            watch.next_at, watch.wait_s = 0.0, FIRST_RETRY_S

    def sent(self, message: bytes) -> None:
        """A request of ours: remember its dialog."""
        if not message.startswith(b"SUBSCRIBE "):
            return
        head = read_head(message)
        target = _bare(message.split(b" ", 2)[1].decode("utf-8", "replace"))
        for watch in self._watches.values():
            if head is None or not watch.pending or _bare(watch.target) != target:
                continue
            if (head.call_id, head.from_tag) not in watch.dialogs:
                watch.dialogs.append((head.call_id, head.from_tag))

    def take(self, request: bytes) -> int | None:
        """The status for a NOTIFY of presence: 200, or 481 without a matching subscription (RFC 6665, 4.1.3); None for other requests."""
        if not request.startswith(b"NOTIFY "):
            return None
        head = read_head(request)
        fields = Head(request)
        if head is None or fields.token("event") not in ("presence", "dialog"):
            return None
        watch = next((watch for watch in self._watches.values() if (head.call_id, head.to_tag) in watch.dialogs), None)
        if watch is None:
            return GONE
        kind, state, body = fields.get("content-type"), fields.token("subscription-state"), fields.body.decode("utf-8", "replace")
        seen = read(kind, body) if kind and body.strip() else None
        if state == "terminated":
            self._ended(watch, head.call_id, fields.parameter("subscription-state", "reason"), request)
        elif seen is not None:
            self._news[watch.uri] = seen.state, seen.note, ""
        elif state == "pending":
            self._news[watch.uri] = "unknown", "", "they have not allowed it yet"
        elif not body.strip():
            self._news[watch.uri] = "unknown", "", "they have told their server nothing"
        return OK

    def _ended(self, watch: _Watch, call_id: bytes, reason: str, request: bytes) -> None:
        """RFC 6665, 4.1.3."""
        if not watch.dialogs or watch.dialogs[-1][0] != call_id:
            return  # an older one, whose place another has taken
        self._news[watch.uri] = "unknown", "", f"their server ended it ({reason or 'without a reason'})"
        if reason in ("deactivated", "timeout"):
            watch.next_at = self._clock() + LEAST_RENEWAL_S
        elif reason in ("rejected", "noresource"):
            watch.next_at = self._clock() + LONGEST_RETRY_S
        else:
            self._later(watch, request.decode("utf-8", "replace"))

    def _subscribe(self, watch: _Watch) -> bool:
        way = self._account_for(watch.uri)
        if way is None:
            self._tell(watch.uri, "unknown", reason="no account has a way to them now")
            return False
        account, watch.target = way
        headers = [
            ("Event", PACKAGES[watch.package]),
            ("Expires", str(EXPIRES_S)),
            ("Accept", (PIDF, DIALOG_INFO)[watch.package]),
            ("Contact", f"<sip:{account.user_part}@{self._address()}{account.transport_parameter}>"),
        ]
        watch.pending = True
        try:
            self._requests.send(account, "SUBSCRIBE", watch.target, headers, lambda code, response: self._answered(watch, code, response))
        except pj.Error as error:
            log.info("no SUBSCRIBE to %s can be sent now (%s)", watch.target, error.reason)
            watch.pending = False
            self._later(watch)
        return True

    def _answered(self, watch: _Watch, code: int, response: str) -> None:
        watch.pending = False
        if self._watches.get(watch.uri) is not watch:
            return
        if code // 100 == 2:
            expires = Head(response).number("expires")
            granted = EXPIRES_S if expires is None else min(expires, EXPIRES_S)
            watch.wait_s = FIRST_RETRY_S
            watch.next_at = self._clock() + max(LEAST_RENEWAL_S, 0.8 * granted)
            watch.expires_at = self._clock() + max(2 * LEAST_RENEWAL_S, 1.1 * granted)
        elif code == BAD_EVENT and watch.package + 1 < len(PACKAGES):
            watch.package += 1
            watch.next_at = 0.0
        else:
            watch.package = 0
            self._tell(watch.uri, "unknown", reason=_refusal(code))
            self._later(watch, response)

    def _later(self, watch: _Watch, response: str = "") -> None:
        asked = retry_after(response)
        watch.next_at = self._clock() + max(watch.wait_s, min(asked or 0.0, LONGEST_RETRY_S))
        watch.wait_s = min(2 * watch.wait_s, LONGEST_RETRY_S)

    def _tell(self, uri: str, state: str, note: str = "", reason: str = "") -> None:
        told = Presence(contact=uri, state=state, note=note, reason=reason)  # type: ignore[arg-type]
        before = self.last.get(uri)
        if before is None or (before.state, before.note, before.reason) != (state, note, reason):
            self.last[uri] = told
            self._publish(told)


def _bare(uri: str) -> str:
    return uri.partition(";")[0].lower()


def _refusal(code: int) -> str:
    if code in (401, 403, 407, 603):
        return f"they do not allow it ({code})"
    if code in (404, 410, 604):
        return f"nobody of that name is known there ({code})"
    if code in (405, 489, 501):
        return f"their phone or server tells nobody ({code})"
    return f"they or their server do not answer ({code})"
