"""The last minute of a call's RTP as graphs: one character a second, the value now, and the greatest shown. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from textual.content import Content

from softphone.tui.common.drawing import sparkline
from softphone.tui.state.call_view import CallView, Sample

LABEL = 9
"""Cells of the names at the left."""
WORDS = 22
"""Cells of the numbers at the right."""
Row = Literal["loss", "jitter", "sent", "received"]
_ROWS: dict[Row, tuple[Callable[[Sample], float], str, str, float]] = {
    "loss": (lambda sample: sample.loss_percent, ".0f", "%", 10.0),
    "jitter": (lambda sample: sample.jitter_ms, ".0f", "ms", 50.0),
    "sent": (lambda sample: sample.tx_ip_bps / 1000, ".1f", "kbit/s", 2.0),
    "received": (lambda sample: sample.rx_ip_bps / 1000, ".1f", "kbit/s", 2.0),
}
"""Name -> value of a second, how it is written, its unit, and the least that the top of the graph stands for. Rates count IP headers."""
ALL: tuple[Row, ...] = ("loss", "jitter", "sent", "received")


def graphs(call: CallView, width: int, rows: tuple[Row, ...] = ALL) -> Content:
    """A line for each of `rows`; loss and jitter are those of what arrives here (RFC 3550, 6.4.1)."""
    size = max(width - LABEL - WORDS, 6)
    past = list(call.samples)[-size:]
    lines = []
    for name in rows:
        value, form, unit, least_top = _ROWS[name]
        values = [value(sample) for sample in past]
        words = f" {values[-1]:{form}}, max {max(values):{form}} {unit}" if values else ""
        lines.append(Content.assemble((name.ljust(LABEL), "$foreground 60%"), (sparkline(values, size, least_top) + words, "$secondary")))
    return Content("\n").join(lines)
