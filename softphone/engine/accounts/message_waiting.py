"""Waiting voice messages (RFC 3842): the subscription to the server's word of them, and what it says.

Not PJSUA's: where its SUBSCRIBE cannot be sent, and being offline is enough, it fails an assertion and ends the process
(pjsua_start_mwi, 2.15.1). Here requests go out of any dialog, and NOTIFY is taken before PJSIP looks for one. A subscription is
renewed by a new one.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import pjsua2 as pj

from softphone.control.protocol import Event, MessageWaiting
from softphone.engine.accounts.account import PhoneAccount
from softphone.engine.accounts.digest import credentials
from softphone.engine.sip.head import Head, address

EXPIRES_S = 3600
LEAST_RENEWAL_S = 60.0
RETRY_S = 300.0
_RETRIED = frozenset({408, 480, 500, 502, 503, 504})
log = logging.getLogger(__name__)

_FIELD = re.compile(r"^([\w-]+)[ \t]*:[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_COUNTS = re.compile(r"(\d{1,9})[ \t]*/[ \t]*(\d{1,9})")


class _Later(Protocol):
    def __call__(self, seconds: float, job: Callable[[], None]) -> None: ...


@dataclass
class _Subscription:
    generation: int = 0
    """Counts up with each attempt: what was planned for an earlier one is void."""
    answered_challenge: bool = False


class MessageWaitingService:
    """Main thread only. `accounts` is the engine's own table; `later` runs a job in so many seconds."""

    def __init__(
        self, accounts: Mapping[str, PhoneAccount], publish: Callable[[Event], None], later: _Later, address: Callable[[], str]
    ) -> None:
        self._accounts = accounts
        self._publish = publish
        self._later = later
        self._address = address
        self._subscriptions: dict[str, _Subscription] = {}
        self.last: dict[str, MessageWaiting] = {}
        """What was told last of each account: for front ends that come later than the event."""

    def registered(self, name: str) -> None:
        """The account has reached its server: subscribe, unless that is done."""
        account = self._accounts.get(name)
        if account is not None and account.settings.message_waiting and name not in self._subscriptions:
            self._subscriptions[name] = _Subscription()
            self._subscribe(name)

    def unregistered(self, name: str) -> None:
        """The account lost its registration or is gone: subscribe again when it registers."""
        self._subscriptions.pop(name, None)
        self.last.pop(name, None)

    def answered(self, name: str, code: int, response: str) -> None:
        """The final answer to a SUBSCRIBE; `response` is the message, or empty where none came."""
        subscription = self._subscriptions.get(name)
        if subscription is None:
            return
        if code // 100 == 2:
            expires = Head(response).number("expires")
            granted = EXPIRES_S if expires is None else expires
            self._plan(name, max(LEAST_RENEWAL_S, 0.9 * granted))
        elif code in (401, 407) and not subscription.answered_challenge:
            settings = self._accounts[name].settings
            header = credentials(response, "SUBSCRIBE", settings.uri, settings.user, settings.password, settings.realm)
            if header is not None:
                subscription.answered_challenge = True
                self._send(name, header)
        elif code in _RETRIED:
            self._plan(name, RETRY_S)
        else:
            log.info("account %s: the server offers no message summary (%d)", name, code)

    def take(self, request: bytes) -> int | None:
        """A request that came: 200 when it is a message summary for an account of ours, and then it is told; else None."""
        if not request.startswith(b"NOTIFY "):
            return None
        head = Head(request)
        if head.token("event") != "message-summary":
            return None
        to, body = address(head.get("to")).partition(":")[2].lower(), head.body.decode("utf-8", "replace")
        name = next((name for name, account in self._accounts.items() if _address_of(account) == to), None)
        if name is None:
            return None
        told = parse_summary(name, body)
        before = self.last.get(name)
        if told is not None and (before is None or (before.waiting, before.new, before.old) != (told.waiting, told.new, told.old)):
            self.last[name] = told
            self._publish(told)
        if head.token("subscription-state") == "terminated" and name in self._subscriptions:
            self._plan(name, LEAST_RENEWAL_S)
        return 200

    def _plan(self, name: str, seconds: float) -> None:
        subscription = self._subscriptions[name]
        subscription.generation += 1
        generation = subscription.generation

        def renew() -> None:
            # Another one may stand under this name by then.
            if self._subscriptions.get(name) is subscription and subscription.generation == generation:
                self._subscribe(name)

        self._later(seconds, renew)

    def _subscribe(self, name: str) -> None:
        self._subscriptions[name].answered_challenge = False
        self._send(name, None)

    def _send(self, name: str, authorization: tuple[str, str] | None) -> None:
        account = self._accounts.get(name)
        if account is None or account.leaving:
            self._subscriptions.pop(name, None)
            return
        user, transport = account.settings.uri.partition(":")[2].partition("@")[0], account.transport_parameter
        request = pj.SendRequestParam()
        request.method = "SUBSCRIBE"
        request.txOption.targetUri = account.settings.uri
        headers = [
            ("Event", "message-summary"),
            ("Expires", str(EXPIRES_S)),
            ("Accept", "application/simple-message-summary"),
            ("Contact", f"<sip:{user}@{self._address()}{transport}>"),
        ]
        for key, value in [*headers, *([authorization] if authorization else [])]:
            header = pj.SipHeader()
            header.hName, header.hValue = key, value
            request.txOption.headers.append(header)
        try:
            account.sendRequest(request)
        except pj.Error as error:
            log.info("account %s: no SUBSCRIBE can be sent now (%s)", name, error.reason)
            if name in self._subscriptions:
                self._plan(name, RETRY_S)


def parse_summary(account: str, body: str) -> MessageWaiting | None:
    """application/simple-message-summary (RFC 3842, 5.2) -> event; None when it is none."""
    fields = {name.lower(): value for name, value in _FIELD.findall(body.replace("\r\n", "\n"))}
    if fields.get("messages-waiting", "").lower() not in ("yes", "no"):
        return None
    counts = _COUNTS.match(fields.get("voice-message", ""))
    new, old = (int(counts[1]), int(counts[2])) if counts else (0, 0)
    return MessageWaiting(account=account, waiting=fields["messages-waiting"].lower() == "yes", new=new, old=old)


def _address_of(account: PhoneAccount) -> str:
    return str(account.settings.uri.partition(":")[2].partition(";")[0].lower())
