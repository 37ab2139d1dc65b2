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
    ("first words", "first_words", "{:.0%}"),
    ("mouth to ear, ms", "mouth_to_ear_ms", "{:.0f}"),
    ("gaps a minute", "gaps_100ms", "{:.1f}"),
    ("silent", "silent_share", "{:.1%}"),
    ("set up, s", "set_up_s", "{:.1f}"),
    ("INVITE, bytes", "invite_bytes", "{}"),
    ("failed", "calls_failed", "{}"),
)


_STRETCHES: tuple[Column, ...] = (
    ("network", "impairment", "{}"),
    ("system", "system", "{}"),
    ("from, s", "begins_s", "{:.0f}"),
    ("link", "link", "{}"),
    ("words kept", "words_kept", "{:.0%}"),
    ("words", "words", "{}"),
    ("understood again after, s", "again_s", "{:.1f}"),
    ("mouth to ear, ms", "mouth_to_ear_ms", "{:.0f}"),
    ("below 200 ms after, s", "prompt_s", "{:.1f}"),
    ("bytes", "ip_bytes", "{:.0f}"),
)


def network_table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table, and what they come from."""
    whole, stretches = [[row for row in rows if ("begins_s" in row) == of_stretches] for of_stretches in (False, True)]
    first = whole[0]
    lines = [table_of(_COLUMNS, whole), ""]
    if stretches:
        lines += [table_of(_STRETCHES, stretches), ""]
    lines += [
        f"{first['utterances']} utterances of {first['speakers']} speakers in {first['calls']} calls a row.",
    ]
    slow = [f"{row['system']} at {row['impairment']}" for row in whole if row["calls_overloaded"]]
    if slow:
        lines += ["", f"The machine was too slow for some calls of these rows, which therefore say little: {', '.join(slow)}."]
    return "\n".join(lines)
