"""Rows as Markdown."""

from collections.abc import Sequence

from softphone.bench.codec.rows import Row
from softphone.bench.instruments.markdown import Column, table_of

_COLUMNS: tuple[Column, ...] = (
    ("system", "system", "{}"),
    ("payload bit/s", "payload_bps", "{:.0f}"),
    ("IP bit/s", "ip_bps", "{:.0f}"),
    ("word error", "wer", "{:.1%}"),
    ("word error 2", "wer2", "{:.1%}"),
    ("phone error", "per", "{:.1%}"),
    ("voice similarity", "similarity", "{:.2f}"),
    ("voice similarity 2", "similarity2", "{:.2f}"),
    ("F0 correlation", "f0_correlation", "{:.2f}"),
    ("voicing error", "voicing_error", "{:.0%}"),
    ("DNSMOS", "dnsmos", "{:.2f}"),
    ("delay, ms", "delay_ms", "{:.0f}"),
    ("after a phone, ms", "phone_delay_ms", "{:.0f}"),
    ("encoder, core", "rtf_encode", "{:.3f}"),
    ("decoder, core", "rtf_decode", "{:.3f}"),
)


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table, and how many utterances and speakers they come from."""
    return f"{table_of(_COLUMNS, rows)}\n\n{rows[0]['utterances']} utterances of {rows[0]['speakers']} speakers."
