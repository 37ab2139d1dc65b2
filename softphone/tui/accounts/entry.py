"""What people type to describe an account becomes the account's settings, or a sentence for the field that is wrong. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from softphone.config import Account
from softphone.config.fields import ConfigError, section
from softphone.control.protocol import Register
from softphone.store import sip_address

Entry = Literal["address", "password", "server", "proxy", "user"]


class EntryError(Exception):
    """`field` is wrong; the message says how it should be."""

    def __init__(self, field: Entry, sentence: str) -> None:
        super().__init__(sentence)
        self.field: Entry = field


@dataclass(frozen=True)
class AccountEntry:
    """As typed. `password` "" leaves the kept one."""

    address: str
    password: str = ""
    server: str = ""
    proxy: str = ""
    user: str = ""
    auto_answer: bool = False

    def settings(self) -> dict[str, Any]:
        """Fields of `config.Account`; None where nothing was typed. Raises EntryError."""
        address = self.address.strip()
        if not address:
            raise EntryError("address", "write the address that your provider gave you, such as alice@example.org")
        uri = address if address.lower().startswith(("sip:", "sips:")) else f"sip:{address}"
        parsed = sip_address.parse(uri)
        if parsed is None or not parsed.user:
            raise EntryError("address", f"{address[:60]} is no SIP address; one looks like alice@example.org")
        server, proxy = _as_uri(self.server), _as_uri(self.proxy)
        if proxy and ";" not in proxy:
            # A loose router (RFC 3261, 16.12); without `lr` the proxy would be put into the request's own address.
            proxy += ";lr"
        fields: dict[str, Any] = {
            "id": uri,
            "registrar": server or None,
            "proxy": proxy or None,
            "user": self.user.strip() or None,
            "auto_answer": self.auto_answer or None,
        }
        for key, entry in (("id", "address"), ("registrar", "server"), ("proxy", "proxy"), ("user", "user")):
            _check(key, fields[key], entry)  # type: ignore[arg-type]
        for text, entry in ((server, "server"), (proxy, "proxy")):
            if text and sip_address.parse(text) is None:
                raise EntryError(entry, f"{text[4:60]} is no server; one looks like sip.example.org or 192.0.2.1:5060")  # type: ignore[arg-type]
        if self.password and not self.password.isprintable():
            raise EntryError("password", "a password is one line of text without control characters; type it again")
        return fields


def entry_of(account: Account) -> AccountEntry:
    """What stands in the fields when an account is changed."""

    def short(uri: str) -> str:
        return uri.removeprefix("sip:").removesuffix(";lr")

    return AccountEntry(short(account.id), "", short(account.registrar), short(account.proxy), account.user, account.auto_answer)


def register_command(name: str, account: Account, password: str) -> Register:
    """What tells the engine of the account."""
    return Register(
        account=name,
        uri=account.id,
        registrar=account.registrar or None,
        username=account.user or None,
        password=password,
        proxy=account.proxy or None,
        expires_s=account.register_seconds,
        auto_answer=account.auto_answer,
    )


def _as_uri(text: str) -> str:
    text = text.strip()
    return text if not text or text.lower().startswith(("sip:", "sips:")) else f"sip:{text}"


def _check(key: str, value: Any, entry: Entry) -> None:
    try:
        section(Account, "account", {key: value} if value else {})
    except ConfigError as error:
        raise EntryError(entry, str(error).removeprefix(f"account.{key}: ")) from None
