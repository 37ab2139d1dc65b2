"""How the words of a word recogniser may be pronounced: phone indices, all variants of the dictionary."""

import itertools
from collections.abc import Sequence

from codec.text.pronounce import Pronouncer
from codec.text.words import MARKS, spoken_words, unspoken
from codec.units.errors import TextError
from codec.units.phones import phone_index

MOST_VARIANTS = 8
MOST_KEPT = 4000
Variants = tuple[tuple[int, ...], ...]


class Spelling:
    """Words as they are written -> their pronunciations. Numbers, abbreviations and signs are read out; what cannot be has none."""

    def __init__(self, pronouncer: Pronouncer | None = None) -> None:
        self._pronouncer = pronouncer or Pronouncer()
        self._known: dict[str, Variants] = {}

    def __call__(self, text: str) -> Variants:
        """text: a word without spaces, punctuation included. Raises ModelError where a package is missing."""
        found = self._known.get(text)
        if found is None:
            if len(self._known) >= MOST_KEPT:
                self._known.clear()
            found = self._known[text] = self._spell(text)
        return found

    def _spell(self, text: str) -> Variants:
        try:
            words = [word for word in spoken_words(text) if word not in MARKS] if not unspoken(text) else []
        except TextError:
            words = []
        each = [self._variants(word) for word in words]
        joined = (tuple(itertools.chain.from_iterable(parts)) for parts in itertools.product(*each))
        return tuple(dict.fromkeys(itertools.islice((one for one in joined if one), MOST_VARIANTS)))

    def _variants(self, word: str) -> Sequence[tuple[int, ...]]:
        found = self._pronouncer.variants(word) or [self._pronouncer.pronounce(word)]
        return list(dict.fromkeys(tuple(map(phone_index, labels)) for labels in found))
