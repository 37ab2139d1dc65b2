"""Rows of `softphone bench network` as Markdown."""

from collections.abc import Sequence

from softphone.bench.codec.rows import Row
from softphone.bench.instruments.markdown import Column, table_of

_COLUMNS: tuple[Column, ...] = (
    ("network", "impairment", "{}"),
    ("system", "system", "{}"),
    ("IP bit/s", "ip_bps", "{:.0f}"),
    ("RTCP bit/s", "rtcp_bps", "{:.0f}"),
    ("packets lost", "lost_share", "{:.0%}"),
    ("word error", "wer", "{:.1%}"),
    ("added", "wer_added", "{:+.1%}"),
    ("words kept", "words_kept", "{:.1%}"),
    ("mouth to ear, ms", "mouth_to_ear_ms", "{:.0f}"),
    ("gaps a minute", "gaps_100ms", "{:.1f}"),
    ("silent", "silent_share", "{:.1%}"),
    ("set up, s", "set_up_s", "{:.1f}"),
    ("INVITE, bytes", "invite_bytes", "{}"),
    ("failed", "calls_failed", "{}"),
)


def network_table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table, and what they come from."""
    first = rows[0]
    lines = [
        table_of(_COLUMNS, rows),
        "",
        f"{first['utterances']} utterances of {first['speakers']} speakers in {first['calls']} calls a row.",
    ]
    slow = [f"{row['system']} at {row['impairment']}" for row in rows if row["calls_overloaded"]]
    if slow:
        lines += ["", f"The machine was too slow for some calls of these rows, which therefore say little: {', '.join(slow)}."]
    return "\n".join(lines)
