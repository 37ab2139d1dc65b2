"""Playout delay: how late tokens arrive, and the delay that is enough for nearly all of them.

Adaptive playout by a quantile of what was seen lately (Moon, Kurose and Towsley, "Packet audio playout delay adjustment: performance
bounds and algorithms", Multimedia Systems 6, 1998). Times are ticks of 20 ms.
"""

from collections import deque

MEMORY_TOKENS = 200
"""Some twenty seconds of speech."""

QUANTILE = 0.95
"""Share of the tokens that should arrive in time;"""
ROUGH_QUANTILE, ROUGH_SHARE, ROUGH_TICKS = 0.99, 0.9, 10
"""and the share if one token in ten is 200 ms or more later than most: whole groups are late then, and each cuts a word."""
EARLY_TICKS = 8
"""A stream that starts with high jitter gets 160 ms more until ten seconds were received: its jitter tends to grow."""

SPARE_TICKS = 2
"""40 ms more than that: a sound is spoken better when it is known what follows, and the end of a group would run dry."""

FEW_TOKENS = 40
FIRST_TICKS = 14
"""Until so many tokens were seen the delay is at least 280 ms beyond what the newest token of a packet takes: the decision time of the
recogniser and the time that it takes to fill a packet;"""
LONG_TICKS, LONG_FIRST_TICKS = 16, 5
"""for packets longer than 320 ms, 100 ms beyond what their first token takes."""

SETTLED_TOKENS, SETTLED_PACKETS = 12, 2
MOST_TICKS = 75
"""The delay is never more than 1.5 s beyond that of the earliest tokens."""

JUMP_TICKS = 50
"""A talkspurt that begins a second earlier or later than all remembered ones means that the sender's clock was reset."""


class PlayoutDelay:
    """One stream. Both clocks may start anywhere: the delay includes their difference."""

    def __init__(self) -> None:
        self._tokens: deque[int] = deque(maxlen=MEMORY_TOKENS)
        self._packets: deque[int] = deque(maxlen=MEMORY_TOKENS)
        self._ticks: int | None = None

    def packet(self, arrived: int, start: int, end: int, begins: bool) -> None:
        """A packet came with new tokens from `start` to `end`; `begins`: a talkspurt begins with it."""
        if begins and self._tokens and not min(self._tokens) - JUMP_TICKS <= arrived - start <= max(self._tokens) + JUMP_TICKS:
            self._tokens.clear()
            self._packets.clear()
        long = end - start > LONG_TICKS
        self._packets.append(arrived - start + LONG_FIRST_TICKS if long else arrived - end + FIRST_TICKS)
        self._ticks = None

    def settle(self) -> None:
        """What came until now came late for a reason that is over: only the newest of it counts."""
        for seen, count in ((self._tokens, SETTLED_TOKENS), (self._packets, SETTLED_PACKETS)):
            while len(seen) > count:
                seen.popleft()
        self._ticks = None

    def token(self, arrived: int, time: int) -> None:
        """A token came for the first time."""
        self._tokens.append(arrived - time)
        self._ticks = None

    @property
    def ticks(self) -> int:
        """From a token's time to the moment when it is spoken; only after the first packet."""
        if self._ticks is None:
            self._ticks = self._found()
        return self._ticks

    def _found(self) -> int:
        late = sorted(self._tokens)
        enough = _quantile(late, QUANTILE) + SPARE_TICKS if late else 0
        if late and _quantile(late, ROUGH_SHARE) - _quantile(late, 0.5) >= ROUGH_TICKS:
            enough = _quantile(late, ROUGH_QUANTILE) + SPARE_TICKS + (EARLY_TICKS if len(late) < MEMORY_TOKENS // 2 else 0)
        if len(late) < FEW_TOKENS:
            enough = max(enough, _quantile(sorted(self._packets), 0.5)) if self._packets else enough
        return min(enough, late[len(late) // 20] + MOST_TICKS) if late else enough


def _quantile(values: list[int], share: float) -> int:
    return values[min(len(values) - 1, int(share * len(values)))]
