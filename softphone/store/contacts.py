"""Contacts: names, addresses, and how the phone treats their calls."""

from __future__ import annotations

import re
import sqlite3
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from softphone.codecs import codec_names
from softphone.files.errors import StoreError, clean, clean_lines
from softphone.store import phone_number, sip_address
from softphone.store.contact_index import ContactIndex
from softphone.store.folding import fold
from softphone.store.rule_book import ContactRules, RuleBook
from softphone.store.sqlite.database import Database, Stamp


@dataclass(frozen=True)
class Address:
    """One number or URI of a contact; `label` such as "work"."""

    uri: str
    label: str = ""
    preferred: bool = False


@dataclass(frozen=True)
class Contact:
    """`id` 0: not stored yet. `codecs`: offered in calls with them, best first; None leaves it to the configuration."""

    name: str
    addresses: tuple[Address, ...] = ()
    favourite: bool = False
    notes: str = ""
    auto_answer: bool = False
    codecs: tuple[str, ...] | None = None
    uid: str = ""
    id: int = 0

    @property
    def preferred(self) -> Address | None:
        """The address that a call goes to when none is chosen."""
        return next((address for address in self.addresses if address.preferred), self.addresses[0] if self.addresses else None)


class Contacts:
    """The contacts in a database. All are held in memory and read again when any process has changed them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: tuple[Stamp | None, _Held] = (None, _Held(()))

    def all(self) -> tuple[Contact, ...]:
        """Favourites first, then by name. Raises StoreError."""
        return self._current().contacts

    def _current(self) -> _Held:
        # One assignment: another thread of this process may be doing the same.
        stamp = self._database.stamp()
        held_at, held = self._held
        if stamp != held_at:
            found = self._database.read(_load)
            if found != held.contacts:
                held = _Held(found)
            self._held = stamp, held
        return held

    def get(self, contact_id: int) -> Contact:
        """Raises StoreError when there is none (any more)."""
        found = next((contact for contact in self.all() if contact.id == contact_id), None)
        if found is None:
            raise StoreError(f"there is no contact {contact_id}; it may have been removed elsewhere")
        return found

    def add(self, contact: Contact) -> Contact:
        """Keep it; gives it back with its id. Raises StoreError."""
        checked = check(contact)
        checked = replace(checked, uid=checked.uid or f"urn:uuid:{uuid.uuid4()}")

        def insert(connection: sqlite3.Connection) -> int:
            return _insert(connection, checked)

        return replace(checked, id=self._database.write(insert))

    def update(self, contact: Contact) -> Contact:
        """Replace the kept contact of the same id. Raises StoreError."""
        checked = check(contact)
        self._database.write(lambda connection: _replace(connection, checked))
        return checked

    def put_all(self, contacts: Iterable[Contact]) -> None:
        """Add those whose id is 0 and replace the others, all or none. Raises StoreError."""
        checked = [replace(ready, uid=ready.uid or f"urn:uuid:{uuid.uuid4()}") for ready in map(check, contacts)]

        def put(connection: sqlite3.Connection) -> None:
            for contact in checked:
                if contact.id:
                    _replace(connection, contact)
                else:
                    _insert(connection, contact)

        if checked:
            self._database.write(put)

    def set_favourite(self, contact_id: int, on: bool) -> None:
        """Raises StoreError."""
        self._database.write(lambda connection: connection.execute("UPDATE contacts SET favourite = ? WHERE id = ?", (on, contact_id)))

    def remove(self, contact_id: int) -> None:
        """Raises StoreError when there is none."""
        if not self._database.write(lambda connection: connection.execute("DELETE FROM contacts WHERE id = ?", (contact_id,)).rowcount):
            raise StoreError(f"there is no contact {contact_id}; it may have been removed elsewhere")

    def search(self, text: str) -> list[Contact]:
        """Contacts of which some word of the name or of an address begins with each word of `text`, or a number with its digits.
        Case and accents do not matter; no text finds all. Raises StoreError."""
        return self.index().search(text)

    def index(self) -> ContactIndex:
        """For searching in other ways, as the contacts are now. Raises StoreError."""
        return self._current().index

    def named(self, name: str) -> list[Contact]:
        """Contacts of exactly this name but for case and accents. Raises StoreError."""
        return self.index().named(clean(name))

    def name_of(self, remote: str) -> str:
        """Who `remote` (a URI or a From header) is, for showing: a contact, else the header's display name, else "". Raises StoreError."""
        uri, display = sip_address.bare_uri(remote)
        return self.rule_book().name(uri) or clean(display, 200)

    def rules_for(self, remote_uri: str, domains: Collection[str] = ()) -> ContactRules | None:
        """How to treat a call from `remote_uri`; None if it is no contact. See `RuleBook.rules`. Raises StoreError."""
        return self.rule_book().rules(remote_uri, domains)

    def rule_book(self) -> RuleBook:
        """The rules of all contacts as they are now, to be asked without the database. Raises StoreError."""
        return self._current().rule_book


class _Held:
    """Contacts as they were at one moment, and what is made of them when it is asked for."""

    def __init__(self, contacts: tuple[Contact, ...]) -> None:
        self.contacts = contacts

    @cached_property
    def index(self) -> ContactIndex:
        return ContactIndex(self.contacts)

    @cached_property
    def rule_book(self) -> RuleBook:
        return RuleBook((c.name, c.auto_answer, c.codecs, [address.uri for address in c.addresses]) for c in self.contacts)


def check(contact: Contact) -> Contact:
    """The contact as it is kept: cleaned, each address once, exactly one preferred. Raises StoreError."""
    addresses: dict[str, Address] = {}
    for address in contact.addresses:
        uri = tidy_uri(address.uri)
        if uri not in addresses:
            addresses[uri] = Address(uri, clean(address.label, 100), address.preferred)
    name = clean(contact.name, 200) or next(iter(addresses), "")
    if not name:
        raise StoreError("a contact needs a name or an address; write one")
    unknown = [codec for codec in contact.codecs or () if codec not in codec_names()]
    if unknown or (contact.codecs is not None and not contact.codecs):
        raise StoreError(f"the codecs of {name} must be some of {', '.join(codec_names())}, or none chosen")
    codecs = tuple(dict.fromkeys(contact.codecs)) if contact.codecs is not None else None
    chosen = next((uri for uri, address in addresses.items() if address.preferred), next(iter(addresses), ""))
    return replace(
        contact,
        name=name,
        addresses=tuple(replace(address, preferred=uri == chosen) for uri, address in addresses.items()),
        notes=clean_lines(contact.notes),
        codecs=codecs,
        uid=clean(contact.uid, 200),
    )


def tidy_uri(text: str) -> str:
    """A number or SIP URI as it is kept: `bob@example.org` gets its `sip:`. Raises StoreError when it is neither."""
    uri = sip_address.bare_uri(clean(text, sip_address.MAX_URI + 1))[0]
    number = phone_number.read(uri)
    if number is not None and (scheme := re.match("tel:|callto:|sips?:", uri, re.IGNORECASE)) is not None:
        # As it is written, where no parameter of the URI changes it; sip:7001234 has no host, so its server is the one of the account.
        written = uri[scheme.end() :].partition(";")[0].strip()
        return written + number.keys if phone_number.read(written) == phone_number.PhoneNumber(number.digits) else number.text
    if number is None and uri.lower().startswith(("sip:", "sips:")):
        uri = sip_address.corrected(uri)
    if number is not None or sip_address.valid(uri):
        return uri
    user, at, host = uri.rpartition("@")
    if not at and sip_address.valid(f"sip:{uri}") and (found := sip_address.parse(f"sip:{uri}")) is not None and found.host_is_address:
        return f"sip:{uri}"
    if at and ":" not in user and sip_address.valid(made := f"sip:{sip_address.escape_user(user)}@{host}"):
        return made
    raise StoreError(f"{uri[:60] or 'an empty text'} is no SIP address or number; one looks like sip:bob@example.org or +49 30 1234")


def _load(connection: sqlite3.Connection) -> tuple[Contact, ...]:
    addresses: dict[int, list[Address]] = {}
    for row in connection.execute("SELECT contact, uri, label, preferred FROM addresses ORDER BY id"):
        addresses.setdefault(row["contact"], []).append(Address(row["uri"], row["label"], bool(row["preferred"])))
    contacts = [_contact(row, tuple(addresses.get(row["id"], ()))) for row in connection.execute("SELECT * FROM contacts")]
    return tuple(sorted(contacts, key=lambda contact: (not contact.favourite, fold(contact.name), contact.id)))


def _contact(row: sqlite3.Row, addresses: tuple[Address, ...]) -> Contact:
    return Contact(
        name=row["name"],
        addresses=addresses,
        favourite=bool(row["favourite"]),
        notes=row["notes"],
        auto_answer=bool(row["auto_answer"]),
        codecs=tuple(row["codecs"].split(",")) if row["codecs"] else None,
        uid=row["uid"],
        id=row["id"],
    )


def _codecs_text(contact: Contact) -> str | None:
    return ",".join(contact.codecs) if contact.codecs else None


def _insert(connection: sqlite3.Connection, contact: Contact) -> int:
    if connection.execute("SELECT 1 FROM contacts WHERE uid = ?", (contact.uid,)).fetchone():
        contact = replace(contact, uid=f"urn:uuid:{uuid.uuid4()}")
    number = connection.execute(
        "INSERT INTO contacts (uid, name, favourite, notes, auto_answer, codecs) VALUES (?, ?, ?, ?, ?, ?)",
        (contact.uid, contact.name, contact.favourite, contact.notes, contact.auto_answer, _codecs_text(contact)),
    ).lastrowid
    assert number is not None
    _insert_addresses(connection, number, contact)
    return number


def _replace(connection: sqlite3.Connection, contact: Contact) -> None:
    changed = connection.execute(
        "UPDATE contacts SET name = ?, favourite = ?, notes = ?, auto_answer = ?, codecs = ? WHERE id = ?",
        (contact.name, contact.favourite, contact.notes, contact.auto_answer, _codecs_text(contact), contact.id),
    ).rowcount
    if not changed:
        raise StoreError(f"{contact.name} is no longer among the contacts; it was removed elsewhere, add it again")
    connection.execute("DELETE FROM addresses WHERE contact = ?", (contact.id,))
    _insert_addresses(connection, contact.id, contact)


def _insert_addresses(connection: sqlite3.Connection, number: int, contact: Contact) -> None:
    connection.executemany(
        "INSERT INTO addresses (contact, uri, label, preferred) VALUES (?, ?, ?, ?)",
        [(number, address.uri, address.label, address.preferred) for address in contact.addresses],
    )
