"""Which codes are sent: near the sound, and cheap."""

import numpy as np
import pytest

from codec.detail.code_search import PRICES, CodeSearch
from codec.units.arrays import load_arrays
from codec.units.limits import DETAIL_STAGES
from codec.units.phones import phone_index
from codec.wire.detail_contexts import BOOKS, DETAIL_CODES, DETAIL_LATENT, UNKNOWN_PHONE, Place
from codec.wire.range_coder import TOTAL_BITS
from codec.wire.tables import Entropy
from codec.wire.token import SegmentCodes
from tests.places import MODELS

ENTROPY = Entropy.load(MODELS)
ARRAYS = load_arrays(MODELS / "detail.safetensors")[0][BOOKS]
PLACE = Place(UNKNOWN_PHONE, phone_index("AA"), phone_index("T"), 0, 2)


def latents(count: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    said = sum(book[rng.integers(DETAIL_CODES, size=count)] for book in ARRAYS)
    return np.asarray(said + 0.3 * ARRAYS[-1].std() * rng.standard_normal((count, DETAIL_LATENT)), np.float32)


def left(wanted: np.ndarray, found: list[SegmentCodes], stages: int) -> float:
    """Mean squared distance after the first `stages` codes."""
    said = np.array([sum(ARRAYS[stage, code] for stage, code in enumerate(codes[:stages])) for codes in found])
    return float(((wanted - said) ** 2).mean())


def bits(found: list[SegmentCodes]) -> float:
    total, previous = 0.0, ()
    for codes in found:
        for stage, code in enumerate(codes):
            total += TOTAL_BITS - np.log2(ENTROPY.details.table(PLACE, previous, codes[:stage]).frequency(code))
        previous = codes
    return total


def test_codes_are_sought_together_and_none_of_their_beginnings_is_worse() -> None:
    wanted = latents(300)
    together = [CodeSearch(ARRAYS, None).codes(row[None], [PLACE], DETAIL_STAGES)[0] for row in wanted]
    greedy, rest = [], wanted.copy()
    for book in ARRAYS:
        greedy.append(((rest[:, None] - book) ** 2).sum(2).argmin(1))
        rest = rest - book[greedy[-1]]
    alone = [tuple(map(int, codes)) for codes in np.stack(greedy, 1)]
    assert left(wanted, together, DETAIL_STAGES) < 0.95 * left(wanted, alone, DETAIL_STAGES)
    assert all(left(wanted, together, count) < 1.02 * left(wanted, alone, count) for count in range(2, DETAIL_STAGES))


@pytest.mark.parametrize("stages", [2, 4, DETAIL_STAGES])
def test_what_a_code_costs_counts(stages: int) -> None:
    wanted = latents(80)
    search = CodeSearch(ARRAYS, ENTROPY.details)
    free, paid, dear = (
        search.codes(wanted, [PLACE] * len(wanted), stages, [times * price for price in PRICES]) for times in (0.0, 1.0, 4.0)
    )
    assert bits(dear) < bits(paid) < bits(free)
    assert left(wanted, free, stages) < left(wanted, paid, stages) < left(wanted, dear, stages)


def test_without_knowing_what_they_cost_they_cost_nothing() -> None:
    wanted = latents(10)
    places = [PLACE] * len(wanted)
    free = CodeSearch(ARRAYS, ENTROPY.details).codes(wanted, places, 3, [0.0] * (DETAIL_STAGES + 1))
    assert CodeSearch(ARRAYS, None).codes(wanted, places, 3) == free
