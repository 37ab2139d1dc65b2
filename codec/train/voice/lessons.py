"""What the training in calls would be given of every real speaker: `python -m codec.train.voice.lessons train`.

Each speaker's utterances are one call, through the shipped encoder: tokens and details as they are sent, and the sound that belongs to them
(`codec.learning.far_end.Stretch`), the voice as a listener knows it in the end, and the speaker's own embedding. Kept in
`<work>/lessons/<list>.pickles`, one pickle a speaker, and `<list>.jsonl`.
"""

import json
import pickle
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from codec.encoder import Encoder
from codec.learning.far_end import Stretch, stretches_of
from codec.models import Models
from codec.train.corpus.packed import Corpus, write_records
from codec.train.ledger import Ledger
from codec.train.step import begin, run_step, step_options
from codec.units.errors import ModelError
from codec.voice.embedding import Voice
from codec.wire.settings import EncoderSettings

FOLDER = "lessons"
MOST_S = {"librispeech": 60.0, "l2": 30.0, "commands": 75.0}
"""Of a speaker, about, in each part that is real speech: more of the same says little about speakers, and the synthesiser knows synthetic
voices best."""
PAUSE = 8000
STEP = 3200


class Talker(NamedTuple):
    """One speaker. told: as a listener knows the voice in the end; embedding (256,): the speaker's own."""

    name: str
    told: Voice
    embedding: NDArray[np.float32]
    stretches: list[Stretch]


def talker_of(models: Models, name: str, sounds: Sequence[NDArray[np.int16]]) -> Talker | None:
    """One call, faster than real time; None where too little is said for a voice."""
    encoder = Encoder(models, EncoderSettings())
    encoder.examples = deque()
    with torch.inference_mode():
        for sound in sounds:
            for at in range(0, len(sound), STEP):
                encoder.encode(sound[at : at + STEP])
            encoder.encode(np.zeros(PAUSE, np.int16))
    best, stretches = encoder.voice.estimate, stretches_of(list(encoder.examples))
    return Talker(name, encoder.voice.described[0], best[0].embedding, stretches) if best is not None and stretches else None


def utterances_of(corpus: Corpus) -> dict[str, list[int]]:
    """The utterances of every real speaker, about so many seconds of them as MOST_S says."""
    found: dict[str, list[int]] = {}
    seconds: dict[str, float] = {}
    for index in corpus:
        part, name = corpus.part(index), str(corpus.records[index]["speaker"])
        if part in MOST_S and seconds.get(name, 0.0) < MOST_S[part]:
            found.setdefault(name, []).append(index)
            seconds[name] = seconds.get(name, 0.0) + float(corpus.records[index]["seconds"])
    return found


def gather(name: str, work: Path, models: Models) -> None:
    """Every real speaker of a packed list; nothing if it is there."""
    path = work / FOLDER / f"{name}.jsonl"
    if path.exists():
        return
    corpus, ledger = Corpus(name, work / "corpus"), Ledger(work / FOLDER / name)
    speakers = utterances_of(corpus)
    names = [str(each) for each in np.random.default_rng(1).permutation(sorted(speakers))]
    for place in ledger.missing(len(names), f"{name}, speakers"):
        found = talker_of(models, names[place], [corpus.pcm(index) for index in speakers[names[place]]])
        blob = b"" if found is None else pickle.dumps(tuple(found))  # the class would be __main__'s
        frames = 0 if found is None else sum(each.frames for each in found.stretches)
        ledger.add({"speaker": names[place], "bytes": len(blob), "seconds": frames / 100}, blob)
    ledger.close().rename(path.with_suffix(".pickles"))
    write_records(path, ledger.records)
    ledger.remove()


def talkers(name: str, work: Path) -> Iterator[Talker]:
    """What `gather` kept. Raises ModelError."""
    path = work / FOLDER / f"{name}.jsonl"
    if not path.exists():
        raise ModelError(f"{path} is missing; run `python -m codec.train.voice.lessons {name}` first")
    with path.with_suffix(".pickles").open("rb") as blobs:
        for line in path.read_text().splitlines():
            size = json.loads(line)["bytes"]
            if size:
                yield Talker(*pickle.loads(blobs.read(size)))


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = step_options(__doc__)
    parser.add_argument("names", nargs="*", default=["train"])
    arguments = begin(parser, argv)
    torch.set_num_threads(1)
    models = Models.load()
    for name in arguments.names:
        gather(name, arguments.work, models)


if __name__ == "__main__":
    run_step(main)
