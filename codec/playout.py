"""When each token is spoken: a queue of tokens by their time, and the simplest schedule that keeps them in place.

Times are ticks of 20 ms of the sender's clock, unfolded from the 8 bits of the wire; the listener's clock is the sound pulled.
A talkspurt begins once enough of it waits, or has waited long enough. What is missing when its time comes is bridged: the last
sound is held for a moment, then there is silence. Time lost by waiting is taken back from pauses.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from codec.payload import TIME_MODULO, Packet
from codec.phones import PHONES, SILENCE
from codec.wire_token import MAX_TICKS, WireToken, glide_end

START_TICKS = 6
"""A talkspurt begins when 120 ms of it wait, the last token aside,"""
START_WAIT_TICKS = 6
"""or 120 ms after its first token came: the next packet is then near."""

MARGIN_STEP_TICKS = 3
MAX_MARGIN_TICKS = 15
"""A wait of more than 20 ms in the middle of speech makes the next talkspurts begin 20 or 40 ms later, 300 ms at most; each talkspurt
takes 20 ms of that back."""

MAX_QUEUED_TICKS = 400
"""Eight seconds; beyond that the oldest tokens are dropped."""

BACKWARD_TICKS = 96
"""How far back a time is believed to be late rather than new: 1.92 s, so that 3.18 s remain forward."""

HOLD_TICKS = 5
"""How long the last sound is held when nothing follows: 100 ms."""

GIVE_UP_TICKS = 25
"""How long nothing may follow before the talkspurt is taken to be over: 500 ms."""

HOLE_PATIENCE_TICKS = 25
"""A hole is not waited out once so much waits behind it: the sender's clock jumped, or a burst came at once."""

RESYNC_PACKETS = 3
"""So many packets in a row from the past mean that the sender's clock was set anew."""

_REMEMBERED = 512
_SPOKEN = 64
_MARKS = 64
_UNHELD = frozenset({SILENCE, *(PHONES.index(label) for label in ("B", "CH", "D", "G", "JH", "K", "P", "T"))})


class SpokenPhone(NamedTuple):
    """What was spoken, or bridged: index into PHONES, ticks of 20 ms, and how it came; `recovered` is by a redundant copy only."""

    phone: int
    ticks: int
    state: Literal["received", "recovered", "lost"]


@dataclass
class PlayoutCounts:
    """See `codec.decoder.DecoderStatistics`."""

    tokens_received: int = 0
    tokens_recovered: int = 0
    tokens_late: int = 0
    tokens_dropped: int = 0
    gaps: int = 0
    lost_ticks: int = 0


class Playout:
    """Queue and schedule of one stream. `now` is always the listener's clock in ticks, and never runs backwards."""

    def __init__(self) -> None:
        self.counts = PlayoutCounts()
        self.spoken: deque[SpokenPhone] = deque(maxlen=_SPOKEN)
        self._recovered: set[int] = set()
        self._queue: dict[int, WireToken] = {}
        self._ends: set[int] = set()
        self._starts: set[int] = set()
        self._seen: dict[int, None] = {}
        self._newest: tuple[int, int] | None = None  # time of the newest packet, and the listener's clock then
        self._head = 0  # time of the next token to be spoken
        self._speaking = False
        self._waiting_since: int | None = None
        self._behind = 0  # ticks by which the speech runs later than it began
        self._margin = 0  # ticks by which talkspurts begin later, because earlier ones ran dry
        self._waited = 0  # ticks bridged since the last real token
        self._in_gap = False
        self._last: WireToken | None = None
        self._stale = 0

    def receive(self, packet: Packet, now: int) -> None:
        """Take the groups of one packet."""
        start = self._unfold(packet.time, now)
        length = sum(token.ticks for group in packet.groups for token in group)
        idle = not self._queue and not self._speaking
        if idle and start + length < self._head and start not in self._seen:
            self._stale += 1
            if self._stale >= RESYNC_PACKETS:
                self._restart(start, now)
        else:
            self._stale = 0
        at = start
        for place, group in enumerate(packet.groups):
            for token in group:
                self._accept(at, token, redundant=place + 1 < len(packet.groups))
                at += token.ticks
        if packet.end and at >= self._head:
            _mark(self._ends, at)
        if packet.start and start >= self._head:
            _mark(self._starts, start)
        if self._newest is None or at >= self._newest[0]:
            self._newest = (at, now)
        if self._queue and self._waiting_since is None:
            self._waiting_since = now
        self._limit()

    def _unfold(self, time: int, now: int) -> int:
        if self._newest is None:
            self._head = time
            return time
        expected = self._newest[0] + now - self._newest[1]
        return expected + (time - expected + BACKWARD_TICKS) % TIME_MODULO - BACKWARD_TICKS

    def _restart(self, start: int, now: int) -> None:
        self._head, self._newest, self._stale = start, (start, now), 0
        self._seen.clear()
        self._ends.clear()
        self._starts.clear()

    def _accept(self, at: int, token: WireToken, redundant: bool) -> None:
        if at in self._seen:
            return
        self._seen[at] = None
        while len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        if at < self._head:
            self.counts.tokens_late += 1
            return
        self._queue[at] = token
        self.counts.tokens_received += 1
        self.counts.tokens_recovered += redundant
        if redundant:
            _mark(self._recovered, at)

    def _limit(self) -> None:
        while self._queue and max(self._queue) - min(self._queue) > MAX_QUEUED_TICKS:
            oldest = min(self._queue)
            del self._queue[oldest]
            self.counts.tokens_dropped += 1
            self._head = max(self._head, min(self._queue))

    @property
    def speaking(self) -> bool:
        """True from the first token of a talkspurt until `next` says that it is over."""
        return self._speaking

    def following(self) -> Iterator[WireToken]:
        """The tokens that wait, in order of time."""
        for at in sorted(self._queue):
            yield self._queue[at]

    def next(self, now: int) -> WireToken | None:
        """The token to be spoken now; None when there is nothing to say, which ends a talkspurt.

        Within a talkspurt there is always one: what is missing is bridged.
        """
        if not self._speaking:
            if not self._may_start(now):
                return None
            self._speaking, self._behind, self._waited, self._in_gap = True, 0, 0, False
            self._head = min(self._queue)
        self._drop_overtaken()
        if self._head in self._queue:
            return self._speak()
        if self._head in self._ends or not self._queue or min(self._queue) in self._starts:
            return self._pause_or_end()
        return self._bridge_hole()

    def _may_start(self, now: int) -> bool:
        if not self._queue or self._waiting_since is None:
            return False
        # The last one is spoken only when it is known what follows it.
        waiting = max(self._queue) - min(self._queue)
        complete = any(end > min(self._queue) for end in self._ends)
        return complete or waiting >= START_TICKS + self._margin or now - self._waiting_since >= START_WAIT_TICKS + self._margin

    def _drop_overtaken(self) -> None:
        """Tokens whose time overlaps what was spoken already: only a faulty sender makes them."""
        for at in [at for at in self._queue if at < self._head]:
            del self._queue[at]
            self.counts.tokens_dropped += 1

    def _speak(self) -> WireToken:
        token = self._queue.pop(self._head)
        self.spoken.append(SpokenPhone(token.phone, token.ticks, "recovered" if self._head in self._recovered else "received"))
        self._head += token.ticks
        if token.phone == SILENCE:
            token = self._shorten(token)
        elif self._waited:
            # It was waited for in the middle of speech: the schedule was too tight, so a little of this time is not taken back.
            kept = min(self._waited, MARGIN_STEP_TICKS)
            self._behind = max(0, self._behind - kept)
            self._margin = min(MAX_MARGIN_TICKS, self._margin + kept - 1)
        self._waited, self._in_gap = 0, False
        self._last = token
        return token

    def _shorten(self, pause: WireToken) -> WireToken:
        taken = min(self._behind, pause.ticks - 1)
        self._behind -= taken
        return WireToken(SILENCE, pause.ticks - taken)

    def _pause_or_end(self) -> WireToken | None:
        """Nothing waits, or the talkspurt has ended and another one waits: of the pause between them at most 640 ms are kept."""
        if self._queue:
            gap = min(self._queue) - self._head
            self._ends.discard(self._head)
            self._head += gap
            self._waited = 0
            return self._shorten(WireToken(SILENCE, max(1, min(gap, MAX_TICKS))))
        if self._head in self._ends or self._waited >= GIVE_UP_TICKS:
            self._ends = {end for end in self._ends if end > self._head}
            self._starts = {start for start in self._starts if start > self._head}
            self._speaking, self._waiting_since, self._last = False, None, None
            self._margin = max(0, self._margin - 1)
            return None
        self._waited += 1
        self._behind += 1
        return self._hold()

    def _hold(self) -> WireToken:
        if self._last is None or self._last.phone in _UNHELD or self._waited > HOLD_TICKS:
            return WireToken(SILENCE, 1)
        last = self._last
        return WireToken(last.phone, 1, glide_end(last), 0, last.level)

    def _bridge_hole(self) -> WireToken:
        """A group is missing and a later one waits: silence in its place, a little at a time, as it may still come."""
        if not self._in_gap:
            self._in_gap = True
            self.counts.gaps += 1
        missing = min(self._queue) - self._head
        waiting = sum(token.ticks for token in self._queue.values())
        ticks = min(2, missing)
        self._head += missing if waiting > HOLE_PATIENCE_TICKS else ticks
        self.counts.lost_ticks += ticks
        before = self.spoken.pop().ticks if self.spoken and self.spoken[-1].state == "lost" else 0
        self.spoken.append(SpokenPhone(SILENCE, before + ticks, "lost"))
        return self._shorten(WireToken(SILENCE, ticks))


def _mark(marks: set[int], time: int) -> None:
    """Add a time; the oldest ones go, as nothing waits for them any more."""
    marks.add(time)
    while len(marks) > _MARKS:
        marks.remove(min(marks))
