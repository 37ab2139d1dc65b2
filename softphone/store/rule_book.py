"""Rules for calls of contacts, looked up by address without touching the database."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from softphone.store import sip_address


@dataclass(frozen=True)
class ContactRules:
    """`codecs` None: what the configuration offers."""

    name: str
    auto_answer: bool
    codecs: tuple[str, ...] | None


class RuleBook:
    """Immutable; `rules` and `name` never raise and take microseconds, so the engine's main loop may ask.

    Built from (name, auto_answer, codecs, addresses) of each contact.
    """

    def __init__(self, contacts: Iterable[tuple[str, bool, tuple[str, ...] | None, list[str]]] = ()) -> None:
        self._by_key: dict[str, ContactRules] = {}
        self._names: dict[str, str] = {}
        """Of numbers that are only reached by more keys (an extension): their calls come from the main number, as those of others do."""
        for name, auto_answer, codecs, uris in contacts:
            rules = ContactRules(name, auto_answer, codecs)
            for uri in uris:
                self._by_key.setdefault(sip_address.key_of(uri), rules)
                if sip_address.parse(uri) is None and (digits := sip_address.number(uri)):
                    self._names.setdefault(digits, name)

    def rules(self, remote_uri: str, domains: Collection[str] = ()) -> ContactRules | None:
        """By user and host, regardless of port, parameters and display name. A contact `sip:192.0.2.7` is whoever calls from there.

        A contact that is a bare number is meant only if the caller's host is one of `domains` (those of the own accounts): anybody can
        call from `sip:+49301234@elsewhere`, and rules can open the microphone.
        """
        address = sip_address.parse(remote_uri)
        if address is None:
            return None
        found = self._by_key.get(address.key)
        if found is None and address.host_is_address:
            found = self._by_key.get(f"@{address.host}")
        if found is None and any(_host(domain) == address.host for domain in domains):
            found = self._by_number(address.user)
        return found

    def name(self, remote_uri: str) -> str:
        """The name of the contact with this address, for display; a number matches at any domain. "" if there is none."""
        address = sip_address.parse(remote_uri)
        found = self.rules(remote_uri)
        number = address.user if address is not None else remote_uri
        if found is None:
            found = self._by_number(number)
        return found.name if found is not None else self._names.get(sip_address.number(number), "")

    def _by_number(self, text: str) -> ContactRules | None:
        digits = sip_address.number(text)
        return self._by_key.get(digits) if digits else None


def _host(domain: str) -> str:
    address = sip_address.parse(f"sip:{domain}")
    return address.host if address is not None else ""
