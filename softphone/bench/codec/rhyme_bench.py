"""`softphone bench rhyme`: the modified rhyme test through each codec.

Each talker's words are one call, with pauses between them, as a listener would be asked: what a codec learns of a voice it learns from the
first words. What is heard is cut at the words again and each is judged by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codec.units import audio_file
from codec.units.rates import SAMPLE_RATE
from softphone.bench.codec.codec_bench import choose
from softphone.bench.codec.workbench import EARLIEST_MS, LATEST_MS, Say, Workbench
from softphone.bench.instruments.delay import find_lag
from softphone.bench.instruments.manifest import Recording
from softphone.bench.instruments.markdown import Column, table_of
from softphone.bench.instruments.rhyme_test import RhymeTest, Word
from softphone.bench.instruments.speech import speech_seconds

PAUSE = SAMPLE_RATE // 2
"""Between words: with the silence around them mostly shorter than a second, so that it counts as speech for the rate of every codec."""
MARGIN = 4 * SAMPLE_RATE // 10
"""Around a word, of what is heard: some sounds come earlier or later than others."""
_95_PERCENT = 1.96

Row = dict[str, str | float | int | dict[str, float] | None]

_COLUMNS: tuple[Column, ...] = (
    ("system", "system", "{}"),
    ("payload bit/s", "payload_bps", "{:.0f}"),
    ("intelligibility", "intelligibility", "{:.3f}"),
    ("±", "interval", "{:.3f}"),
)

NOTES = f"""
- intelligibility: ABC-MRT16 (`abcmrt16` 1.0.2) on NIST's recordings (`mcvqoe-intelligibility` 1.1.3), corrected for guessing: 1 is every
  word, 0 is chance. Which of six words that differ in one consonant was said is decided by how like each band is to the talker's own
  recordings of them. It has no lexicon and no context: no codec gains by a likely word.
- ±: half of the 95 % interval over the words.
- Payload: over the seconds of speech. A talker's words, each after "Please select the word", are one call, {PAUSE / SAMPLE_RATE:g} s apart.
- `original`: the recordings at 16 kHz.
"""


@dataclass(frozen=True)
class Call:
    """One talker's words after another. pcm (samples,) int16 at 16 kHz; spans: (first sample, end) of each word in it."""

    words: tuple[Word, ...]
    pcm: NDArray[np.int16]
    spans: tuple[tuple[int, int], ...]


def calls_of(words: Sequence[Word]) -> list[Call]:
    """A call for each talker. Raises AudioFileError."""
    return [_call([word for word in words if word.talker == talker]) for talker in dict.fromkeys(word.talker for word in words)]


def _call(words: Sequence[Word]) -> Call:
    silence = np.zeros(PAUSE, np.int16)
    parts, spans, at = [silence], [], PAUSE
    for word in words:
        sound = audio_file.read(word.file)
        spans.append((at, at + len(sound)))
        parts += [sound, silence]
        at += len(sound) + PAUSE
    return Call(tuple(words), np.concatenate(parts), tuple(spans))


def cut(call: Call, heard: NDArray[np.int16]) -> list[NDArray[np.int16]]:
    """What was heard of each word, MARGIN around it, however late all of it is; empty where the sound ends before."""
    lag = find_lag(call.pcm, heard, SAMPLE_RATE, EARLIEST_MS, LATEST_MS)
    late = 0 if lag is None else round(lag.ms * SAMPLE_RATE / 1000)
    return [heard[max(0, begin + late - MARGIN) : max(0, end + late + MARGIN)] for begin, end in call.spans]


def bench(test: RhymeTest, names: Sequence[str] | None, per_talker: int, say: Say) -> list[Row]:
    """A row for each system in `names` (None: all that work here), "original" first. Raises SoftphoneError, CodecError."""
    here = Workbench()
    systems, calls = choose(names, here, say), calls_of(test.words(per_talker))
    seconds = sum(speech_seconds(call.pcm, SAMPLE_RATE) for call in calls)
    rows = []
    for done, name in enumerate(systems):
        scores: dict[str, float] = {}
        sent: list[int | None] = []
        for number, call in enumerate(calls):
            talker = call.words[0].talker
            say(f"{done * len(calls) + number + 1} of {len(systems) * len(calls)}: {name}, {len(call.words)} words of {talker}")
            passed = here.system(name).pass_through(call.pcm, Recording(talker, call.words[0].file, talker, ""))
            sent.append(passed.payload_bytes)
            scores |= {word.name: test.score(part, word) for word, part in zip(call.words, cut(call, passed.pcm), strict=True)}
        rows.append(row(name, sent, seconds, scores, test.intelligibility(list(scores.values()))))
        say(f"{name}: {rows[-1]['intelligibility']:.3f}")
    return rows


def row(name: str, sent: Sequence[int | None], seconds: float, scores: Mapping[str, float], intelligibility: float) -> Row:
    """sent: bytes of payload of each call, None where nothing is sent; seconds: of speech in all calls; scores: by the word's name."""
    known = [one for one in sent if one is not None]
    # The correction for guessing stretches 1/6..1 to 0..1, and the spread with it.
    spread = 6 / 5 * float(np.std(list(scores.values()), ddof=1)) if len(scores) > 1 else None
    return {
        "system": name,
        "payload_bps": 8 * sum(known) / seconds if known else None,
        "intelligibility": intelligibility,
        "interval": None if spread is None else _95_PERCENT * spread / float(np.sqrt(len(scores))),
        "words": len(scores),
        "talkers": len(sent),
        "scores": dict(scores),
    }


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown, and how many words and talkers they come from."""
    return f"{table_of(_COLUMNS, rows)}\n\n{rows[0]['words']} words of {rows[0]['talkers']} talkers."
