"""From what people type to a SIP URI, and the account that reaches it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from softphone.control.protocol import ControlError
from softphone.engine.accounts.account import LOCAL, PhoneAccount
from softphone.store import phone_number, sip_address


class Addressing:
    """`accounts` is the engine's own table; `transport` that of the settings: udp, tcp or tls, `rules` their numbers'. Main thread only."""

    def __init__(
        self, accounts: Mapping[str, PhoneAccount], transport: str, is_sip_uri: Callable[[str], bool], rules: Mapping[str, str]
    ) -> None:
        self._accounts = accounts
        self._transport = transport
        self._is_sip_uri = is_sip_uri
        self._rules = rules

    def complete(self, text: str, account: PhoneAccount) -> str:
        """A SIP URI from what people type: an address, a number, or a name at the account's server."""
        uri = text.strip()
        number = phone_number.read(uri)
        if number is not None:
            if not account.settings.registrar:
                raise ControlError(f"{uri[:60]} is a number, and no account has a server that could know it; register one", "bad_uri")
            digits = phone_number.rewritten(number.digits, self._rules)
            uri = f"sip:{sip_address.escape_user(digits)}@{account.settings.uri.rpartition('@')[2]}"
        elif not uri.lower().startswith(("sip:", "sips:")):
            if "@" not in uri and ":" not in uri and account.settings.registrar:
                uri = f"{uri}@{account.settings.uri.rpartition('@')[2]}"
            uri = f"sip:{uri}"
        uri = sip_address.corrected(uri)
        if self._transport != "udp" and "transport=" not in uri.lower():
            uri += f";transport={self._transport}"
        self.check_uris(uri)
        return uri

    def check_uris(self, *uris: str | None) -> None:
        """Raises ControlError where one of them is no SIP URI that PJSIP can use."""
        for uri in uris:
            if uri and re.match(r"sips?:([^@]*@)?\[", uri, re.IGNORECASE):
                raise ControlError(
                    f"{uri} has an IPv6 address, and PJSIP is built without IPv6 here; use its IPv4 address or name", "bad_uri"
                )
            if uri and not self._is_sip_uri(uri):
                raise ControlError(f"{uri} is no SIP address; one looks like sip:bob@example.org or sip:192.0.2.7:5060", "bad_uri")

    def account(self, name: str) -> PhoneAccount:
        """The account of that name. Raises ControlError."""
        account = self._accounts.get(name)
        if account is None or account.leaving:
            raise ControlError(f"there is no account {name}; known are {', '.join(self._accounts)}", "no_account")
        return account

    def best_account(self, uri: str) -> PhoneAccount:
        """The first registered one; for a bare name one that has a server, though it may be out of touch just now; for an address at the
        server of an account that one, though it may not be registered yet; else the local one."""
        accounts = [account for account in self._accounts.values() if account.settings.registrar and not account.leaving]
        bare = ("@" not in uri and ":" not in uri) or phone_number.read(uri) is not None
        host = _host(uri)
        at_home = (account for account in accounts if _host(account.settings.uri) == host)
        return next((account for account in accounts if account.registered or bare), next(at_home, self._accounts[LOCAL]))

    def account_for(self, address: str) -> tuple[PhoneAccount, str] | None:
        """By which account an address of the contacts is asked for something, and its SIP URI; None while there is no way to it."""
        accounts = [account for account in self._accounts.values() if account.settings.registrar and not account.leaving]
        domain = address.rpartition("@")[2].partition(";")[0].lower()
        chosen = sorted(
            (account for account in accounts if account.registered),
            key=lambda account: account.settings.uri.rpartition("@")[2].lower() != domain,
        )
        account = chosen[0] if chosen else self._accounts.get(LOCAL)
        if account is None or (accounts and not chosen) or (not chosen and "@" not in address):
            return None
        try:
            return account, self.complete(address, account)
        except ControlError:
            return None


def _host(uri: str) -> str:
    """What follows the @, without parameters; "" where there is no @."""
    _user, at, host = uri.rpartition("@")
    return host.partition(";")[0].partition(">")[0].lower() if at else ""
