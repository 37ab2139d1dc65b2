"""Receiver reports of x-phv: how the far end's packets fare on their way to us, and when that is worth a report."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from codec.units.rates import SAMPLE_RATE
from codec.wire.link_report import LinkReport
from softphone.link.messages import PathQuality

WINDOW_S = 30.0
MAX_ARRIVALS = 1600
RECENT, RECENT_S = 4, 3.0

EVERY_S = 4.0
"""A report at most so often if little changed,"""
URGENT_EVERY_S = 2.0
"""and so often if much did."""
MUCH_LOSS, MUCH_QUEUE_MS = 0.08, 200.0
FEW_PACKETS, PATIENCE_S = 8, 6.0
"""A window is judged once it has so many packets, or is so old;"""
ENOUGH_PACKETS = 24
"""the first one in which nothing was lost once it has these."""
SMALL_BYTES = 16
"""Smaller payloads are not speech: they travel faster over a slow link and say nothing about its queue."""


@dataclass(frozen=True, slots=True)
class Received:
    """Counters since the stream began: packets that came, that were lost, and how often one or more in a row were lost; jitter now."""

    packets: int
    lost: int
    losses: int
    jitter_ms: float

    @property
    def burst(self) -> float:
        """Packets lost in a row, on average; 0 where none was."""
        return self.lost / self.losses if self.losses else 0.0


class TransitTimes:
    """How much longer packets travel now than the fastest of the last half minute. Any thread.

    Times of travel are in seconds, off by what the two ends' clocks differ.
    """

    def __init__(self) -> None:
        self._arrivals: deque[tuple[float, float]] = deque(maxlen=MAX_ARRIVALS)
        self._last_stamp: int | None = None
        self._unfolded = 0
        self._lock = threading.Lock()

    def arrived(self, timestamp: int, now: float, size: int) -> None:
        """A packet with this RTP timestamp (32 bits) and payload of so many bytes came at `now`, monotonic seconds."""
        if size <= SMALL_BYTES:
            return
        with self._lock:
            if self._last_stamp is not None:
                step = (timestamp - self._last_stamp + 2**31) % 2**32 - 2**31
                if abs(step) > 60 * SAMPLE_RATE:  # the sender reset its clock
                    self._arrivals.clear()
                self._unfolded += step
            self._last_stamp = timestamp % 2**32
            self._arrivals.append((now, now - self._unfolded / SAMPLE_RATE))
            while now - self._arrivals[0][0] > WINDOW_S:
                self._arrivals.popleft()

    def queue_ms(self, now: float, packets: int = RECENT) -> float:
        """0 where nothing came lately; the fastest of the last few packets counts, as one alone may be late for many reasons."""
        with self._lock:
            recent = [transit for moment, transit in self._arrivals if now - moment <= RECENT_S][-packets:]
            return 1000 * (min(recent) - min(transit for _, transit in self._arrivals)) if recent else 0.0

    @property
    def fastest_s(self) -> float | None:
        """Of the last half minute; None before the first packet."""
        with self._lock:
            return min((transit for _, transit in self._arrivals), default=None)

    @property
    def newest_s(self) -> float | None:
        """Of the newest packet."""
        with self._lock:
            return self._arrivals[-1][1] if self._arrivals else None


class ReportWriter:
    """Decides once a second whether the far end should be told."""

    def __init__(self) -> None:
        self._told: LinkReport | None = None
        self._again = False
        self._told_at = float("-inf")
        self._since: Received | None = None
        self._since_at = 0.0

    def look(self, now: float, received: Received, queue_ms: float) -> PathQuality | None:
        """The report that should go now, if any. While nothing is lost or late there is only the first."""
        if self._since is None or received.packets < self._since.packets:
            self._since, self._since_at = received, now
            return None
        packets = received.packets - self._since.packets
        lost = max(0, received.lost - self._since.lost)
        if self._told is None and not lost and packets < ENOUGH_PACKETS:
            return None
        if packets + lost < FEW_PACKETS and now - self._since_at < PATIENCE_S:
            return None
        if packets + lost == 0:
            self._since_at = now
            return None
        # The burst length is that of the whole stream: a few seconds have too few losses.
        loss, burst = lost / (packets + lost), received.burst if lost else 0.0
        last = self._told
        before = (last.loss, last.queue_ms) if last is not None else (0.0, 0.0)
        # The far end waits for the first report: until then it protects its packets against the worst.
        changed = last is None or abs(loss - before[0]) > MUCH_LOSS or abs(queue_ms - before[1]) > MUCH_QUEUE_MS
        # Where packets are lost the report may be lost too, unnoticed.
        urgent = changed or (self._again and loss > MUCH_LOSS)
        if now - self._told_at < (URGENT_EVERY_S if urgent else EVERY_S):
            return None
        self._since, self._since_at = received, now
        if not lost and queue_ms <= MUCH_QUEUE_MS and last is not None and last.loss == 0 and last.queue_ms <= MUCH_QUEUE_MS:
            return None
        self._again = changed
        self._told = LinkReport(loss, burst, queue_ms, received.jitter_ms)
        self._told_at = now
        return PathQuality(self._told, urgent)
