"""How the far end's packets fare on their way to us, and when that is worth telling: what an x-phv receiver reports to its sender."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

CLOCK_HZ = 16000
WINDOW_S = 30.0
MAX_ARRIVALS = 256
RECENT = 4

EVERY_S = 4.0
"""A report at most so often, where little changed,"""
URGENT_EVERY_S = 2.0
"""and so often where much did."""
MUCH_LOSS, MUCH_QUEUE_MS = 0.08, 200.0
FEW_PACKETS, PATIENCE_S = 8, 6.0
"""A window is judged once it has so many packets, or is so old."""


@dataclass(frozen=True, slots=True)
class Received:
    """Counters since the stream began: packets that came, that were lost, and how often one or more in a row were lost; jitter now."""

    packets: int
    lost: int
    losses: int
    jitter_ms: float


@dataclass(frozen=True, slots=True)
class OutgoingReport:
    """See `codec.link_report.LinkReport`. urgent: worth a packet of its own."""

    loss: float
    burst: float
    queue_ms: float
    jitter_ms: float
    urgent: bool


class TransitTimes:
    """How much longer packets travel now than the fastest of the last half minute. Any thread."""

    def __init__(self) -> None:
        self._arrivals: deque[tuple[float, float]] = deque(maxlen=MAX_ARRIVALS)
        self._last_stamp: int | None = None
        self._unfolded = 0
        self._lock = threading.Lock()

    def arrived(self, timestamp: int, now: float) -> None:
        """A packet with this RTP timestamp (32 bits) came at `now`, monotonic seconds."""
        with self._lock:
            if self._last_stamp is not None:
                step = (timestamp - self._last_stamp + 2**31) % 2**32 - 2**31
                if abs(step) > 60 * CLOCK_HZ:  # the sender set its clock anew
                    self._arrivals.clear()
                self._unfolded += step
            self._last_stamp = timestamp % 2**32
            self._arrivals.append((now, now - self._unfolded / CLOCK_HZ))
            while now - self._arrivals[0][0] > WINDOW_S:
                self._arrivals.popleft()

    @property
    def queue_ms(self) -> float:
        """0 until anything came; the fastest of the last few packets counts, as one alone may be late for many reasons."""
        with self._lock:
            if not self._arrivals:
                return 0.0
            transits = [transit for _, transit in self._arrivals]
            return 1000 * (min(transits[-RECENT:]) - min(transits))


class ReportWriter:
    """Decides once a second whether the far end should be told."""

    def __init__(self) -> None:
        self._told: OutgoingReport | None = None
        self._again = False
        self._told_at = float("-inf")
        self._since: Received | None = None
        self._since_at = 0.0

    def look(self, now: float, received: Received, queue_ms: float) -> OutgoingReport | None:
        """The report that should go now, if any. While nothing is lost or late there is none."""
        if self._since is None or received.packets < self._since.packets:
            self._since, self._since_at = received, now
            return None
        packets = received.packets - self._since.packets
        lost = max(0, received.lost - self._since.lost)
        if packets + lost < FEW_PACKETS and now - self._since_at < PATIENCE_S:
            return None
        if packets + lost == 0:
            self._since_at = now
            return None
        loss, losses = lost / (packets + lost), received.losses - self._since.losses
        burst = lost / losses if losses > 0 else 0.0
        last = self._told
        before = (last.loss, last.queue_ms) if last is not None else (0.0, 0.0)
        changed = abs(loss - before[0]) > MUCH_LOSS or abs(queue_ms - before[1]) > MUCH_QUEUE_MS
        # Where packets are lost the report may be too, and nobody says so.
        urgent = changed or (self._again and loss > MUCH_LOSS)
        if now - self._told_at < (URGENT_EVERY_S if urgent else EVERY_S):
            return None
        self._since, self._since_at = received, now
        if not lost and queue_ms <= MUCH_QUEUE_MS and (last is None or (last.loss == 0 and last.queue_ms <= MUCH_QUEUE_MS)):
            return None
        self._again = changed
        self._told = OutgoingReport(loss, burst, queue_ms, received.jitter_ms, urgent)
        self._told_at = now
        return self._told
