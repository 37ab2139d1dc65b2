import numpy as np
import pytest
from numpy.typing import NDArray

from codec.train.entropy_tables import count_symbols, groups, level_offsets, probabilities, to_frequencies
from codec.units.phones import PHONES, SILENCE, phone_index
from codec.units.weights import load_weights
from codec.wire.detail_contexts import UNKNOWN_PHONE
from codec.wire.range_coder import TOTAL
from codec.wire.tables import SHAPES, Entropy, glide_context, phone_class
from codec.wire.token import WireToken
from tests.places import MODELS

TENSORS = load_weights(MODELS / "entropy.safetensors")[0]


def shipped() -> dict[str, NDArray[np.int64]]:
    return {name: tensor.numpy().astype(np.int64) for name, tensor in TENSORS.items()}


def test_every_symbol_can_be_sent() -> None:
    for name, shape in SHAPES.items():
        table = shipped()[name]
        assert table.shape == shape
        assert table.min() >= 1
        assert (table.sum(-1) == TOTAL).all()


def test_shipped_tables_know_english() -> None:
    entropy = Entropy.from_weights(TENSORS)
    after_st = entropy.table("phone", phone_index("S"), phone_index("T"))
    assert after_st.frequency(phone_index("R")) > 4 * after_st.frequency(phone_index("B"))
    after_ng = entropy.table("phone", UNKNOWN_PHONE, phone_index("NG"))
    assert after_ng.frequency(phone_index("K")) > after_ng.frequency(phone_index("ZH"))
    assert entropy.level_offset[phone_index("F")] < entropy.level_offset[phone_index("AA")]
    assert entropy.level_offset[SILENCE] < entropy.level_offset[phone_index("S")]


@pytest.mark.parametrize(
    ("name", "damage"),
    [("phone", lambda t: t * 0), ("flags", lambda t: t[:4]), ("glide", lambda t: t + 1), ("level_offset", lambda t: t[:3])],
)
def test_tables_of_another_version_are_refused(name: str, damage: object) -> None:
    tables = shipped()
    tables[name] = damage(tables[name])  # type: ignore[operator]
    with pytest.raises(ValueError, match=r"this version"):
        Entropy(tables)


def test_training_learns_what_it_is_shown() -> None:
    word = [WireToken(phone_index("K"), 3), WireToken(phone_index("AE"), 6, 20, -1, 18), WireToken(phone_index("T"), 4)]
    source = [(1.0, word * 50, [-40.0, -20.0, -35.0] * 50)]
    tables = {name: to_frequencies(table) for name, table in probabilities(count_symbols(source)).items()}
    tables["level_offset"] = level_offsets(source)
    entropy = Entropy(tables)
    assert entropy.table("phone", phone_index("K"), phone_index("AE")).frequency(phone_index("T")) > 0.9 * TOTAL
    assert entropy.table("ticks", phone_index("K"), phone_class(phone_index("T"))).frequency(2) > 0.5 * TOTAL
    assert entropy.level_offset[phone_index("K")] == pytest.approx(-20)
    assert entropy.level_offset[phone_index("AE")] == pytest.approx(0)


def test_groups_keep_every_token_in_order() -> None:
    tokens = [WireToken(1 + i % 15, 1 + i % 9) for i in range(60)]
    sent = list(groups(tokens, 8))
    assert [token for group in sent for token in group] == tokens
    assert all(sent)


def test_contexts_cover_every_phone_and_duration() -> None:
    assert {phone_class(phone) for phone in range(len(PHONES) + 1)} == set(range(5))
    assert [glide_context(ticks) for ticks in (1, 3, 4, 5, 6, 8, 9, 32)] == [0, 0, 1, 1, 2, 2, 3, 3]
