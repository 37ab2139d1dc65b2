"""Which phones a recogniser takes for which: its phones against the dictionary's, and the edits between them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from codec.units.phones import PHONES, VOWELS

Variants = Sequence[Sequence[Sequence[int]]]
"""For each word all its pronunciations, as `codec.text.pronunciations.variants_of` gives them."""

Edit = tuple[int | None, int | None]
"""(phone of the dictionary, phone that was heard): None in the first place is an insertion, in the second a deletion."""

_Chain = tuple[Edit, Any]
_Path = tuple[int, _Chain | None]
"""Cost, and the edits so far, last first."""

_ERROR, _ODD = 1000, 1
"""Of two ways with equally many errors the one is right that takes fewer vowels for consonants."""


def align(recognised: Sequence[int], reference: Variants) -> list[Edit]:
    """The fewest edits from any choice of pronunciations to `recognised`, hits among them, in order."""
    row: list[_Path] = [(0, None)]
    for heard in recognised:
        row.append(_step(row[-1], None, heard))
    for variants in reference:
        ends = [_through(row, recognised, variant) for variant in variants]
        row = [min(column, key=lambda path: path[0]) for column in zip(*ends, strict=True)]
    edits, chain = [], row[-1][1]
    while chain is not None:
        edits.append(chain[0])
        chain = chain[1]
    return edits[::-1]


def _through(row: list[_Path], recognised: Sequence[int], variant: Sequence[int]) -> list[_Path]:
    for phone in variant:
        following = [_step(row[0], phone, None)]
        for place, heard in enumerate(recognised):
            candidates = ((row[place], phone, heard), (row[place + 1], phone, None), (following[-1], None, heard))
            best = min(candidates, key=lambda one: one[0][0] + _cost(one[1], one[2]))
            following.append(_step(*best))
        row = following
    return row


def _step(path: _Path, phone: int | None, heard: int | None) -> _Path:
    return path[0] + _cost(phone, heard), ((phone, heard), path[1])


def _cost(phone: int | None, heard: int | None) -> int:
    if phone == heard:
        return 0
    odd = phone is not None and heard is not None and (phone in VOWELS) != (heard in VOWELS)
    return _ERROR + _ODD * odd


@dataclass
class Confusions:
    """Counts over recordings."""

    edits: Counter[Edit] = field(default_factory=Counter)

    def add(self, recognised: Sequence[int], reference: Variants) -> None:
        """Count one recording."""
        self.edits.update(align(recognised, reference))

    @property
    def phones(self) -> int:
        """Phones of the dictionary."""
        return sum(count for (phone, _), count in self.edits.items() if phone is not None)

    @property
    def errors(self) -> int:
        return sum(count for (phone, heard), count in self.edits.items() if phone != heard)

    def kinds(self) -> dict[str, int]:
        """How many substitutions, deletions, insertions."""
        counts = dict.fromkeys(("substitutions", "deletions", "insertions"), 0)
        for (phone, heard), count in self.edits.items():
            if phone != heard:
                counts["insertions" if phone is None else "deletions" if heard is None else "substitutions"] += count
        return counts

    def most(self, number: int) -> list[tuple[str, str, int]]:
        """The most frequent errors: (said, heard, times), "" where there is none of the two."""
        wrong = Counter({edit: count for edit, count in self.edits.items() if edit[0] != edit[1]})
        return [(_label(phone), _label(heard), count) for (phone, heard), count in wrong.most_common(number)]

    def worst(self, number: int) -> list[tuple[str, float, int]]:
        """The phones that cause most errors: (phone, share of its occurrences that were not heard as it, times)."""
        said, missed = Counter[int](), Counter[int]()
        for (phone, heard), count in self.edits.items():
            if phone is not None:
                said[phone] += count
                missed[phone] += count * (phone != heard)
        return [(PHONES[phone], count / said[phone], said[phone]) for phone, count in missed.most_common(number)]


def _label(phone: int | None) -> str:
    return "" if phone is None else PHONES[phone]
