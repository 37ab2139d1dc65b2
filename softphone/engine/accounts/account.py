"""Accounts: the local one, which needs no server, and those that register (RFC 3261, 10)."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import pjsua2 as pj

from softphone.config import Account, Network
from softphone.config.passwords import KeyringError
from softphone.control.protocol import Event, Register, Registration
from softphone.engine.accounts.outside_requests import OutsideRequests
from softphone.engine.accounts.registration_backoff import RegistrationBackoff, retry_after
from softphone.engine.pjsip.guard import pjsip_callback
from softphone.engine.pjsip.transport.security import set_encryption, set_ways
from softphone.engine.sip.head import TOO_LONG, party
from softphone.engine.sip.parsed.auth_gate import has_no_answer
from softphone.engine.sip.parsed.module import transport_of
from softphone.engine.sip.status_text import explain_registration, plain
from softphone.errors import SoftphoneError
from softphone.store import sip_address

LOCAL = "local"
"""Name of the account for direct calls."""
FIRST_RETRY_S = 2
RETRY_S = 300
"""The longest wait between two attempts to register."""
_RETRIED = frozenset({408, 480, 500, 502, 503, 504})
"""Status codes, besides 6xx, after which another attempt may succeed."""


class AccountError(SoftphoneError):
    """The account cannot be made; one sentence."""


@dataclass(frozen=True)
class AccountSettings:
    """What an account is. Empty `registrar`: calls only, no registration."""

    name: str
    uri: str
    registrar: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    realm: str = "*"
    proxy: str = ""
    expires_s: int = 300
    auto_answer: bool = False
    message_waiting: bool = True
    trouble: str = ""
    """Why it cannot register now."""
    backups: tuple[str, ...] = ()
    """Other outbound proxies, for when the first does not serve."""

    @classmethod
    def from_config(cls, name: str, place: str, account: Account) -> AccountSettings:
        """`place` is where in the configuration it stands. Raises ConfigError when the password cannot be had."""
        password = trouble = ""
        try:
            password = account.password(place)
        except KeyringError as error:
            # A locked keyring must not keep the phone from starting.
            trouble = str(error)
        return cls(
            name,
            account.id,
            account.registrar or f"sip:{account.id.rpartition('@')[2]}",
            account.auth_user,
            password,
            "*",
            account.proxy,
            account.register_seconds,
            account.auto_answer,
            account.message_waiting,
            trouble,
            tuple(account.backups.split()),
        )

    @classmethod
    def from_command(cls, command: Register) -> AccountSettings:
        domain = command.uri.partition(":")[2].rpartition("@")[2]
        return cls(
            command.account,
            command.uri,
            command.registrar or f"sip:{domain}",
            command.username or command.uri.partition(":")[2].partition("@")[0],
            command.password,
            command.realm,
            command.proxy or "",
            command.expires_s,
            command.auto_answer,
            command.message_waiting,
        )


class MessageSink(Protocol):
    """Takes the text messages of an account, and how those fared that it sent (`messages.Messages`)."""

    def fared(self, number: int, code: int, reason: str) -> None: ...
    def came(self, account: str, remote: str, content_type: str, body: str) -> None: ...


class MailboxWatch(Protocol):
    """Subscribes to the account's message summary (`message_waiting.MessageWaitingService`)."""

    def registered(self, name: str) -> None: ...
    def unregistered(self, name: str) -> None: ...
    def answered(self, name: str, code: int, response: str) -> None: ...


class PhoneAccount(pj.Account):  # type: ignore[misc]
    """`incoming(account, call_id)` must make the call object at once; `publish` takes events."""

    def __init__(
        self,
        settings: AccountSettings,
        network: Network,
        publish: Callable[[Event], None],
        incoming: Callable[[PhoneAccount, int], None],
        messages: MessageSink,
        mailboxes: MailboxWatch,
        later: Callable[[float, Callable[[], None]], None],
        requests: OutsideRequests,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.registered = False
        self.leaving = False
        self.gone = False
        """Set once the account has unregistered; the main loop then drops it."""
        self.last: Registration | None = None
        """The last event of the registration, for front ends that connect later."""
        self._publish = publish
        self._incoming = incoming
        self._messages = messages
        self._mailboxes = mailboxes
        self._requests = requests
        self.transport_parameter = _transport_parameter(network)
        self.offers_srtp = network.offers_srtp
        self._network = network
        self._later = later
        self._pace = RegistrationBackoff(1 + len(settings.backups), FIRST_RETRY_S, RETRY_S)
        self._used = 0
        self._attempts = 0
        self._transport = 0
        """The pjsip_transport on which the registrar responded."""
        mailboxes.unregistered(settings.name)  # that of an account which this one replaces
        try:
            self.create(_pj_config(settings, network))
        except pj.Error as error:
            raise AccountError(
                f"account {settings.name}: {plain(error.reason)}; address, server and proxy look like sip:alice@example.org"
            ) from None
        if settings.trouble:
            self._tell(Registration(account=settings.name, state="failed", reason=settings.trouble))
        elif settings.registrar:
            self._register()

    @property
    def user_part(self) -> str:
        """Of its address: what stands before the @."""
        return self.settings.uri.partition(":")[2].rpartition("@")[0]

    def _register(self) -> None:
        try:
            self.setRegistration(True)
        except pj.Error as error:
            sentence = f"the registration cannot be sent ({plain(error.reason)}); check registrar, proxy and network.transport"
            self._failed(sentence, self._try_again())

    def unregister(self) -> None:
        """Unregister; `gone` is set on the response, or on a timeout."""
        self.leaving = True
        if not self.settings.registrar:
            self.gone = True
            return
        try:
            self.setRegistration(False)
        except pj.Error:
            self.gone = True
            self._tell(Registration(account=self.settings.name, state="unregistered"))

    @pjsip_callback
    def onRegStarted(self, prm: pj.OnRegStartedParam) -> None:
        if prm.renew and not self.registered:
            self._tell(Registration(account=self.settings.name, state="registering"))

    @pjsip_callback
    def onRegState(self, prm: pj.OnRegStateParam) -> None:
        code, reason = int(prm.code), str(prm.reason)
        name = self.settings.name
        if self.leaving:
            self.gone, self.registered = True, False
            self._tell(Registration(account=name, state="unregistered", code=code, reason=reason))
        elif code // 100 == 2 and prm.expiration > 0:
            self.registered = True
            self._transport = transport_of(prm.rdata)
            self._pace.succeeded()
            self._tell(Registration(account=name, state="registered", code=code, reason=reason, expires_s=int(prm.expiration)))
        elif code // 100 == 2:
            self.registered = False
            self._tell(Registration(account=name, state="unregistered", code=code, reason=reason))
        else:
            retry = None
            if code in _RETRIED or code // 100 == 6:
                retry = self._try_again(str(prm.rdata.wholeMsg))
            unknown_way = has_no_answer(code, str(prm.rdata.wholeMsg))
            self._failed(explain_registration(code, reason, unknown_way, host=self._server()), retry, code)

    def _server(self) -> str:
        """Host of where it registers, for people."""
        found = sip_address.parse(self.settings.proxy or self.settings.registrar or "")
        return found.host if found is not None else ""

    def _failed(self, sentence: str, retry_s: float | None, code: int = 0) -> None:
        self.registered = False
        self._tell(Registration(account=self.settings.name, state="failed", code=code, reason=sentence, retry_s=retry_s))

    def connection_lost(self, transport: int) -> None:
        """The pjsip_transport at this address is gone: where the registration went over it, nobody can be called there any more (RFC 5626).
        PJSUA itself would register again only with a fixed interval, and tells nobody."""
        if self.registered and not self.leaving and transport == self._transport:
            self._failed("the connection to the server was lost", self._try_again())

    def _try_again(self, response: str = "") -> float:
        """Schedules the next attempt; returns the seconds until then."""
        wait = self._pace.failed(retry_after(response))
        self._attempts += 1
        number = self._attempts
        myself = weakref.ref(self)  # a job must not keep a PJSUA2 object

        def attempt() -> None:
            account = myself()
            # Only the newest job: two failures may each schedule one.
            if account is not None and not account.leaving and not account.registered and account._attempts == number:
                account.register_again()

        self._later(wait, attempt)
        return wait

    def register_again(self) -> None:
        """Register with the server whose turn it is."""
        if self._used == self._pace.place:
            self._register()
            return
        self._used = self._pace.place
        try:
            self.modify(_pj_config(self.settings, self._network, self._used))  # registers too
        except pj.Error as error:
            self._failed(f"the next server cannot be asked ({plain(error.reason)})", self._try_again())

    def _tell(self, event: Registration) -> None:
        self.last = event
        if event.state == "registered":
            self._mailboxes.registered(event.account)
        elif event.state != "registering":
            self._mailboxes.unregistered(event.account)
        self._publish(event)

    @pjsip_callback
    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:
        self._incoming(self, int(prm.callId))

    @pjsip_callback
    def onInstantMessage(self, prm: pj.OnInstantMessageParam) -> None:
        remote = prm.fromUri if prm.fromUri not in TOO_LONG else party(prm.rdata.wholeMsg.encode("utf-8", "surrogateescape"), "from")
        self._messages.came(self.settings.name, remote, prm.contentType, prm.msgBody)

    @pjsip_callback
    def onInstantMessageStatus(self, prm: pj.OnInstantMessageStatusParam) -> None:
        self._messages.fared(int(prm.userData), int(prm.code), prm.reason)

    @pjsip_callback
    def onSendRequest(self, prm: pj.OnSendRequestParam) -> None:
        if self._requests.take(prm):
            return
        state = prm.e.body.tsxState
        whole = state.src.rdata.wholeMsg if state.type == pj.PJSIP_EVENT_RX_MSG else ""
        self._mailboxes.answered(self.settings.name, int(state.tsx.statusCode), whole)


def _pj_config(settings: AccountSettings, network: Network, place: int = 0) -> pj.AccountConfig:
    """place: of the outbound proxy, 0 or from 1 on that of a backup."""
    config = pj.AccountConfig()
    config.idUri = settings.uri
    transport = _transport_parameter(network)
    if settings.registrar:
        # Sent by _register, which hears of errors that PJSUA would only log.
        config.regConfig.registerOnAdd = False
        config.regConfig.registrarUri = _with(settings.registrar, transport)
        config.regConfig.timeoutSec = settings.expires_s
        config.regConfig.retryIntervalSec = 0  # see _try_again
        config.regConfig.delayBeforeRefreshSec = 5
        config.regConfig.dropCallsOnFail = False
        # On shutdown libDestroy must not sit out a dead registrar.
        config.regConfig.unregWaitMsec = 2000
        config.mwiConfig.enabled = False  # see message_waiting.py
    if settings.user:
        config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", settings.realm, settings.user, 0, settings.password))
    chosen = settings.backups[place - 1] if place else settings.proxy
    if chosen:
        proxy = chosen if ";lr" in chosen else chosen + ";lr"
        config.sipConfig.proxies.append(_with(proxy, transport))
    rtp = config.mediaConfig.transportConfig
    rtp.port = network.rtp_port
    if network.bind != "0.0.0.0":
        rtp.boundAddress = network.bind
    # A codec change in an answer of several codecs is settled by one re-INVITE.
    config.mediaConfig.lockCodecEnabled = True
    set_encryption(config.mediaConfig, network)
    set_ways(config.natConfig, network)
    config.natConfig.contactRewriteUse = 1
    config.natConfig.sipOutboundUse = int(bool(settings.registrar))
    config.videoConfig.autoTransmitOutgoing = False
    return config


def _transport_parameter(network: Network) -> str:
    return "" if network.transport == "udp" else f";transport={network.transport}"


def _with(uri: str, parameter: str) -> str:
    return uri if not parameter or "transport=" in uri.lower() else uri + parameter
