"""A channel: when a packet that is sent now arrives, or that it does not. Only arithmetic: no clock, no socket."""

import random
from dataclasses import dataclass, field

from codec.units.rates import IP_UDP_BYTES
from softphone.bench.impairment.impairment import Impairment

"""IPv4 (RFC 791) and UDP (RFC 768) headers of each datagram."""
_REORDER_STEPS = 1.5
"""A packet that is to be overtaken waits so many times the distance to its predecessor: past its successor, where they come evenly."""
_REORDER_LIMITS_S = (0.01, 1.0)


@dataclass
class Bottleneck:
    """A link of a limited rate with a drop-tail queue. Several channels may share it; times must not go back."""

    impairment: Impairment
    dropped: int = 0
    began: float | None = None
    """When the stretches of a trace begin; until then the first one holds."""
    _free_at: float = field(default=float("-inf"), repr=False)

    def send(self, now: float, datagram_bytes: int) -> float | None:
        """When the last bit of a datagram (UDP payload of so many bytes) has left, in seconds of `now`'s clock; None when the queue is
        full. A datagram of any size is taken while no more than `queue_s` wait."""
        what = self.impairment.at(0.0 if self.began is None else now - self.began)
        if what.rate_bps is None:
            return now
        waiting = max(self._free_at - now, 0.0)
        if waiting > what.queue_ms / 1000:
            self.dropped += 1
            return None
        self._free_at = now + waiting + 8 * (datagram_bytes + IP_UDP_BYTES) / what.rate_bps
        return self._free_at


def bottleneck_of(impairment: Impairment) -> Bottleneck | None:
    """The impairment's link; None where the rate is not limited."""
    limited = impairment.rate_bps is not None or any(each.rate_bps is not None for _, each in impairment.stretches)
    return Bottleneck(impairment) if limited else None


class Channel:
    """One direction. A packet first leaves through the bottleneck, then it may be lost, doubled and delayed.

    The same seed and the same packets at the same times give the same arrivals.
    """

    def __init__(self, impairment: Impairment, seed: str, link: Bottleneck | None = None) -> None:
        """link: shared with other channels; by default one of its own, where the impairment limits the rate."""
        self._impairment = impairment
        self._random = random.Random(seed)
        self._link = link if link is not None else bottleneck_of(impairment)
        self._bad = False
        self._place = 0
        self._last_sent: float | None = None
        self._last_arrival = float("-inf")
        self._began: float | None = None
        self._what = impairment.at(0.0)
        self._begin_state()

    def begin(self, now: float) -> None:
        """The stretches of a trace begin now; until then the first one holds."""
        self._began = now
        if self._link is not None:
            self._link.began = now

    def send(self, now: float, datagram_bytes: int) -> list[float]:
        """Arrivals of a datagram that is sent at `now` (seconds): none where it is lost, two where it is doubled.

        `now` must not go back from one packet to the next.
        """
        step = 0.0 if self._last_sent is None else now - self._last_sent
        self._last_sent = now
        left = now if self._link is None else self._link.send(now, datagram_bytes)
        what = self._impairment.at(0.0 if self._began is None else now - self._began)
        if what is not self._what:
            self._what = what
            self._begin_state()
        if left is None:
            return []
        traced = self._traced()
        if traced is None or self._lost():
            return []
        copies = 2 if self._random.random() < what.duplicate else 1
        arrivals = []
        for _ in range(copies):
            arrival = left + (traced + what.delay_ms + self._random.uniform(0, what.jitter_ms)) / 1000
            if self._random.random() < what.reorder:
                arrival += min(max(_REORDER_STEPS * step, _REORDER_LIMITS_S[0]), _REORDER_LIMITS_S[1])
            elif what.ordered:
                arrival = max(arrival, self._last_arrival)
                self._last_arrival = arrival
            arrivals.append(arrival)
        return arrivals

    def _traced(self) -> float | None:
        """Delay in ms by the trace, None for a lost packet."""
        trace = self._what.trace
        if not trace:
            return 0.0
        delay = trace[self._place % len(trace)]
        self._place += 1
        return delay

    def _lost(self) -> bool:
        loss, length = self._what.loss, self._what.burst_packets
        if length is None:
            return self._random.random() < loss
        # The Gilbert model (Gilbert 1960, with h = 0): from bad to good with 1/length, and so often to bad that `loss` of the packets are.
        lost = self._bad
        leave = 1 / length if self._bad else loss / (length * (1 - loss))
        if self._random.random() < leave:
            self._bad = not self._bad
        return lost

    def _begin_state(self) -> None:
        self._bad = self._what.burst_packets is not None and self._random.random() < self._what.loss
