"""The dial field: what people type becomes a SIP URI, and while they type, what they may mean."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from softphone.files.errors import StoreError, clean
from softphone.store import phone_number, sip_address
from softphone.store.contacts import Address, Contact, Contacts
from softphone.store.folding import words
from softphone.store.history import History

_EXAMPLE = "an address looks like sip:bob@example.org or sip:192.0.2.7"


@dataclass(frozen=True)
class Completion:
    """One thing that the text may mean. Put `uri` in the field, show `name` and `label` beside it."""

    uri: str
    name: str = ""
    label: str = ""
    source: Literal["contact", "history", "typed"] = "contact"
    favourite: bool = False


def complete(text: str, contacts: Contacts, history: History, limit: int = 20) -> list[Completion]:
    """Contacts first (favourites, then by name; the preferred address of each first), then those called lately. No text completes to
    nothing.

    Raises:
        StoreError: the database cannot be used; no text is wrong.
    """
    text = clean(text, 200)
    if not text:
        return []
    found: dict[str, Completion] = {}
    for contact in contacts.search(text):
        for address in sorted(contact.addresses, key=lambda address: not address.preferred):
            completion = Completion(address.uri, contact.name, address.label, "contact", contact.favourite)
            found.setdefault(sip_address.key_of(address.uri), completion)
    wanted = words(text)
    for uri, name in history.remotes():
        key = sip_address.key_of(uri)
        if key not in found and wanted and _begins(words(f"{name} {key}"), wanted):
            found[key] = Completion(uri, contacts.rule_book().name(uri) or name, "", "history")
        if len(found) >= limit:
            break
    return list(found.values())[:limit]


@dataclass(frozen=True)
class Target:
    """The address to call, and the keys to send when the call is up (see `Call.keys` of the control protocol)."""

    uri: str
    keys: str = ""


def resolve(text: str, default_domain: str, contacts: Contacts, rules: Mapping[str, str]) -> Target:
    """What `text` means: a SIP or tel URI, `user@host`, an IP address, a number, a contact, or a user at `default_domain`.

    A contact is meant by its whole name, else by whole words of it, else (where there is no domain that could know the name) by the
    beginnings of words; if these fit several contacts, none is chosen.

    Args:
        default_domain: host part of the account that will call, perhaps with a port; "" when there is no server.
        rules: how numbers are rewritten (`phone_number.rewritten`); addresses and service numbers are not.

    Raises:
        StoreError: one sentence that says what is missing or lists what the text could mean.
    """
    text = clean(text, 1000)
    if not text:
        raise StoreError(f"type a name, a number or an address to call: {_EXAMPLE}")
    uri = sip_address.bare_uri(text)[0] if text.endswith(">") else text
    if _is_ip(uri):
        return Target(_checked(f"sip:{uri}", text))
    if (number := phone_number.read(uri)) is not None:
        return Target(_at_domain(phone_number.rewritten(number.digits, rules), default_domain, text, "a number"), number.keys)
    if uri.lower().startswith(("sip:", "sips:")):
        return Target(_checked(sip_address.corrected(uri), text))
    if "@" in uri:
        user, _, host = uri.rpartition("@")
        if ":" in user:
            # Of another scheme, such as xmpp:, or a whole SIP URI behind a name.
            raise _cannot_be_called(text)
        return Target(_checked(f"sip:{sip_address.escape_user(user)}@{host}", text))
    contact = _meant(text, contacts, bool(default_domain))
    if contact is not None:
        return _of_contact(contact, default_domain, rules)
    if " " not in text and (":" in text or ("." in text and not default_domain)):
        # A host, perhaps with a port.
        return Target(_checked(f"sip:{text}", text))
    if " " in text:
        raise StoreError(f"no contact is called {_shown(text)}; {_EXAMPLE}")
    return Target(_at_domain(text, default_domain, text, "a name that no contact has"))


def _meant(text: str, contacts: Contacts, has_domain: bool) -> Contact | None:
    exact = contacts.named(text)
    if exact:
        return _only(exact, text)
    wanted = words(text)
    if not wanted:
        return None
    index = contacts.index()
    whole = index.with_words(wanted, whole=True)
    if whole:
        return _only(whole, text)
    begun = [] if has_domain and len(wanted) == 1 else index.with_words(wanted, whole=False)
    return _only(begun, text) if begun else None


def _only(found: list[Contact], text: str) -> Contact:
    if len(found) > 1:
        names = ", ".join(f"{contact.name} ({contact.preferred.uri})" if contact.preferred else contact.name for contact in found[:5])
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        raise StoreError(f"{_shown(text)} may be {names}{more}; type more of the name, or pick one of the list")
    return found[0]


def _of_contact(contact: Contact, default_domain: str, rules: Mapping[str, str]) -> Target:
    address: Address | None = contact.preferred
    if address is None:
        raise StoreError(f"{contact.name} has no number and no address; add one to the contact")
    number = phone_number.read(address.uri)
    if number is not None:
        digits = phone_number.rewritten(number.digits, rules)
        return Target(_at_domain(digits, default_domain, f"{contact.name}'s {address.uri}", "a number"), number.keys)
    return Target(_checked(address.uri, contact.name))


def _at_domain(user: str, domain: str, text: str, what: str) -> str:
    if not domain:
        raise StoreError(f"{_shown(text)} is {what}, and there is no account whose server could know it; {_EXAMPLE}")
    return _checked(f"sip:{sip_address.escape_user(user)}@{domain}", text)


def _checked(uri: str, text: str) -> str:
    if not sip_address.valid(uri):
        raise _cannot_be_called(text)
    return uri


def _cannot_be_called(text: str) -> StoreError:
    return StoreError(f"{_shown(text)} cannot be called; {_EXAMPLE}")


def _is_ip(text: str) -> bool:
    host, colon, port = text.rpartition(":")
    try:
        ipaddress.IPv4Address(host if colon and port.isascii() and port.isdigit() else text)
    except ValueError:
        return False
    return True


def _begins(having: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    return all(any(word.startswith(start) for word in having) for start in wanted)


def _shown(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
