import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.wire.range_coder import TOTAL, FrequencyTable, RangeDecoder, RangeEncoder, uniform


@st.composite
def tables(draw: st.DrawFn) -> FrequencyTable:
    weights = draw(st.lists(st.integers(1, 5000), min_size=1, max_size=40))
    frequencies = [max(1, w * (TOTAL - len(weights)) // sum(weights)) for w in weights]
    frequencies[-1] += TOTAL - sum(frequencies)
    return FrequencyTable(frequencies)


@given(st.data())
def test_round_trip(data: st.DataObject) -> None:
    message = []
    for table in data.draw(st.lists(tables(), max_size=30)):
        message.append((data.draw(st.integers(0, table.size - 1)), table))
    coder = RangeEncoder()
    for symbol, table in message:
        coder.encode(symbol, table)
    decoder = RangeDecoder(coder.finish())
    assert [decoder.decode(table) for _, table in message] == [symbol for symbol, _ in message]


@given(st.lists(st.integers(0, 255), max_size=200))
def test_plain_bytes_cost_themselves(message: list[int]) -> None:
    coder, plain = RangeEncoder(), uniform(8)
    for byte in message:
        coder.encode(byte, plain)
    assert len(coder.finish()) <= len(message) + 1


def test_likely_symbols_cost_little() -> None:
    coder, table = RangeEncoder(), FrequencyTable([TOTAL - 1, 1])
    for _ in range(10000):
        coder.encode(0, table)
    assert len(coder.finish()) <= 1


def test_carry_runs_through_long_rows_of_ones() -> None:
    table = FrequencyTable([TOTAL - 2, 1, 1])
    message = [2] * 30 + [0, 1] * 30 + [2] * 30
    coder = RangeEncoder()
    for symbol in message:
        coder.encode(symbol, table)
    decoder = RangeDecoder(coder.finish())
    assert [decoder.decode(table) for _ in message] == message


@given(st.binary(max_size=60), st.lists(tables(), max_size=40))
def test_any_bytes_decode_to_symbols_of_the_tables(data: bytes, wanted: list[FrequencyTable]) -> None:
    decoder = RangeDecoder(data)
    for table in wanted:
        assert 0 <= decoder.decode(table) < table.size


def test_the_same_bytes_on_every_machine() -> None:
    coder = RangeEncoder()
    for symbol, table in ((3, uniform(3)), (1, FrequencyTable([60000, 5000, 536])), (200, uniform(8)), (0, FrequencyTable([1, 65535]))):
        coder.encode(symbol, table)
    assert coder.finish().hex() == "7f3235a0"


@pytest.mark.parametrize("frequencies", [[0, TOTAL], [TOTAL - 1], [], [TOTAL, 1], [-1, TOTAL + 1]])
def test_bad_tables_are_refused(frequencies: list[int]) -> None:
    with pytest.raises(ValueError, match="add up to 65536"):
        FrequencyTable(frequencies)


def test_a_symbol_outside_its_table_is_refused() -> None:
    with pytest.raises(IndexError, match="not in a table of 4"):
        RangeEncoder().encode(4, uniform(2))
