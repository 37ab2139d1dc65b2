"""Finding contacts while somebody types: a text per contact that is searched as a whole, so that thousands take a millisecond."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from softphone.store import sip_address
from softphone.store.folding import fold, words

if TYPE_CHECKING:
    from softphone.store.contacts import Contact


class ContactIndex:
    """Of `contacts`, in their order; immutable."""

    def __init__(self, contacts: Sequence[Contact]) -> None:
        self._contacts = contacts
        # Words between spaces: " x" is the beginning of a word, " x " a whole one.
        self._names = [f" {' '.join(words(contact.name))} " for contact in contacts]
        self._all = [name + _address_words(contact) for name, contact in zip(self._names, contacts, strict=True)]
        self._digits = [_digits(contact) for contact in contacts]
        self._by_name: dict[str, list[Contact]] = {}
        for contact in contacts:
            self._by_name.setdefault(fold(contact.name), []).append(contact)

    def search(self, text: str) -> list[Contact]:
        """Contacts in which each word of `text` begins some word of the name or an address, or whose number begins with its digits."""
        places = _with_all(self._all, [f" {word}" for word in words(text)])
        number = sip_address.number(text).removeprefix("+").removeprefix("00")
        if number:
            places = sorted({*places, *_with_all(self._digits, [f" {number}"])})
        return [self._contacts[place] for place in places]

    def named(self, name: str) -> list[Contact]:
        """Those of exactly this name, but for case and accents."""
        return list(self._by_name.get(fold(name), ()))

    def with_words(self, wanted: Sequence[str], *, whole: bool) -> list[Contact]:
        """Those in whose name each of the folded words `wanted` occurs: as a `whole` word, or as the beginning of one."""
        looked_for = [f" {word} " if whole else f" {word}" for word in wanted]
        return [self._contacts[place] for place in _with_all(self._names, looked_for)]


def _with_all(texts: list[str], wanted: list[str]) -> list[int]:
    """Places of the texts that hold each of `wanted`."""
    places = list(range(len(texts)))
    for piece in wanted:
        places = [place for place in places if piece in texts[place]]
    return places


def _address_words(contact: Contact) -> str:
    parsed = ((sip_address.parse(address.uri), address.uri) for address in contact.addresses)
    return " ".join(words(" ".join(f"{p.user} {p.host}" if p else uri for p, uri in parsed)))


def _digits(contact: Contact) -> str:
    """The numbers of a contact, each after a space, without what says "international"."""
    parsed = ((sip_address.parse(address.uri), address.uri) for address in contact.addresses)
    numbers = (sip_address.number(p.user if p else uri) for p, uri in parsed)
    return "".join(f" {number.removeprefix('+').removeprefix('00')}" for number in numbers if number)
