"""Integer range coder (Martin 1979) with static frequencies: the same bytes on every machine.

Frequencies of a symbol set add up to 65536. Carries need no care, because the code value is one long integer until the end.
The end of a message costs no length: the shortest byte string inside the final interval is sent, and missing bytes read as zeros.
"""

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

TOTAL_BITS = 16
TOTAL = 1 << TOTAL_BITS
_TOP = 1 << 32
_BOTTOM = 1 << 24


class FrequencyTable:
    """Frequencies of symbols 0..n-1: each at least 1, their sum 65536. Raises ValueError."""

    __slots__ = ("cumulative", "size")

    def __init__(self, frequencies: Sequence[int]) -> None:
        self.cumulative = array("l", [0, *accumulate(frequencies)])
        self.size = len(frequencies)
        if self.cumulative[-1] != TOTAL or min(frequencies) < 1:
            raise ValueError(f"frequencies must each be at least 1 and add up to {TOTAL}, got a sum of {self.cumulative[-1]}")

    def frequency(self, symbol: int) -> int:
        return self.cumulative[symbol + 1] - self.cumulative[symbol]


def uniform(bits: int) -> FrequencyTable:
    """The table of a plain field of `bits` bits, at most 16."""
    return FrequencyTable([TOTAL >> bits] * (1 << bits))


class RangeEncoder:
    """Symbols in, bytes out."""

    def __init__(self) -> None:
        self._low = 0
        self._range = _TOP - 1
        self._shifted = 0

    def encode(self, symbol: int, table: FrequencyTable) -> None:
        """Append a symbol. Raises IndexError where the table does not hold it."""
        if not 0 <= symbol < table.size:
            raise IndexError(f"symbol {symbol} is not in a table of {table.size}")
        start, end = table.cumulative[symbol], table.cumulative[symbol + 1]
        step = self._range >> TOTAL_BITS
        self._low += step * start
        # The last symbol gets what the division left over.
        self._range = self._range - step * start if end == TOTAL else step * (end - start)
        while self._range < _BOTTOM:
            self._low <<= 8
            self._range <<= 8
            self._shifted += 1

    def finish(self) -> bytes:
        """The shortest bytes that, followed by zeros, lie in the final interval."""
        low, high = self._low, self._low + self._range - 1
        length = self._shifted + 4
        for kept in range(length + 1):
            rest = 8 * (length - kept)
            value = -(-low >> rest)
            if value << rest <= high:
                # A value of 2 ** (8 * kept) would be a carry out of the message: it cannot be, as the interval ends below 1.
                return value.to_bytes(kept, "big")
        raise AssertionError("the interval is never empty")


class RangeDecoder:
    """Bytes in, symbols out. Never fails: any bytes say something, and whether it makes sense is for the caller to judge."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 4
        self._range = _TOP - 1
        self._value = int.from_bytes(data[:4].ljust(4, b"\0"), "big")

    def decode(self, table: FrequencyTable) -> int:
        """The next symbol."""
        step = self._range >> TOTAL_BITS
        target = min(self._value // step, TOTAL - 1)
        symbol = bisect_right(table.cumulative, target) - 1
        start, end = table.cumulative[symbol], table.cumulative[symbol + 1]
        self._value -= step * start
        self._range = self._range - step * start if end == TOTAL else step * (end - start)
        while self._range < _BOTTOM:
            following = self._data[self._position] if self._position < len(self._data) else 0
            self._value = (self._value << 8 | following) & (_TOP - 1)
            self._range <<= 8
            self._position += 1
        return symbol
