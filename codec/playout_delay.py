"""How late tokens are, and the delay that is enough for nearly all of them.

Adaptive playout by a quantile of what was seen lately (Moon, Kurose and Towsley, "Packet audio playout delay adjustment: performance
bounds and algorithms", Multimedia Systems 6, 1998). Times are ticks of 20 ms.
"""

from collections import deque

MEMORY_TOKENS = 200
"""Some twenty seconds of speech."""

QUANTILE = 0.97
"""Share of the tokens that shall be there in time,"""
LOSSY_QUANTILE, LOSSY_SHARE = 0.99, 0.04
"""and where more than so many came only by a copy: such a token is late with its whole group, and a word is cut."""

FEW_TOKENS = 40
FIRST_TICKS = 16
"""Until so many tokens were seen the delay is at least 320 ms beyond what the newest token of a packet takes: the recogniser's doubt, and
the time that a packet is filled."""

MOST_TICKS = 75
"""The delay is never more than 1.5 s beyond that of the earliest tokens."""

JUMP_TICKS = 50
"""A talkspurt that begins a second earlier or later than all that is remembered is of a sender whose clock was set anew."""


class PlayoutDelay:
    """Of one stream. Both clocks may begin anywhere: the delay holds their difference."""

    def __init__(self) -> None:
        self._tokens: deque[int] = deque(maxlen=MEMORY_TOKENS)
        self._recovered: deque[bool] = deque(maxlen=MEMORY_TOKENS)
        self._packets: deque[int] = deque(maxlen=MEMORY_TOKENS)
        self._ticks: int | None = None

    def packet(self, arrived: int, start: int, end: int, begins: bool) -> None:
        """A packet came whose tokens last from start to end; `begins`: a talkspurt begins with it."""
        if begins and self._tokens and not min(self._tokens) - JUMP_TICKS <= arrived - start <= max(self._tokens) + JUMP_TICKS:
            self._tokens.clear()
            self._recovered.clear()
            self._packets.clear()
        self._packets.append(arrived - end)
        self._ticks = None

    def token(self, arrived: int, time: int, recovered: bool = False) -> None:
        """A token came for the first time; recovered: by a copy."""
        self._tokens.append(arrived - time)
        self._recovered.append(recovered)
        self._ticks = None

    @property
    def ticks(self) -> int:
        """From a token's time to the moment when it is spoken; only after the first packet."""
        if self._ticks is None:
            self._ticks = self._found()
        return self._ticks

    def _found(self) -> int:
        late = sorted(self._tokens)
        quantile = LOSSY_QUANTILE if sum(self._recovered) > LOSSY_SHARE * len(late) else QUANTILE
        enough = late[min(len(late) - 1, int(quantile * len(late)))] if late else 0
        if len(late) < FEW_TOKENS:
            packets = sorted(self._packets)
            enough = max(enough, packets[len(packets) // 2] + FIRST_TICKS) if packets else enough
        return min(enough, late[len(late) // 20] + MOST_TICKS) if late else enough
