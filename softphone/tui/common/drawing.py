"""Small pictures in text: level meters, sparklines, numbers with units. All are plain text, so that they do without colour."""

from __future__ import annotations

from collections.abc import Sequence

SPARKS = "▁▂▃▄▅▆▇█"
FLOOR_DB = -60.0


def meter(share: float, width: int) -> str:
    """A bar of `width` cells filled to `share`, 0 to 1."""
    filled = round(max(0.0, min(1.0, share)) * width)
    return "▮" * filled + "▯" * (width - filled)


def level_meter(level_db: float, width: int) -> str:
    """A peak in dBFS: -60 and below is empty, 0 is full."""
    return meter((level_db - FLOOR_DB) / -FLOOR_DB, width)


def level_text(level_db: float) -> str:
    return "silent" if level_db <= FLOOR_DB else f"{level_db:.0f} dB"


def sparkline(values: Sequence[float], width: int, least_top: float) -> str:
    """The last `width` values as bars from 0 to the greatest of them, or to `least_top` where all are smaller."""
    shown = list(values)[-width:]
    top = max([least_top, *shown])
    bars = "".join(SPARKS[min(int(value / top * len(SPARKS)), len(SPARKS) - 1)] if value > 0 else SPARKS[0] for value in shown)
    return bars.rjust(width)


def bit_rate(bps: float) -> str:
    """`182 bit/s`, `1.2 kbit/s`, `64 kbit/s`."""
    if bps < 1000:
        return f"{bps:.0f} bit/s"
    return f"{bps / 1000:.1f} kbit/s" if bps < 99_950 else f"{bps / 1000:.0f} kbit/s"


def clock_time(seconds: float) -> str:
    """`02:14`, `1:02:14`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def cut(text: str, width: int) -> str:
    """`text` in at most `width` characters, the end replaced by an ellipsis."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"
