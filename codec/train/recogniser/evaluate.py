"""Phone error of the streaming recogniser, as it runs in a call: `python -m codec.train.recogniser.evaluate`.

Sound goes in by 20 ms, phones come out of the shipped search. The reference is the text, spoken in any way that the dictionary allows;
utterances with words outside the dictionary are left out unless --unknown asks for them as g2p_en reads them.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from codec.recognise.lexicon import Lexicon
from codec.recognise.recogniser import Recogniser
from codec.text.pronunciations import all_variants_of, phone_errors, variants_of
from codec.train.corpus.packed import DATA, Corpus
from codec.train.ledger import counted
from codec.train.recogniser.augment import Sound, add_noise
from codec.train.recogniser.data import load_noises
from codec.train.step import begin, run_step, step_options
from codec.units.phones import SILENCE
from codec.units.rates import SAMPLE_RATE
from codec.units.weights import load_weights
from codec.units.weights_files import weights_directory

PUSH = SAMPLE_RATE // 50


@dataclass(frozen=True, slots=True)
class Score:
    """Of one list: edits and phones of the reference, utterances, speakers; seconds of sound, and of one core."""

    edits: int
    phones: int
    utterances: int
    speakers: int
    seconds: float
    core_seconds: float

    @property
    def error(self) -> float:
        """Edits per phone."""
        return self.edits / max(1, self.phones)


def recognise(recogniser: Recogniser, pcm: NDArray[np.int16]) -> list[int]:
    """Phones of one recording without silences; what was given out in parts counts once."""
    stream = recogniser.stream()
    found = [phone for at in range(0, len(pcm), PUSH) for phone in stream.push(pcm[at : at + PUSH])] + stream.flush()
    heard = [one.phone for one in found]
    return [phone for before, phone in zip([SILENCE, *heard], heard, strict=False) if phone not in (SILENCE, before)]


def noisy(pcm: NDArray[np.int16], noises: Sequence[Sound], snr_db: float, random: np.random.Generator) -> NDArray[np.int16]:
    """With one of the noises; scaled down where it would clip."""
    mixed = add_noise((pcm / 32768).astype(np.float32), noises[int(random.integers(len(noises)))], snr_db, random)
    return np.asarray(mixed / max(1.0, float(np.abs(mixed).max())) * 32767, np.int16)


def evaluate(recogniser: Recogniser, corpus: Corpus, chosen: Sequence[int], noises: Sequence[Sound] = (), snr_db: float = 0.0) -> Score:
    """Of the utterances with the numbers `chosen`; noises are mixed in where there are any."""
    random = np.random.default_rng(1)
    edits = phones = 0
    core = seconds = 0.0
    for place in counted(0, len(chosen), corpus.name):
        index = chosen[place]
        pcm = noisy(corpus.pcm(index), noises, snr_db, random) if noises else corpus.pcm(index)
        started = time.process_time()
        heard = recognise(recogniser, pcm)
        core += time.process_time() - started
        wrong, count = phone_errors(heard, all_variants_of(corpus.records[index]["text"]))
        edits, phones, seconds = edits + wrong, phones + count, seconds + len(pcm) / SAMPLE_RATE
    speakers = len({corpus.records[index]["speaker"] for index in chosen})
    return Score(edits, phones, len(chosen), speakers, seconds, core)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = step_options(__doc__)
    parser.add_argument("names", nargs="*", default=["valid", "dev"])
    parser.add_argument("--models", type=Path, default=None, help="folder of recogniser.safetensors; by default the shipped one")
    parser.add_argument("--part", default="librispeech", help="part of the lists: native readers by default")
    parser.add_argument("--unknown", action="store_true", help="also utterances with words outside the dictionary")
    parser.add_argument("--snr", type=float, help="mix in noise at this ratio of powers, dB")
    parser.add_argument("--data", type=Path, default=DATA, help="folder that holds noise/")
    parser.add_argument("--limit", type=int, help="only so many utterances of each list")
    parser.add_argument("--figures", type=Path, help="also write the figures into this JSON file, as the exporter reads them")
    arguments = begin(parser, argv)
    torch.set_num_threads(1)
    folder = arguments.models or weights_directory()
    lexicon = Lexicon.from_weights(load_weights(folder / "lexicon.safetensors")[0])
    recogniser = Recogniser.from_weights(*load_weights(folder / "recogniser.safetensors"), lexicon)
    noises = load_noises(arguments.data) if arguments.snr is not None else []
    figures: dict[str, object] = {}
    for name in arguments.names:
        corpus = Corpus(name, arguments.work / "corpus")
        texts = {index: corpus.records[index]["text"] for index in corpus if corpus.part(index) == arguments.part}
        chosen = [index for index, text in texts.items() if arguments.unknown or variants_of(text)][: arguments.limit]
        score = evaluate(recogniser, corpus, chosen, noises, arguments.snr or 0.0)
        about = f"{score.phones} phones, {score.utterances} utterances, {score.speakers} speakers"
        noise = "" if arguments.snr is None else f" with noise at {arguments.snr:g} dB"
        print(f"{name}{noise}: phone error {score.error:.1%} ({about}); {score.core_seconds / max(score.seconds, 1e-9):.2f} of a core")
        figures[f"phone_error_streaming_{name}"] = round(score.error, 3)
        figures[f"{name}_measured_on"] = about
    if arguments.figures:
        arguments.figures.write_text(json.dumps({"recogniser": figures}, indent=1) + "\n")


if __name__ == "__main__":
    run_step(main)
