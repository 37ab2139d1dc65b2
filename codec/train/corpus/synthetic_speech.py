"""Synthetic speech with exact phone timing, as much as is asked for.

    python -m codec.train.corpus.synthetic_speech --hours 10 --seed 1
    python -m codec.train.corpus.pack synthetic --data work/synthetic

Kokoro speaks sentences in its English voices and in mixtures of two of them. Writes `<out>/<list>.jsonl` in the format of the data lists
and FLAC files beside it. Goes on where it was stopped; utterance i of a seed is always the same.
"""

import argparse
import itertools
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codec.describe.prosody import frame_levels
from codec.train.corpus.kokoro import MAX_SYMBOLS, SOUND_RATE, Kokoro, load_voices, voices_archive
from codec.train.corpus.sentences import Piece, TextLines, Writer, pieces_of
from codec.train.recogniser.phone_language_model import word_bigrams
from codec.units.audio_file import resample, to_pcm, write
from codec.units.errors import CodecError
from codec.units.rates import FRAME_MS, SAMPLE_RATE

MIXTURES = 0.6
"""Share of utterances in a mixture of two voices."""

SLOWEST, FASTEST = 0.75, 1.35
PAUSE_MS = 100.0
QUIET_DB = 25.0
"""What stands between words is a pause where it is at least so long, and so far below the loud parts of the utterance."""

STOPS = frozenset(("B", "CH", "D", "G", "JH", "K", "P", "T"))

Label = tuple[str, int, int]
"""ARPAbet label, start and end in milliseconds."""


def labels_of(pieces: Sequence[Piece], ends_ms: NDArray[np.float64], pcm: NDArray[np.int16]) -> list[Label]:
    """Contiguous labels of the whole sound.

    ends_ms (symbols + 1,): ends of the leading pause and of each symbol. Kokoro gives a space time even where words run into each other;
    that time goes to the neighbours: half and half, or to the stop whose closure it is.
    """
    levels, names, edges = frame_levels(pcm), ["SIL"], [0.0, float(ends_ms[0])]
    loud, at = float(np.percentile(levels, 90)), 0
    for label, symbols in pieces:
        at += len(symbols)
        if label == "SIL" == names[-1]:
            edges.pop()
        else:
            names.append(label)
        edges.append(float(ends_ms[at]))
    if names[-1] != "SIL":
        names.append("SIL")
        edges.append(0.0)
    edges[-1] = len(pcm) * 1000 / SAMPLE_RATE
    for gap in [place for place in range(1, len(names) - 1) if names[place] == "SIL"][::-1]:
        start, end = edges[gap : gap + 2]
        heard = levels[int(start / FRAME_MS) : max(int(start / FRAME_MS) + 1, int(end / FRAME_MS))]
        quiet = float(np.median(heard)) < loud - QUIET_DB
        if quiet and end - start >= PAUSE_MS:
            continue
        middle = (start + end) / 2
        closed = start if names[gap + 1] in STOPS else end if names[gap - 1] in STOPS else middle
        edges[gap : gap + 2] = [closed if quiet else middle]
        del names[gap]
    return [(name, round(start), round(end)) for name, (start, end) in zip(names, itertools.pairwise(edges), strict=True) if end > start]


def draw_voice(voices: dict[str, NDArray[np.float32]], random: np.random.Generator) -> tuple[str, NDArray[np.float32]]:
    """A voice, or a mixture of two: its name and (510, 256)."""
    names = list(voices)
    first, second = (names[int(place)] for place in random.choice(len(names), 2, replace=False))
    if random.random() >= MIXTURES:
        return f"{first}:1.0", voices[first]
    share = round(float(random.uniform(0.25, 0.75)), 3)
    mixed = share * voices[first] + (1 - share) * voices[second]
    return f"{first}:{share}+{second}:{1 - share:.3f}", np.asarray(mixed, np.float32)


def speak(
    kokoro: Kokoro, writer: Writer | TextLines, voices: dict[str, NDArray[np.float32]], random: np.random.Generator
) -> tuple[dict[str, Any], NDArray[np.int16]]:
    """One utterance: its record without id and file, and its sound."""
    while True:
        sentence = writer.write(random)
        pieces = pieces_of(sentence, random)
        symbols = "".join(symbols for _, symbols in pieces)
        if len(symbols) <= MAX_SYMBOLS:
            break
    name, voice = draw_voice(voices, random)
    spoken = kokoro.speak(symbols, voice, float(np.exp(random.uniform(np.log(SLOWEST), np.log(FASTEST)))))
    pcm = to_pcm(resample(spoken.sound, SOUND_RATE))
    record = {
        "speaker": f"synthetic-{name}",
        "text": sentence.text,
        "seconds": round(len(pcm) / SAMPLE_RATE, 3),
        "phones": labels_of(pieces, spoken.ends_ms, pcm),
        "gender": None,
        "text_source": "exact",
        "phones_source": "exact",
        "f0_12ms5": [round(float(hz)) for hz in spoken.f0],
    }
    return record, pcm


def finished(path: Path) -> list[dict[str, Any]]:
    """The records of a list; half a line at its end, from an interrupted run, is cut off."""
    if not path.exists():
        return []
    text = path.read_text()
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole)
    return [json.loads(line) for line in whole.splitlines()]


def build(hours: float, seed: int, out: Path, list_name: str, work: Path, text: Path | None, prefixes: Sequence[str]) -> None:
    """Adds utterances of `seed` until the list holds `hours`. Raises CodecError."""
    voices = load_voices(voices_archive(work), prefixes)
    writer = TextLines(text) if text else Writer(word_bigrams(work))
    kokoro, path = Kokoro(), out / f"{list_name}.jsonl"
    folder = out / list_name / "synthetic"
    folder.mkdir(parents=True, exist_ok=True)
    done = finished(path)
    index = sum(record["id"].startswith(f"k{seed}-") for record in done)
    there = sum(record["seconds"] for record in done)
    made, wanted, started = 0.0, hours * 3600 - there, time.monotonic()
    with open(path, "a") as out_list:
        while made < wanted:
            name = f"k{seed}-{index:06d}"
            record, pcm = speak(kokoro, writer, voices, np.random.default_rng((seed, index)))
            file = folder / f"{name}.flac"
            write(file, pcm)
            out_list.write(json.dumps({"id": name, "file": str(file.relative_to(out)), **record}) + "\n")
            out_list.flush()
            index, made = index + 1, made + record["seconds"]
            left = (time.monotonic() - started) / made * max(0.0, wanted - made) / 60
            shown = f"\r{list_name}: {index} utterances, {(there + made) / 3600:.2f} of {hours:g} h, {left:.0f} min left "
            print(shown, end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


def main() -> None:
    """Command line of the step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=1.0, help="length of the whole list, with what is there already")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("work/synthetic"))
    parser.add_argument("--list", default="synthetic", help="name of the list")
    parser.add_argument("--work", type=Path, default=Path("work"), help="where the voices and the language model are kept")
    parser.add_argument("--text", type=Path, help="a file with one sentence a line, instead of drawn sentences")
    parser.add_argument("--voices", nargs="+", default=["af_", "am_", "bf_", "bm_"], help="prefixes of voice names")
    parser.add_argument("--smoke", action="store_true", help="ten seconds of speech")
    arguments = parser.parse_args()
    hours = 10 / 3600 if arguments.smoke else arguments.hours
    try:
        build(hours, arguments.seed, arguments.out, arguments.list, arguments.work, arguments.text, arguments.voices)
    except CodecError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
