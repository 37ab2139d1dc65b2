"""Typed speech on the clock of one stream: its tokens go out at the pace at which they will be heard."""

from collections import deque
from collections.abc import Iterator, Sequence

from codec.units.errors import TextError
from codec.units.phones import SILENCE
from codec.wire.token import TICK_MS, WireToken

LEAD_TICKS = 8
"""A token is passed on 160 ms before its time: typed speech is known in advance and need not be late."""

LONGEST_PAUSE_TICKS = 15
"""A longer pause than 300 ms ends the talkspurt, as in live speech."""

BETWEEN_TICKS = 20
"""Pause between two texts."""

MAX_WAITING_S = 120.0
"""So much speech may wait to be spoken; two of the longest texts take that long."""


class TypedSpeech:
    """Texts waiting to be spoken, and where in time the one is that is spoken now. Times are ticks of the stream."""

    def __init__(self) -> None:
        self._queue: deque[WireToken] = deque()
        self._ticks = 0
        self._at: int | None = None

    @property
    def active(self) -> bool:
        """True while anything is left to be said, or is still being heard."""
        return bool(self._queue) or self._at is not None

    @property
    def seconds(self) -> float:
        """How long the rest takes."""
        return self._ticks * TICK_MS / 1000

    def add(self, tokens: Sequence[WireToken]) -> None:
        """A text, after those that wait. Raises TextError when too much waits."""
        if self.seconds + sum(token.ticks for token in tokens) * TICK_MS / 1000 > MAX_WAITING_S:
            raise TextError(
                f"{self.seconds:.0f} seconds of typed speech still wait to be spoken, and at most {MAX_WAITING_S:.0f} may: wait a little, "
                "or send less."
            )
        if self._queue:
            tokens = (WireToken(SILENCE, BETWEEN_TICKS), *tokens)
        self._queue.extend(tokens)
        self._ticks += sum(token.ticks for token in tokens)

    def clear(self) -> None:
        """Drop what is left."""
        self._queue.clear()
        self._ticks = 0
        self._at = None

    def due(self, now: int) -> Iterator[tuple[int, WireToken | None]]:
        """What is to be sent by now, each with its start; None where a talkspurt ends. Call it at every tick while `active`."""
        if self._at is None:
            self._at = now
        while self._queue and self._at <= now + LEAD_TICKS:
            token = self._queue.popleft()
            start, self._at = self._at, self._at + token.ticks
            self._ticks -= token.ticks
            yield start, None if token.phone == SILENCE and token.ticks > LONGEST_PAUSE_TICKS else token
            if not self._queue:
                yield self._at, None
        if not self._queue and now >= self._at:
            self._at = None
