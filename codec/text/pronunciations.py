"""Dictionary pronunciations of English text, all variants, and the phone error against them.

Dictionary: CMUdict as the `pocketsphinx` package carries it (BSD); words it lacks are read as g2p_en does.
"""

import re
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from codec.text.pronounce import Pronouncer
from codec.units.errors import ModelError
from codec.units.phones import phone_index


@cache
def dictionary() -> dict[str, tuple[tuple[int, ...], ...]]:
    """Lower-case word -> its pronunciations as phone indices. Raises ModelError when pocketsphinx is not installed."""
    spec = find_spec("pocketsphinx")
    if spec is None or spec.origin is None:
        raise ModelError("The pronunciation dictionary is missing: install the package pocketsphinx ('make bench-setup').")
    path = Path(spec.origin).parent / "model" / "en-us" / "cmudict-en-us.dict"
    words: dict[str, list[tuple[int, ...]]] = {}
    for line in path.read_text().splitlines():
        head, *labels = line.split()
        words.setdefault(head.partition("(")[0], []).append(tuple(phone_index(label) for label in labels))
    return {word: tuple(variants) for word, variants in words.items()}


def words_of(text: str) -> list[str]:
    """Lower-case words of a transcript, apostrophes kept."""
    return re.findall(r"[a-z']+", text.lower().replace("’", "'"))  # noqa: RUF001


def variants_of(text: str) -> list[tuple[tuple[int, ...], ...]] | None:
    """For each word all its pronunciations; None if a word is not in the dictionary."""
    entries = dictionary()
    found = []
    for word in words_of(text):
        variants = entries.get(word) or entries.get(word.strip("'"))
        if variants is None:
            return None
        found.append(variants)
    return found


@cache
def _pronouncer() -> Pronouncer:
    return Pronouncer()


def all_variants_of(text: str) -> list[tuple[tuple[int, ...], ...]]:
    """As `variants_of`; words outside the dictionary as g2p_en reads them."""
    entries = dictionary()
    return [
        entries.get(word) or entries.get(word.strip("'")) or (tuple(map(phone_index, _pronouncer().pronounce(word))),)
        for word in words_of(text)
    ]


def phone_errors(recognised: Sequence[int], reference: list[tuple[tuple[int, ...], ...]]) -> tuple[int, int]:
    """Least edits (substitution, insertion, deletion all 1) from `recognised` to any choice of variants -> (edits, phones).

    The number of phones is that of each word's first variant.
    """
    costs = list(range(len(recognised) + 1))
    total = 0
    for variants in reference:
        total += len(variants[0])
        costs = [min(column) for column in zip(*(_extend(costs, recognised, variant) for variant in variants), strict=True)]
    return costs[-1], total


def _extend(costs: list[int], recognised: Sequence[int], variant: tuple[int, ...]) -> list[int]:
    for phone in variant:
        row = [costs[0] + 1]
        for position, heard in enumerate(recognised):
            row.append(min(costs[position] + (heard != phone), costs[position + 1] + 1, row[-1] + 1))
        costs = row
    return costs
