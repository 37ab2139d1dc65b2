"""What this end tells the far end of its packets while sound arrives: loss, queue, and what the path seems to carry.

Times of arrival are known here at once; what is lost PJMEDIA counts by RTP's sequence numbers, which are read each second.
"""

from __future__ import annotations

import threading
from collections import deque

from codec.units.rates import HEADER_BYTES, SAMPLE_RATE
from codec.wire.link_report import LinkReport
from codec.wire.sound import SoundReport
from softphone.engine.phv.receiver_report import SMALL_BYTES, Received, TransitTimes

EACH_S = 0.15
"""A report so often while sound arrives;"""
REPORT_SHARE, REPORT_BITS = 0.1, 8 * (HEADER_BYTES + 8)
"""where packets queue, on a link that both ends may share, reports take no more than this share of what arrives."""
RECENT_PACKETS = 2
WINDOW_S = 0.6
QUEUE_MS = 80.0
"""The rate of arrival is that of the path only where packets wait for it."""
PAIR_S = 0.02
"""Between the packets of a probe."""
FEW_PACKETS, ENOUGH_PACKETS, WINDOWS = 8, 40, 6
"""Loss is that of the newest seconds that have so many packets, at most six; fewer than the first say nothing."""
EARLY_WINDOWS = 2
"""Seconds after which loss no longer has to be counted in between."""
OUTAGE_WINDOWS = 2
"""In so many windows one after the other nothing came at all."""
LOSSY, PROBE_TOLD = 0.05, 3
"""Share of lost packets from which reports are likely to be lost as well; then the rate that a probe showed is told so often."""
FASTER_MS, FASTER_EACH_S, FASTER_PACKETS = 100.0, 4.0, 4
"""Packets that travel so much faster than any did lately are worth a report: the path may carry more now."""


class SoundPath:
    """Of one direction. Any thread."""

    def __init__(self, transit: TransitTimes) -> None:
        self._transit = transit
        self._lock = threading.Lock()
        self._arrivals: deque[tuple[float, int]] = deque()
        self._due = False
        self._told_at = float("-inf")
        self._each_s = EACH_S
        self._probe: tuple[int, float] | None = None
        self._probed_bps = 0.0
        self._tells = 0  # how often that still goes
        self._before: Received | None = None
        self._windows: deque[tuple[int, int]] = deque(maxlen=WINDOWS)
        self._silent_windows = 0
        self._transits: deque[float] = deque(maxlen=FASTER_PACKETS)
        self._loss = self._burst = self._jitter_ms = 0.0

    @property
    def loss(self) -> float:
        """Share of the far end's packets that is lost lately."""
        return self._loss

    def arrived(self, now: float, size: int) -> None:
        """A payload of sound, of so many bytes."""
        with self._lock:
            self._due = True
            self._arrivals.append((now, 8 * (size + HEADER_BYTES)))
            while now - self._arrivals[0][0] > WINDOW_S:
                self._arrivals.popleft()

    def tokens(self, timestamp: int, now: float, size: int) -> None:
        """A payload of tokens alone."""
        if size <= SMALL_BYTES:
            return
        with self._lock:
            transit = 1000 * (now - timestamp / SAMPLE_RATE)
            faster = len(self._transits) == FASTER_PACKETS and min(self._transits) - transit > FASTER_MS
            self._transits.append(transit)
            if faster and now - self._told_at > FASTER_EACH_S:
                self._due = True

    def probe(self, timestamp: int, now: float, size: int) -> None:
        """A packet of a probe; the second of a pair tells the rate."""
        with self._lock:
            first, self._probe = self._probe, (timestamp, now)
            if first is not None and 0 < (timestamp - first[0]) % 2**32 <= round(1.5 * PAIR_S * SAMPLE_RATE):
                gap = max(PAIR_S, now - first[1])
                self._probed_bps = 8 * (size + HEADER_BYTES) / gap
                self._due, self._told_at, self._each_s = True, float("-inf"), EACH_S
                self._tells = PROBE_TOLD if self._loss > LOSSY else 1

    def counted(self, received: Received) -> None:
        """PJMEDIA's counters, each second."""
        with self._lock:
            before = self._before
            if before is None or received.packets < before.packets:
                self._before = received
                return
            packets, lost = received.packets - before.packets, max(0, received.lost - before.lost)
            self._before = received
            if packets and self._silent_windows >= OUTAGE_WINDOWS:
                lost = 0  # in an outage, which is over: it says nothing about what will be lost
            self._silent_windows = 0 if packets else self._silent_windows + 1
            self._windows.append((packets, lost))
            all_ = gone = 0
            for came, missed in reversed(self._windows):
                all_, gone = all_ + came + missed, gone + missed
                if all_ >= ENOUGH_PACKETS:
                    break
            if all_ >= FEW_PACKETS:
                self._loss = gone / all_
                self._burst, self._jitter_ms = received.burst if lost else 0.0, received.jitter_ms

    @property
    def is_new(self) -> bool:
        """Whether too few seconds were counted yet: then `counted_early` is welcome."""
        return len(self._windows) < EARLY_WINDOWS

    def counted_early(self, received: Received) -> None:
        """PJMEDIA's counters, in between: in the first seconds loss is known from few packets, for what goes unprotected is lost."""
        with self._lock:
            all_ = received.packets + received.lost
            if self.is_new and all_ >= FEW_PACKETS:
                self._loss = received.lost / all_
                self._burst, self._jitter_ms = received.burst if received.lost else 0.0, received.jitter_ms

    def report(self, now: float) -> SoundReport | None:
        """The report that should go now, if any."""
        with self._lock:
            if not self._due or now - self._told_at < self._each_s:
                return None
            self._due, self._told_at = False, now
            queue_ms = self._transit.queue_ms(now, RECENT_PACKETS)
            rate = self._probed_bps
            self._tells -= 1
            if self._tells <= 0:
                self._probed_bps = 0.0
            if not rate and queue_ms > QUEUE_MS and len(self._arrivals) > RECENT_PACKETS:
                rate = sum(bits for _, bits in list(self._arrivals)[1:]) / max(PAIR_S, self._arrivals[-1][0] - self._arrivals[0][0])
            self._each_s = max(EACH_S, REPORT_BITS / (REPORT_SHARE * rate)) if rate and queue_ms > QUEUE_MS else EACH_S
            return SoundReport(LinkReport(self._loss, self._burst, queue_ms, self._jitter_ms), rate)
