"""Phones as a sender hears them that does not wait for words: `python -m codec.train.corpus.heard`.

It writes <list>.heard.jsonl beside the packed list, whose `phones` are those of the shipped streaming recogniser, wrong ones and wrong
times included. `Corpus(name, labels="heard")` reads it. The detail layer learns from it what is to be put right.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from codec.models import Models
from codec.recognise.recogniser import PhoneRecogniser
from codec.train.corpus.packed import Corpus, write_records
from codec.train.ledger import Ledger
from codec.train.step import begin, run_step, step_options
from codec.units.phones import PHONES
from codec.units.rates import FRAME_MS, SAMPLE_RATE
from codec.units.token import RecognisedPhone
from codec.wire.token import TICK_FRAMES

EACH = {"librispeech": 1, "synthetic": 2, "l2": 4, "commands": 4}
"""Of each part of the corpus one utterance in so many is heard; the others have no phones in the new set."""
TICK_MS = TICK_FRAMES * FRAME_MS
PUSH = SAMPLE_RATE // 50


def labels_of(phones: Sequence[RecognisedPhone]) -> list[tuple[str, int, int]]:
    """What a stream gave out -> the `phones` of a data list, milliseconds."""
    return [(PHONES[one.phone], one.start * TICK_MS, one.end * TICK_MS) for one in phones]


def hear(recogniser: PhoneRecogniser, pcm: NDArray[Any]) -> list[tuple[str, int, int]]:
    """pcm (samples,) int16, 16 kHz -> the `phones` of a data list; none begins after the end of the sound."""
    stream = recogniser.stream()
    found = [phone for at in range(0, len(pcm), PUSH) for phone in stream.push(pcm[at : at + PUSH])] + stream.flush()
    return [label for label in labels_of(found) if label[1] * SAMPLE_RATE < len(pcm) * 1000]


def hear_all(name: str, cache: Path, recogniser: PhoneRecogniser) -> None:
    """Writes `<cache>/<name>.heard.jsonl`; nothing if it is there."""
    path = cache / f"{name}.heard.jsonl"
    if path.exists():
        return
    corpus, seen = Corpus(name, cache), dict.fromkeys(EACH, 0)
    chosen = []
    for index in corpus:
        part = corpus.part(index)
        if part in EACH and corpus.records[index]["phones"]:
            seen[part] += 1
            if seen[part] % EACH[part] == 0:
                chosen.append(index)
    ledger = Ledger(cache / f"{name}.heard")
    for number in ledger.missing(len(chosen), f"{name}, heard"):
        ledger.add(hear(recogniser, corpus.pcm(chosen[number])))
    heard = dict(zip(chosen, ledger.records, strict=True))
    records = [{**record, "phones": heard.get(index, []), "phones_source": "heard"} for index, record in enumerate(corpus.records)]
    write_records(path, records)
    ledger.remove()


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = step_options(__doc__)
    parser.add_argument("names", nargs="*", default=["valid", "train"])
    arguments = begin(parser, argv)
    torch.set_num_threads(1)
    recogniser = Models.load().recogniser
    for name in arguments.names:
        hear_all(name, arguments.work / "corpus", recogniser)


if __name__ == "__main__":
    run_step(main)
