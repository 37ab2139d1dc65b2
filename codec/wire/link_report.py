"""Receiver reports on loss, queueing and jitter: extension type 1, in a packet of speech or in one of its own.

RTCP reports every fifteen seconds and not how losses cluster; these four bytes come as soon as it matters.
"""

from dataclasses import dataclass

from codec.wire.packet import Extension

TYPE = 1
SIZE = 4
_BURST_STEP, _QUEUE_STEP_MS, _JITTER_STEP_MS = 0.25, 20, 5


@dataclass(frozen=True, slots=True)
class LinkReport:
    """Of the packets since the report before: loss 0..1 (of those that were sent); burst: mean number of packets lost in a row, 0 where
    none was, up to 63.75; queue_ms: how much longer packets travel now than the fastest of the last half minute, up to 5100; jitter_ms:
    interarrival jitter (RFC 3550, 6.4.1), up to 1275."""

    loss: float
    burst: float
    queue_ms: float
    jitter_ms: float

    def extension(self) -> Extension:
        """Four bytes; values out of range are clipped."""
        values = (256 * self.loss, self.burst / _BURST_STEP, self.queue_ms / _QUEUE_STEP_MS, self.jitter_ms / _JITTER_STEP_MS)
        return Extension(TYPE, bytes(max(0, min(255, round(value))) for value in values))

    @classmethod
    def read(cls, data: bytes) -> "LinkReport | None":
        """None if a peer sent too few bytes; bytes after the fourth belong to a later version and are ignored."""
        if len(data) < SIZE:
            return None
        return cls(data[0] / 256, data[1] * _BURST_STEP, data[2] * _QUEUE_STEP_MS, data[3] * _JITTER_STEP_MS)
