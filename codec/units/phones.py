"""The phones that the codec sends, and what kind of sound each of them is.

`INVENTORY` is the inventory of this build: ARPAbet as in CMUdict, without stress digits, plus silence. Whatever depends on the kind of a
phone asks the inventory, so another language needs another inventory, with its text rules, lexicon and weights, and no other code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum


class Manner(Enum):
    """How a phone is made."""

    SILENCE = "silence"
    VOWEL = "vowel"
    STOP = "stop"
    AFFRICATE = "affricate"
    FRICATIVE = "fricative"
    NASAL = "nasal"
    APPROXIMANT = "approximant"


@dataclass(frozen=True, slots=True)
class Phone:
    """voiced: whether it carries F0 on the wire."""

    label: str
    manner: Manner
    voiced: bool = True


class Inventory:
    """The phones of a language. A phone's index in `phones` is the symbol that is sent: their order is part of the payload format, and
    `name` stands for it in the fmtp line."""

    def __init__(self, name: str, phones: Iterable[Phone]) -> None:
        self.name = name
        self.phones = tuple(phones)
        self.labels: tuple[str, ...] = tuple(phone.label for phone in self.phones)
        self.silence = self._one(Manner.SILENCE)
        self.vowels = self.of(Manner.VOWEL)
        self.unvoiced = frozenset(index for index, phone in enumerate(self.phones) if not phone.voiced)
        self._index = {label: index for index, label in enumerate(self.labels)}

    def __len__(self) -> int:
        return len(self.phones)

    def of(self, *manners: Manner) -> frozenset[int]:
        """Indices of the phones of these manners."""
        return frozenset(index for index, phone in enumerate(self.phones) if phone.manner in manners)

    def index(self, label: str) -> int:
        """Of a label, with or without a stress digit ("AH0" and "AH" are one phone). Raises KeyError."""
        return self._index[label.rstrip("012")]

    def sound_class(self, phone: int) -> int:
        """0 silence, 1 vowels, 2 unvoiced consonants, 3 voiced ones."""
        if phone == self.silence:
            return 0
        return 1 if phone in self.vowels else 2 if phone in self.unvoiced else 3

    def _one(self, manner: Manner) -> int:
        (index,) = self.of(manner)
        return index


_ARPABET = """
    SIL
    AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW
    B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH
"""
_MANNERS = {
    Manner.SILENCE: "SIL",
    Manner.VOWEL: "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW",
    Manner.STOP: "B D G K P T",
    Manner.AFFRICATE: "CH JH",
    Manner.FRICATIVE: "DH F HH S SH TH V Z ZH",
    Manner.NASAL: "M N NG",
    Manner.APPROXIMANT: "L R W Y",
}
_UNVOICED = frozenset(("SIL", "CH", "F", "HH", "K", "P", "S", "SH", "T", "TH"))


def _arpabet() -> Iterator[Phone]:
    manner_of = {label: manner for manner, labels in _MANNERS.items() for label in labels.split()}
    for label in _ARPABET.split():
        yield Phone(label, manner_of[label], label not in _UNVOICED)


INVENTORY = Inventory("arpabet-39", _arpabet())

INVENTORY_NAME = INVENTORY.name
PHONES = INVENTORY.labels
SILENCE = INVENTORY.silence
VOWELS = INVENTORY.vowels
UNVOICED = INVENTORY.unvoiced
PHONE_INDEX = {label: index for index, label in enumerate(PHONES)}
SOUND_CLASSES = 4
"""Values of `Inventory.sound_class`."""

phone_index = INVENTORY.index
