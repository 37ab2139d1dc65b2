"""What `softphone bench voice` found, as Markdown."""

from collections.abc import Callable, Iterable
from statistics import mean

from softphone.bench.voice.voice_bench import MARKS
from softphone.bench.voice.voice_rows import VoiceFigures, VoiceRow

ENDS_S = (20.0, 40.0)
"""Of those who say so much, the end of the call is told: few speak for as long as a mark, and nothing is learned of a few seconds."""

_Column = tuple[str, Callable[[list[VoiceRow]], str]]


def _mean(values: Iterable[float]) -> float:
    return mean(values)


_COLUMNS: tuple[_Column, ...] = (
    ("speakers", lambda rows: str(len(rows))),
    ("bytes", lambda rows: f"{_mean(row.bytes for row in rows):.0f}"),
    ("similarity", lambda rows: f"{_mean(row.similarity for row in rows):.3f}"),
    ("embedding only", lambda rows: f"{_mean(row.similarity_embedding_only for row in rows):.3f}"),
    ("second encoder", lambda rows: f"{_mean(row.similarity2 for row in rows):.3f}"),
    ("embedding only ", lambda rows: f"{_mean(row.similarity2_embedding_only for row in rows):.3f}"),
    ("mel distance", lambda rows: f"{_mean(row.mel_distance for row in rows):.3f}"),
    ("embedding only  ", lambda rows: f"{_mean(row.mel_distance_embedding_only for row in rows):.3f}"),
    ("gain", lambda rows: f"{_mean(row.similarity - row.similarity_embedding_only for row in rows):+.3f}"),
    ("better in both", lambda rows: f"{_mean(gains(row) for row in rows):.0%}"),
    ("better by the second", lambda rows: f"{_mean(row.similarity2 > row.similarity2_embedding_only for row in rows):.0%}"),
    ("found", lambda rows: f"{_mean(row.found for row in rows):.0%}"),
    ("training, s", lambda rows: f"{_mean(row.training_s for row in rows):.1f}"),
)


def gains(row: VoiceRow) -> bool:
    """Whether the training made this speaker's voice better by similarity and by mel distance."""
    return row.similarity > row.similarity_embedding_only and row.mel_distance < row.mel_distance_embedding_only


def voice_table(figures: VoiceFigures) -> str:
    """Means over the speakers at each time, and the quantiser's figures."""
    titles = ("seconds", *(title for title, _ in _COLUMNS))
    lines = ["| " + " | ".join(titles) + " |", "| " + " | ".join("---" for _ in titles) + " |"]
    groups = [(f"{mark:g}", [row for row in figures.rows if row.seconds == mark]) for mark in MARKS]
    ends = {row.speaker: row for row in figures.rows}
    for least in ENDS_S:
        last = [row for row in ends.values() if row.seconds >= least]
        groups += [(f"end, of {least:g} and more: {_mean(row.seconds for row in last):.0f}", last)] if last else []
    for name, rows in groups:
        if rows:
            lines.append("| " + " | ".join((name, *(cell(rows) for _, cell in _COLUMNS))) + " |")
    lines += [
        "",
        f"Two true recordings of one speaker: {_mean(row.real for row in ends.values()):.3f}, "
        f"by the second encoder {_mean(row.real2 for row in ends.values()):.3f}.",
        "",
        "| bytes of the description | " + " | ".join(str(size) for size in figures.prefix_cosines) + " |",
        "| --- | " + " | ".join("---" for _ in figures.prefix_cosines) + " |",
        "| cosine to the full embedding | " + " | ".join(f"{cosine:.3f}" for cosine in figures.prefix_cosines.values()) + " |",
    ]
    return "\n".join(lines)


def speakers_table(figures: VoiceFigures) -> str:
    """Each speaker at the end of their call."""
    titles = (
        "speaker",
        "seconds",
        "bytes",
        "similarity",
        "with training",
        "second encoder",
        "with training ",
        "mel distance",
        "with training  ",
    )
    lines = ["At the end of each speaker's call:", "", "| " + " | ".join(titles) + " |", "| " + " | ".join("---" for _ in titles) + " |"]
    for row in {row.speaker: row for row in figures.rows}.values():
        pairs = (
            (row.similarity_embedding_only, row.similarity),
            (row.similarity2_embedding_only, row.similarity2),
            (row.mel_distance_embedding_only, row.mel_distance),
        )
        cells = [row.speaker, f"{row.seconds:g}", f"{row.bytes:.0f}", *(f"{value:.3f}" for pair in pairs for value in pair)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
