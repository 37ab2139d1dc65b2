"""Import and export of vCard files, without duplicating contacts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from softphone.files import private_file, text_file
from softphone.files.errors import StoreError
from softphone.files.text_file import TextFileError
from softphone.store import sip_address
from softphone.store.contacts import Address, Contact, Contacts
from softphone.store.folding import fold
from softphone.store.vcard.cards import Version, read_cards, write_cards

MAX_FILE = 100_000_000


@dataclass
class Imported:
    """Numbers of contacts that were added, extended or already there; `remarks` say what was left out."""

    added: int = 0
    merged: int = 0
    known: int = 0
    skipped: int = 0
    remarks: list[str] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """All of it on one line, with the first few remarks."""
        counts = [f"{self.added} added", f"{self.merged} completed", f"{self.known} were there already"]
        counts += [f"{self.skipped} skipped"] if self.skipped else []
        more = f"; and {len(self.remarks) - 3} more such remarks" if len(self.remarks) > 3 else ""
        return ", ".join(counts) + "".join(f"; {remark}" for remark in self.remarks[:3]) + more


def import_file(path: Path, contacts: Contacts, *, own: bool = False) -> Imported:
    """Add the contacts of a vCard file, in one transaction. Somebody who is there already gets the addresses that are new.

    Args:
        own: the file was exported by this user's phone; only then may it make the phone answer calls automatically, or
            give addresses to somebody whose calls it answers.

    Raises:
        StoreError: the file cannot be read or holds no vCard, or the contacts cannot be written; then none were added.
    """
    return import_cards(_read(path), contacts, own=own, source=str(path))


def import_cards(data: bytes, contacts: Contacts, *, own: bool = False, source: str = "the text") -> Imported:
    """Like `import_file`, from the bytes of such a file."""
    cards = read_cards(data)
    if not cards.contacts and not cards.skipped:
        raise StoreError(f"{source} holds no vCard; such a file has lines BEGIN:VCARD, and phones export it as .vcf")
    result = Imported(skipped=len(cards.skipped), remarks=[*cards.skipped, *cards.remarks])
    book = _Book(contacts.all())
    for card in cards.contacts:
        book.take(card, own, result)
    contacts.put_all(book.changed())
    return result


def export_file(path: Path, contacts: Contacts, version: Version = "3.0") -> int:
    """Write all contacts to a vCard file of mode 0600; gives how many. Raises StoreError."""
    everybody = contacts.all()
    if not path.expanduser().absolute().parent.is_dir():
        raise StoreError(f"there is no folder {path.expanduser().absolute().parent}; create it first, or name another")
    private_file.write(path, write_cards(everybody, version))
    return len(everybody)


class _Book:
    """The contacts as they will be: those kept, with changes, and new ones."""

    def __init__(self, contacts: tuple[Contact, ...]) -> None:
        self._entries = list(contacts)
        self._changed: set[int] = set()
        self._by_uid = {contact.uid: place for place, contact in enumerate(contacts)}
        self._by_name: dict[str, list[int]] = {}
        self._by_key: dict[str, list[int]] = {}
        for place in range(len(contacts)):
            self._index(place)

    def changed(self) -> list[Contact]:
        return [self._entries[place] for place in sorted(self._changed)]

    def take(self, card: Contact, own: bool, result: Imported) -> None:
        place = self._same(card)
        if card.auto_answer and not own:
            card = replace(card, auto_answer=False)
            if place is None or not self._entries[place].auto_answer:
                result.remarks.append(f"{card.name} is not answered automatically before you say so here")
        if place is None:
            self._entries.append(card)
            place = len(self._entries) - 1
            if card.uid:
                self._by_uid[card.uid] = place
            result.added += 1
        else:
            merged = self._merged(self._entries[place], card, own, result)
            if merged == self._entries[place]:
                result.known += 1
                return
            self._entries[place] = merged
            result.merged += 1
        self._index(place)
        self._changed.add(place)

    def _index(self, place: int) -> None:
        contact = self._entries[place]
        for table, key in [(self._by_name, fold(contact.name)), *((self._by_key, key) for key in _keys(contact))]:
            if place not in table.setdefault(key, []):
                table[key].append(place)

    def _same(self, card: Contact) -> int | None:
        """Of one uid; of one name with an address in common (or one of them without any); or with the same addresses."""
        if card.uid and card.uid in self._by_uid:
            return self._by_uid[card.uid]
        keys = _keys(card)
        for place in self._by_name.get(fold(card.name), []):
            theirs = _keys(self._entries[place])
            if keys & theirs or not keys or not theirs:
                return place
        return next((place for key in keys for place in self._by_key.get(key, []) if _keys(self._entries[place]) == keys), None)

    @staticmethod
    def _merged(kept: Contact, card: Contact, own: bool, result: Imported) -> Contact:
        known = _keys(kept)
        new = [Address(address.uri, address.label) for address in card.addresses if sip_address.key_of(address.uri) not in known]
        if new and kept.auto_answer and not own:
            # Whoever wrote the file must not open this microphone.
            result.remarks.append(
                f"{kept.name} is answered automatically, so {', '.join(a.uri for a in new)} was not added; add it by hand"
            )
            new = []
        addresses = (*kept.addresses, *new)
        if addresses and not any(address.preferred for address in addresses):
            addresses = (replace(addresses[0], preferred=True), *addresses[1:])
        return replace(
            kept,
            addresses=addresses,
            notes=kept.notes if not card.notes or card.notes in kept.notes else f"{kept.notes}\n{card.notes}".strip(),
            favourite=kept.favourite or card.favourite,
            codecs=kept.codecs or card.codecs,
            auto_answer=kept.auto_answer or card.auto_answer,
        )


def _keys(contact: Contact) -> set[str]:
    return {sip_address.key_of(address.uri) for address in contact.addresses}


def _read(path: Path) -> bytes:
    try:
        return text_file.read_bytes(path, MAX_FILE)
    except FileNotFoundError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror})") from None
    except TextFileError as error:
        raise StoreError(f"{path} cannot be read ({error})") from None
