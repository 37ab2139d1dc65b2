"""How likely each code of detail is, given the phones, the codes before it and those of the segment before: a small network in integers.

Both ends must find the very same frequencies, so every number is an integer below 2 ** 53: sums and products of them are exact in floats
of 64 bits too, in whatever order a machine adds them. Section 4.3 of docs/payload-format.md has the arithmetic.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from codec.units.limits import DETAIL_STAGES
from codec.units.phones import PHONES
from codec.wire.range_coder import TOTAL, FrequencyTable
from codec.wire.token import SegmentCodes, WireToken, segment_count

DETAIL_CODES = 256
UNKNOWN_PHONE = len(PHONES)
HIDDEN = 128
DETAIL_LATENT = 40
PLACES = 8
"""Later places in a token, and more segments of one, count as the last of so many."""
BOOK_STEPS = 32
"""Entries of the codebooks are rounded to this part of 1."""
WEIGHT_SHIFT, ACTIVE_SHIFT, ACTIVE_MAX, LOGIT_SHIFT = 6, 12, 127, 7
LOGIT_STEPS = 4096
"""Of one nat."""
DECAY_STEPS = 512

CONTEXT_SHAPES: dict[str, tuple[int, ...]] = {
    "before": (DETAIL_STAGES, UNKNOWN_PHONE + 1, HIDDEN),
    "phone": (DETAIL_STAGES, UNKNOWN_PHONE + 1, HIDDEN),
    "after": (DETAIL_STAGES, UNKNOWN_PHONE + 1, HIDDEN),
    "place": (DETAIL_STAGES, PLACES, HIDDEN),
    "total": (DETAIL_STAGES, PLACES, HIDDEN),
    "follows": (DETAIL_STAGES, HIDDEN),
    "previous": (DETAIL_STAGES, DETAIL_LATENT, HIDDEN),
    "current": (DETAIL_STAGES, DETAIL_LATENT, HIDDEN),
    "out": (DETAIL_STAGES, HIDDEN, DETAIL_CODES),
    "bias": (DETAIL_STAGES, DETAIL_CODES),
    "decay": (DECAY_STEPS,),
}
"""Integer arrays of `detail.safetensors`, there with the prefix `contexts.`."""
PREFIX = "contexts."
BOOKS = "codebooks.books"
_TABLES = "before", "phone", "after", "place", "total", "follows"
_KEPT = 1024
"""So many tables, and sums of entries, are at hand at most."""

Array = NDArray[np.float64]


class Place(NamedTuple):
    """Where a segment lies: phones of the token before in its group, of its own token, and of the one after (UNKNOWN_PHONE at the ends of
    the group); which segment of its token it is, and how many that has, less one; both at most PLACES - 1."""

    before: int
    phone: int
    after: int
    place: int
    total: int


def places_of(group: Sequence[WireToken]) -> Iterator[Place]:
    """Of each segment of a group, in order."""
    phones = [UNKNOWN_PHONE, *(token.phone for token in group), UNKNOWN_PHONE]
    for index, token in enumerate(group):
        count = segment_count(token.phone, token.ticks)
        for place in range(count):
            yield Place(phones[index], token.phone, phones[index + 2], min(place, PLACES - 1), min(count, PLACES) - 1)


class DetailContexts:
    """The network. Raises KeyError, ValueError."""

    def __init__(self, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        """arrays: those of `detail.safetensors` that begin with PREFIX, and BOOKS (stages, codes, DETAIL_LATENT)."""
        self._of: dict[str, Array] = {}
        for name, shape in CONTEXT_SHAPES.items():
            array = np.asarray(arrays[PREFIX + name], np.float64)
            if array.shape != shape or (array != np.rint(array)).any():
                raise ValueError(f"the context table {name} has shape {array.shape} or numbers that are not of this version")
            self._of[name] = array * 2**WEIGHT_SHIFT if name in _TABLES else array
        self._decay = self._of["decay"].astype(np.int64)
        if self._decay.min() < 0 or self._decay[0] < 1:
            raise ValueError("the context table decay has numbers that are not of this version")
        self._books = np.rint(np.asarray(arrays[BOOKS], np.float64) * BOOK_STEPS)
        if self._books.shape != (DETAIL_STAGES, DETAIL_CODES, DETAIL_LATENT):
            raise ValueError(f"the codebooks have shape {self._books.shape}")
        self._kept: dict[tuple[Place, SegmentCodes, SegmentCodes], FrequencyTable] = {}
        self._latents: dict[SegmentCodes, Array] = {(): np.zeros(DETAIL_LATENT)}

    def latent(self, codes: SegmentCodes) -> Array:
        """Sum of the rounded entries that `codes` name (DETAIL_LATENT,); zeros for none."""
        found = self._latents.get(codes)
        if found is None:
            if len(self._latents) >= _KEPT:
                self._latents = {(): np.zeros(DETAIL_LATENT)}
            found = self._latents[codes] = self.latent(codes[:-1]) + self._books[len(codes) - 1, codes[-1]]
        return found

    def table(self, place: Place, previous: SegmentCodes, codes: SegmentCodes) -> FrequencyTable:
        """Frequencies of the code that comes after `codes`; previous: codes of the segment before in the group, () for the first one."""
        key = place, previous, codes
        made = self._kept.get(key)
        if made is None:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            made = self._kept[key] = FrequencyTable(self._frequencies(place, previous, codes))
        return made

    def _frequencies(self, place: Place, previous: SegmentCodes, codes: SegmentCodes) -> list[int]:
        stage = len(codes)
        below = self._below(stage, self.beginning(stage, place, previous), self.latent(codes)).astype(np.int64) >> LOGIT_SHIFT
        shares = self._decay[np.minimum(below, DECAY_STEPS - 1)]
        frequencies: list[int] = (1 + shares * (TOTAL - DETAIL_CODES) // shares.sum()).tolist()
        frequencies[int(shares.argmax())] += TOTAL - sum(frequencies)
        return frequencies

    def beginning(self, stage: int, place: Place, previous: SegmentCodes) -> Array:
        """What reaches the hidden numbers of a stage from everything but the codes of the segment itself: (HIDDEN,)."""
        of = self._of
        total: Array = of["before"][stage, place.before] + of["phone"][stage, place.phone] + of["after"][stage, place.after]
        total = total + of["place"][stage, place.place] + of["total"][stage, place.total]
        return total + of["follows"][stage] + self.latent(previous) @ of["previous"][stage] if previous else total

    def bits(self, stage: int, beginning: Array, latents: Array) -> Array:
        """What each code of a stage costs, nearly, after each of some beginnings of a segment, latents (n, DETAIL_LATENT) of `latent`
        -> (n, codes)."""
        below = self._below(stage, beginning, latents) / (LOGIT_STEPS * np.log(2))
        return np.asarray(below + np.log2(np.exp2(-below).sum(1, keepdims=True)))

    def _below(self, stage: int, beginning: Array, latents: Array) -> Array:
        """How far the logit of each code lies below the highest: latents (..., DETAIL_LATENT) -> (..., codes)."""
        hidden = beginning + latents @ self._of["current"][stage]
        active = np.minimum(np.maximum(np.floor(hidden / 2**ACTIVE_SHIFT), 0), ACTIVE_MAX)
        logits = self._of["bias"][stage] + active @ self._of["out"][stage]
        return np.asarray(logits.max(-1, keepdims=True) - logits)
