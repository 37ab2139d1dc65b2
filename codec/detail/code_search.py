"""Which codes a segment gets: those that leave little of its latent, and cost few bits."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from codec.wire.detail_contexts import BOOK_STEPS, DetailContexts, Place
from codec.wire.token import SegmentCodes

PATHS, EARLIER = 8, 0.3
"""How many beginnings of a segment's codes go on at each stage, as the nearest code of each is not the nearest of all together; and what
is left after earlier stages weighs so much, so that the first few codes are hardly worse than if they were sought alone. Both were chosen
on the validation set."""
PRICES = (0.0, 5.0, 3.6, 4.0, 2.0, 1.5, 1.1, 0.85, 0.65)
"""What a bit is worth in squared distance, by number of codes: about what another code takes off it a bit; of three codes more, so that
speech which does not wait for words stays below 600 bit/s."""


class CodeSearch:
    """Codebooks (stages, codes, LATENT), and what their codes cost; without `contexts` nothing."""

    def __init__(self, books: NDArray[np.float32], contexts: DetailContexts | None) -> None:
        self._books = books.astype(np.float64)
        self._squares = (self._books**2).sum(2)
        self._contexts = contexts

    def codes(
        self, latents: NDArray[np.float32], places: Sequence[Place], stages: int, prices: Sequence[float] = PRICES
    ) -> list[SegmentCodes]:
        """Of the segments of a group, in order: latents (n, LATENT) -> `stages` codes of each."""
        found: list[SegmentCodes] = []
        for latent, place in zip(latents.astype(np.float64), places, strict=True):
            found.append(self._segment(latent, place, found[-1] if found else (), stages, prices[stages]))
        return found

    def _segment(self, latent: NDArray[np.float64], place: Place, previous: SegmentCodes, stages: int, price: float) -> SegmentCodes:
        said = np.zeros((1, len(latent)))
        rounded = np.zeros((1, len(latent)))
        paths: list[SegmentCodes] = [()]
        cost, bits = np.zeros(1), np.zeros(1)
        for stage in range(stages):
            book, rest = self._books[stage], latent - said
            left = (rest**2).sum(1)[:, None] - 2 * rest @ book.T + self._squares[stage] + EARLIER * cost[:, None]
            spent = np.zeros_like(left)
            if price and self._contexts is not None:
                beginning = self._contexts.beginning(stage, place, previous)
                spent = bits[:, None] + self._contexts.bits(stage, beginning, rounded)
                left = left + price * spent
            best = np.argpartition(left, PATHS, axis=None)[:PATHS]
            best = best[np.argsort(left.ravel()[best])]
            path, code = np.divmod(best, book.shape[0])
            cost, bits = left.ravel()[best], spent.ravel()[best]
            said = said[path] + book[code]
            rounded = rounded[path] + np.rint(book[code] * BOOK_STEPS)
            paths = [(*paths[which], int(each)) for which, each in zip(path, code, strict=True)]
        return paths[0]
