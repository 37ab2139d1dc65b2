"""Writes down what Moonshine hears in whole utterances, and when each word was said: what its adapters learn from.

    python -m codec.train.recogniser.word_teacher --utterances 2000

Whole utterances are heard best: one word in ten is wrong, where windows that end in mid-sentence have one in six. Needs the packed corpus
(`python -m codec.train.corpus.pack train more`). A run that was stopped goes on.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from codec.models import Models
from codec.recognise.network import PosteriorStream
from codec.recognise.recogniser import Recogniser
from codec.recognise.spelling import Spelling
from codec.recognise.word_alignment import align_words
from codec.recognise.words import MoonshineWords
from codec.train.corpus.packed import Corpus
from codec.train.ledger import Ledger
from codec.train.step import begin, run_step, step_options
from codec.units.rates import SAMPLE_RATE

EACH = {"librispeech": 1, "synthetic": 4, "librispeech_more": 1, "vctk": 1, "arctic": 3}
"""Of the parts of the corpus with sentences, one utterance in so many."""
LONGEST_S = 20
SHUFFLE = 7919, 1009
"""Order by number times the first modulo the second: whatever the run is stopped at, all parts and speakers are there."""


def chosen(corpora: Sequence[Corpus]) -> list[tuple[Corpus, int]]:
    """What is heard, in its order."""
    found, seen = [], dict.fromkeys(EACH, 0)
    for corpus in corpora:
        for index in range(len(corpus.records)):
            part = corpus.part(index)
            if part in EACH and str(corpus.records[index]["file"]).startswith("train/"):
                seen[part] += 1
                if seen[part] % EACH[part] == 0 and len(corpus.pcm(index)) < LONGEST_S * SAMPLE_RATE:
                    found.append((corpus, index))
    factor, modulus = SHUFFLE
    return sorted(found, key=lambda one: one[1] * factor % modulus)


@torch.inference_mode()
def heard(recogniser: Recogniser, words: MoonshineWords, spelling: Spelling, pcm: NDArray[np.int16]) -> list[Any]:
    """[text, pieces, first and last tick, likeness of the sound] of each word; [] where nothing sure was heard."""
    stream = PosteriorStream(recogniser.network)
    posteriors = np.concatenate([stream.push(pcm), stream.flush()])
    found = words.stream().hear(pcm, 0, ())
    if found.looped:
        return []
    aligned = align_words(posteriors, recogniser.log_prior, [spelling(word.text) for word in found.words], True)
    if {word.number for word in aligned} != set(range(len(found.words))):
        return []
    return [
        [word.text, word.pieces, one.start, one.end, round(float(one.evidence), 2)] for word, one in zip(found.words, aligned, strict=True)
    ]


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = step_options(__doc__)
    parser.add_argument("--lists", nargs="+", default=["train", "more"], help="packed lists")
    parser.add_argument("--utterances", type=int, default=2000)
    arguments = begin(parser, argv)
    if arguments.smoke:
        arguments.lists = ["train"]
    recogniser = Models.load().recogniser
    assert isinstance(recogniser, Recogniser)
    words, spelling = MoonshineWords.load(adapted=False), Spelling()
    todo = chosen([Corpus(name, arguments.work / "corpus") for name in arguments.lists])[: arguments.utterances]
    path = arguments.work / "word_teacher.jsonl"
    ledger = Ledger(path)
    for number in ledger.missing(len(todo), "word_teacher"):
        corpus, index = todo[number]
        record = corpus.records[index]
        ledger.add(
            {
                "list": corpus.name,
                "index": index,
                "text": record.get("text"),
                "words": heard(recogniser, words, spelling, corpus.pcm(index)),
            }
        )
    path.write_text("".join(json.dumps(record) + "\n" for record in ledger.records))
    ledger.remove()


if __name__ == "__main__":
    run_step(main)
