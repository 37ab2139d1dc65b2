"""Tokens with their times -> packets: groups, what is repeated of them, and when a packet goes."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace

from codec.units.limits import MAX_REDUNDANCY
from codec.units.phones import SILENCE
from codec.wire.packet import TIME_MODULO, Packet, VoicePiece
from codec.wire.settings import EncoderSettings
from codec.wire.tables import MAX_GROUP_TOKENS
from codec.wire.token import TICK_MS, WireToken, split_ticks
from codec.wire.token_coding import coarser

LONGEST_TAIL_MS = 1300
"""So long after its end a talkspurt is repeated at most; later nobody waits for it. One that begins sooner continues it."""

USUAL_INTERVAL_MS = 160
"""Listeners expect this until they know better."""

Detailer = Callable[[tuple[WireToken, ...], int], tuple[WireToken, ...]]


class Packetiser:
    """One stream. Times are ticks of 20 ms from the start of the stream."""

    def __init__(self) -> None:
        self._earlier: deque[tuple[WireToken, ...]] = deque(maxlen=MAX_REDUNDANCY)
        self._pending: list[WireToken] = []
        self._next_tick = 0
        self._started = 0
        self._ended = True
        self._end_untold = False
        self._after_end = 0  # packets since the end that say it
        self._end_told_at: int | None = None  # tick at which the first of them went
        self._sent_at: int | None = None
        self._repeats = False
        self.spoken_ticks = 0
        """Ticks of speech sent so far."""

    @property
    def next_tick(self) -> int:
        """Where the last token that was added ended."""
        return self._next_tick

    @property
    def waiting(self) -> bool:
        """True if `packet` would make one that says something new."""
        return bool(self._pending) or self._end_untold

    @property
    def full(self) -> bool:
        """True if another token has no place in the group."""
        return len(self._pending) >= MAX_GROUP_TOKENS

    def add(self, start: int, token: WireToken) -> None:
        """The next token; one that does not begin where the last one ended begins a talkspurt (first send what waits).

        A talkspurt that follows soon continues the one before, with the pause as silence: so the last groups before a pause are repeated
        as often as all others.
        """
        if start != self._next_tick or self._ended:
            if self._pending:
                raise ValueError("a talkspurt begins while tokens of another one wait")
            gap = start - self._next_tick
            if self._repeats and self._earlier and 0 < gap * TICK_MS <= LONGEST_TAIL_MS:
                self._pending += [WireToken(SILENCE, ticks) for ticks in split_ticks(gap)]
                self.spoken_ticks -= gap
            else:
                self._earlier.clear()
                self._started = start
        self._ended = self._end_untold = False
        self._after_end = 0
        self._end_told_at = None
        self._pending.append(token)
        self._next_tick = start + token.ticks

    def end(self) -> None:
        """The talkspurt is over."""
        self._end_untold = not self._ended
        self._ended = True

    def due(self, now: int, settings: EncoderSettings) -> bool:
        """True if a packet should go. now: tick of the stream."""
        if not self.waiting and not self._repeats_end(now, settings):
            return False
        if self._sent_at is None and settings.interval_ms > USUAL_INTERVAL_MS:
            # The first packet is as long as the others: a listener who knows nothing yet learns from it how long he has to wait.
            self._sent_at = now
        # The recogniser gives phones in lots: half a tick early is better than a whole lot late.
        return self.full or self._sent_at is None or (now - self._sent_at) * TICK_MS >= settings.interval_ms - TICK_MS // 2

    def _repeats_end(self, now: int, settings: EncoderSettings) -> bool:
        # By the clock, not by the packets: redundancy may rise in a long silence, and 8 bits cannot name times from before it.
        soon = self._end_told_at is not None and (now - self._end_told_at) * TICK_MS <= LONGEST_TAIL_MS
        return soon and 0 < self._after_end < settings.redundancy and bool(self._earlier)

    def wants_packet_for_end(self, settings: EncoderSettings) -> bool:
        """True unless only the end is left to say and nothing would be repeated with it: then it is not worth a packet."""
        return bool(self._pending) or (settings.redundancy > 0 and bool(self._earlier))

    def packet(self, now: int, settings: EncoderSettings, voice: VoicePiece | None, details: Detailer | None = None) -> Packet:
        """The packet of everything that waits. details: gives the tokens of the newest group, from their first tick on, their details.

        The last groups of a talkspurt are repeated as often as all others: by packets that hold nothing else, fewer groups each.
        """
        plain = tuple(self._pending)
        newest = details(plain, self._next_tick - sum(token.ticks for token in plain)) if details else plain
        count = settings.redundancy - self._after_end
        repeated = [coarser(group, settings.repeated_detail) for group in list(self._earlier)[-count:]] if count > 0 else []
        groups = (*repeated, newest)
        length = sum(token.ticks for group in groups for token in group)
        first = self._next_tick - length
        if plain:
            self._earlier.append(newest)
        if self._ended:
            self._after_end += 1
            self._end_told_at = now if self._end_told_at is None else self._end_told_at
        self._end_untold, self._pending, self._sent_at = False, [], now
        self.spoken_ticks += sum(token.ticks for token in newest)
        self._repeats = settings.redundancy > 0
        return Packet(first % TIME_MODULO, groups, first == self._started, self._ended, voice)

    def forget_end(self) -> None:
        """Do not tell the end."""
        self._end_untold = False


def without_oldest(packet: Packet) -> Packet:
    """The packet without the oldest group that it repeats."""
    oldest, *groups = packet.groups
    time = packet.time + sum(token.ticks for token in oldest)
    return replace(packet, time=time % TIME_MODULO, groups=tuple(groups), start=packet.start and not oldest)
