"""When each token is spoken: a queue of tokens by their time, and a schedule that follows the network.

Times are ticks of 20 ms of the sender's clock, unfolded from the 8 bits of the wire; the listener's clock is the sound pulled.
A token's moment is its time and the delay of `codec.playout.delay`. Speech that runs behind its moment because it was waited for, or
ahead of it because the network has become worse, is corrected by changing how long pauses and vowels last. What is missing when its
moment comes is bridged: the last sound is held and fades, then there is silence.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import takewhile
from typing import Literal, NamedTuple

from codec.playout.delay import PlayoutDelay
from codec.units.phones import INVENTORY, SILENCE, VOWELS, Manner
from codec.wire.packet import TIME_MODULO, Packet
from codec.wire.token import MAX_TICKS, WireToken, glide_end

LEAD_TICKS = 1
"""Of silence before the first token of a talkspurt (`codec.decoder`)."""

LONGEST_WAIT_TICKS = 100
"""A talkspurt begins 2 s after its first token came at the latest."""

MAX_QUEUED_TICKS = 400
"""Eight seconds; beyond that the oldest tokens are dropped."""

BACKWARD_TICKS = 144
"""A time up to 2.88 s back is taken to be late rather than new, because packets queue; that leaves 2.22 s forward, for what follows a
packet that was queued."""

HOLD_TICKS = 2
"""How long the last sound is held when nothing follows: 40 ms. More often than not it is a pause that is reported late."""

FADE_LEVELS = 1
"""3 dB for each 20 ms in which a vowel is held."""

GIVE_UP_TICKS = 25
"""The talkspurt is taken to be over when nothing follows for 500 ms."""

BRIDGE_TICKS = 2
"""A gap is concealed in steps of 40 ms: what is missing may still arrive."""

SHORT_PAUSE_TICKS = 32
"""A pause between talkspurts that is spoken as silence, 640 ms; after a longer one a new talkspurt begins."""

SLIGHT_TICKS = 2
"""Speech that is less than 40 ms off schedule is corrected in pauses only."""

FAR_BEHIND_TICKS = 25
"""Half a second behind: vowels and pauses then become as short as can be understood."""

RESYNC_PACKETS = 3
"""So many packets in a row from the past mean that the sender's clock was reset."""

SKIP_TICKS = 10
"""So long after the last `skip` it no longer matters."""

_REMEMBERED = 512
_NEVER = -(10**9)
_SPOKEN = 64
_MARKS = 64
_STOPS = INVENTORY.of(Manner.STOP, Manner.AFFRICATE)
_UNHELD = _STOPS | {SILENCE}


class Upcoming(NamedTuple):
    """What is spoken next, and for how many ticks of 20 ms, which need not be those of the token."""

    token: WireToken
    ticks: int


class Undecided(Enum):
    """The next sound is not known yet, and there is still time."""

    NOT_YET = "not yet"


class SpokenPhone(NamedTuple):
    """A phone that was spoken, or a gap that was concealed: index into PHONES, ticks of 20 ms, and how it arrived.

    `recovered` is by a redundant copy only.
    """

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
        self._delay = PlayoutDelay()
        self._recovered: set[int] = set()
        self._queue: dict[int, WireToken] = {}
        self._ends: set[int] = set()
        self._starts: set[int] = set()
        self._seen: dict[int, None] = {}
        self._newest: tuple[int, int] | None = None  # time of the newest packet, and the listener's clock then
        self._head = 0  # time of the next token to be spoken
        self._heard_time: int | None = None  # see `skip`, before the first packet
        self._skipped_at: int | None = None
        self._passed = _NEVER  # what was said before it was heard by other means
        self._speaking = False
        self._waiting_since: int | None = None
        self._begins = False  # nothing but silence was spoken of this talkspurt
        self._bridged = 0  # ticks since the last real token
        self._in_gap = False
        self._last: WireToken | None = None
        self._stale = 0

    def receive(self, packet: Packet, now: int) -> None:
        """Take the groups of one packet."""
        if self._skipped_at is not None and now - self._skipped_at > SKIP_TICKS:
            self._skipped_at = None
            self._delay.settle()
        length = sum(token.ticks for group in packet.groups for token in group)
        # Times are unfolded from the newest group: with deep redundancy the oldest is further back than 8 bits can tell apart.
        earlier = length - sum(token.ticks for token in packet.groups[-1])
        start = self._unfold(packet.time + earlier, now) - earlier
        if self._newest is None:
            # An empty packet has the time of its sending, and speech that began before that may be under way.
            self._head = start if length else start - BACKWARD_TICKS
            if self._heard_time is not None:
                self._passed = start + earlier + (self._heard_time - start - earlier + BACKWARD_TICKS) % TIME_MODULO - BACKWARD_TICKS
        idle = not self._queue and not self._speaking
        if idle and start + length < self._head and start not in self._seen:
            self._stale += 1
            if self._stale >= RESYNC_PACKETS:
                self._restart(start, now)
        else:
            self._stale = 0
        newest = start + earlier
        if packet.groups[-1] and newest not in self._seen and start + length > self._passed:
            pause = sum(token.ticks for token in takewhile(lambda token: token.phone == SILENCE, packet.groups[-1]))
            self._delay.packet(now, newest + pause, start + length, packet.start)
        at = start
        for place, group in enumerate(packet.groups):
            for token in group:
                self._accept(at, token, now, redundant=place + 1 < len(packet.groups))
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

    def skip(self, time: int, now: int) -> None:
        """What was said before this time, 8 bits of it, was heard already, by other means: it is left out.

        To be called as long as that matters. What comes meanwhile is late, because it went again, or waited behind what brought the sound;
        afterwards most of that is forgotten.
        """
        self._skipped_at = now
        if self._newest is None:
            self._heard_time = time
            return
        self._passed = until = max(self._passed, self._unfold(time, now))
        for at in sorted(self._queue):
            if at + self._queue[at].ticks > until:
                break
            token = self._queue.pop(at)
            self.spoken.append(SpokenPhone(token.phone, token.ticks, "recovered" if at in self._recovered else "received"))
        if self._speaking and self._head < until:
            self._head = min(self._queue, default=until)
        if not self._queue:
            self._waiting_since = None

    def _unfold(self, time: int, now: int) -> int:
        if self._newest is None:
            return time
        expected = self._newest[0] + now - self._newest[1]
        return expected + (time - expected + BACKWARD_TICKS) % TIME_MODULO - BACKWARD_TICKS

    def _restart(self, start: int, now: int) -> None:
        self._head, self._newest, self._stale, self._passed = start, (start, now), 0, _NEVER
        self._delay = PlayoutDelay()
        self._seen.clear()
        self._ends.clear()
        self._starts.clear()

    def _accept(self, at: int, token: WireToken, now: int, redundant: bool) -> None:
        if at in self._seen:
            waiting = self._queue.get(at)
            if waiting is not None and _codes(token) > _codes(waiting):  # overtaken by a coarse copy of itself
                self._queue[at] = token
            return
        self._seen[at] = None
        while len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        if at + token.ticks <= self._passed:
            self.spoken.append(SpokenPhone(token.phone, token.ticks, "recovered" if redundant else "received"))
            self.counts.tokens_received += 1
            return
        if token.phone != SILENCE:  # A pause is sent when it is over, and concealed as silence.
            self._delay.token(now, at)
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
    def head(self) -> int:
        """Time of the next token to be spoken."""
        return self._head

    @property
    def speaking(self) -> bool:
        """True from the first token of a talkspurt until `next` says that it is over."""
        return self._speaking

    def following(self) -> Iterator[WireToken]:
        """The tokens that wait, in order of time."""
        for at in sorted(self._queue):
            yield self._queue[at]

    def next(self, now: int, sounding: int = 0) -> Upcoming | Undecided | None:
        """What is spoken after that which begins to sound `now` and lasts for `sounding` ticks; None when there is nothing to say, which
        ends a talkspurt.

        NOT_YET only while something sounds: the caller speaks it without knowing what follows and asks again at its end. Then
        there is always an answer: what is missing is concealed.
        """
        begins = now + sounding
        if not self._speaking:
            if not self._may_start(now):
                return None
            self._speaking, self._bridged, self._in_gap, self._begins = True, 0, False, True
            self._head = min(self._queue)
            begins += LEAD_TICKS
        self._drop_overtaken()
        if self._head in self._queue:
            return self._speak(begins)
        if self._head in self._ends:
            return self._pause_or_end(now, begins)
        if sounding:
            return Undecided.NOT_YET
        if not self._queue:
            return self._hold_or_end(now)
        if min(self._queue) in self._starts:
            return self._pause_or_end(now, begins)
        return self._bridge_hole(begins)

    def _may_start(self, now: int) -> bool:
        if not self._queue or self._waiting_since is None:
            return False
        moment = min(self._queue) + self._delay.ticks - LEAD_TICKS
        return now >= moment or now - self._waiting_since >= LONGEST_WAIT_TICKS

    def _behind(self, begins: int, time: int) -> int:
        """Ticks by which what begins to sound at `begins` is later than it should be; negative where it is early."""
        return begins - time - self._delay.ticks

    def _drop_overtaken(self) -> None:
        """Drop tokens whose time overlaps what was spoken already: only a faulty sender makes them."""
        for at in [at for at in self._queue if at < self._head]:
            del self._queue[at]
            self.counts.tokens_dropped += 1

    def _speak(self, begins: int) -> Upcoming:
        token = self._queue.pop(self._head)
        self.spoken.append(SpokenPhone(token.phone, token.ticks, "recovered" if self._head in self._recovered else "received"))
        behind = self._behind(begins, self._head)
        ticks = elastic(token, behind, waited=self._bridged > 0 or self._begins)
        self._head += token.ticks
        self._bridged, self._in_gap = 0, False
        self._begins = self._begins and token.phone == SILENCE
        self._last = token
        return Upcoming(token, ticks)

    def _pause_or_end(self, now: int, begins: int) -> Upcoming | None:
        """The talkspurt has ended. A short pause before the next one is spoken as silence."""
        gap = min(self._queue) - self._head if self._queue else SHORT_PAUSE_TICKS + 1
        self._ends = {end for end in self._ends if end > self._head}
        if gap <= SHORT_PAUSE_TICKS:
            behind = self._behind(begins, self._head)
            self._head += gap
            self._bridged = 0
            self._last = None
            return _silence(elastic(WireToken(SILENCE, min(max(gap, 1), MAX_TICKS)), behind))
        self._end(now)
        return None

    def _end(self, now: int) -> None:
        self._starts = {start for start in self._starts if start > self._head}
        self._speaking, self._last = False, None
        self._waiting_since = now if self._queue else None

    def _hold_or_end(self, now: int) -> Upcoming | None:
        if self._bridged >= GIVE_UP_TICKS:
            self._end(now)
            return None
        return self._hold(1)

    def _hold(self, ticks: int) -> Upcoming:
        held = self._bridged
        self._bridged += ticks
        last = self._last
        if last is None or last.phone in _UNHELD or held >= HOLD_TICKS:
            return _silence(ticks)
        level = max(0, last.level - FADE_LEVELS * (held + 1)) if last.phone in VOWELS else 0
        return Upcoming(WireToken(last.phone, ticks, glide_end(last), 0, level), ticks)

    def _bridge_hole(self, begins: int) -> Upcoming:
        """A group is missing and a later one waits: skip what is missing, a little at a time, so that the later one is spoken at its
        time."""
        if not self._in_gap:
            self._in_gap = True
            self.counts.gaps += 1
        missing = min(self._queue) - self._head
        room = -self._behind(begins, min(self._queue))
        if room <= BRIDGE_TICKS or missing <= BRIDGE_TICKS:
            ticks, passed = min(max(room, 1), BRIDGE_TICKS), missing
        else:
            ticks, passed = BRIDGE_TICKS, min(missing, max(BRIDGE_TICKS, missing - room + BRIDGE_TICKS))
        self._head += passed
        self.counts.lost_ticks += passed
        before = self.spoken.pop().ticks if self.spoken and self.spoken[-1].state == "lost" else 0
        self.spoken.append(SpokenPhone(SILENCE, before + passed, "lost"))
        return self._hold(ticks)


def _silence(ticks: int) -> Upcoming:
    return Upcoming(WireToken(SILENCE, ticks), ticks)


def elastic(token: WireToken, behind: int, waited: bool = False) -> int:
    """How long a token is spoken that begins so many ticks behind its moment (before it where negative): pauses give two
    thirds, vowels of 60 ms and more one; more, where speech is far behind. waited: what was silent until it came was this pause."""
    far = behind >= FAR_BEHIND_TICKS
    if token.phone == SILENCE:
        shortest = 1 if far or waited else -(-token.ticks // 3)
        return min(max(token.ticks - behind, shortest), MAX_TICKS)
    if token.phone not in VOWELS or token.ticks < 3 or abs(behind) < SLIGHT_TICKS:
        return token.ticks
    most = token.ticks // (2 if far else 3)
    return min(token.ticks - min(max(behind, -most), most), MAX_TICKS)


def _codes(token: WireToken) -> int:
    return len(token.details[0]) if token.details else 0


def _mark(marks: set[int], time: int) -> None:
    """Add a time and drop the oldest ones, which nothing waits for any more."""
    marks.add(time)
    while len(marks) > _MARKS:
        marks.remove(min(marks))
