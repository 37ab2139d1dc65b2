"""What Opus would cost in this call, now: the same seconds of speech in packets of libopus as the configuration sets it.

Opus sends nothing in silence (DTX) as our codec does, so that the share of time in which we sent packets is the share in which Opus
would. `tests/tui/calls/test_opus_estimate.py` holds the estimate against libopus on a recording.
"""

from __future__ import annotations

from dataclasses import dataclass

from codec.units.rates import HEADER_BYTES

RATE_SHARE = 0.88
"""Payload to nominal bit rate while libopus 1.3.1 sends speech, 6 to 32 kbit/s: variable rate spends less than is asked for."""


@dataclass(frozen=True)
class Cost:
    """In bit/s, one way; `ip_bps` counts 40 bytes of IPv4, UDP and RTP header of each packet."""

    payload_bps: float
    ip_bps: float


def speech_share(packets_per_s: float, interval_ms: int) -> float:
    """Part of the time for which packets were sent, 0 to 1."""
    return max(0.0, min(1.0, packets_per_s * interval_ms / 1000))


def opus_cost_now(share: float, bitrate: int, ptime_ms: int) -> Cost:
    """Opus at `bitrate` in packets of `ptime_ms`, speaking for `share` of the time."""
    payload = share * bitrate * RATE_SHARE
    return Cost(payload, payload + share * 8 * HEADER_BYTES * 1000 / ptime_ms)
