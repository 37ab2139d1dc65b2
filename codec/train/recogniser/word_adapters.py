"""Trains low-rank adapters (LoRA, arXiv 2106.09685) of Moonshine for windows that end in mid-sentence, as those of a call do.

    python -m codec.train.recogniser.word_adapters --minutes 120

It learns to hear in the beginning of an utterance, distorted and encoded as `SettledEncoder` does it, the words that were heard in the
whole of it and end there. Words of the last two seconds count twice: the second pass gives them out. Needs `word_teacher`; resumes from
work/word_adapters.checkpoint.
"""

import json
import random
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.recognise.moonshine import adapters
from codec.recognise.moonshine.network import (
    END,
    START,
    MoonshineDecoder,
    MoonshineEncoder,
    load_decoder,
    load_encoder,
    model_folder,
    rotations,
)
from codec.recognise.spelling import Spelling
from codec.text.pronunciations import phone_errors, variants_of
from codec.train.card import data_card
from codec.train.corpus.packed import DATA, Corpus
from codec.train.recogniser import augment
from codec.train.recogniser.data import load_noises
from codec.train.recogniser.word_teacher import EACH
from codec.train.run import Run, bfloat16, device, options, set_rate
from codec.train.step import begin, run_step
from codec.units.errors import AudioFileError
from codec.units.rates import CHUNK_SAMPLES, SAMPLE_RATE

RANK = 16
BATCH = 8
PIECES_AT_ONCE = 160
"""What a batch's loss is divided by: so many word pieces it has."""
SETTLED = (0, 60, 66, 72)
"""Frames that a frame sees of what comes after it; 0: all."""
LEAST_S, USUAL_S, LONGEST_S = 0.9, 6.0, 9.0
WHOLE, SHORTENED, DISTORTED = 0.12, 0.2, 0.6
"""Shares of windows that end with the utterance, that begin later though they need not, and whose sound is distorted."""
LATE_S = 2.0
MOST_WRONG = 0.1
"""Where the text is known, utterances with a larger share of words that were heard wrong teach nothing,"""
LEAST_EVIDENCE = -2.5
"""and where it is not, those with a word that the sound does not confirm."""
HELD, OF = 7, 40
"""Utterances whose number has this rest are not learnt from. Others by the same speakers are, and of `arctic` the same sentences by others:
a lower loss on them does not promise fewer wrong words with strangers (models/README.md)."""


class Adapters(nn.Module):
    """Matrices a and b of each layer, by its name in `adapters.layers`; while they exist the networks give what they will once merged."""

    def __init__(self, rank: int = RANK, **parts: nn.Module) -> None:
        super().__init__()
        for part, network in parts.items():
            for name, layer in adapters.layers(part, network):
                a = nn.Parameter(torch.randn(rank, layer.in_features) / layer.in_features**0.5)
                b = nn.Parameter(torch.zeros(layer.out_features, rank))
                self.add_module(name, nn.ParameterDict({"a": a, "b": b}))
                layer.register_forward_hook(_added(a, b))


def _added(a: nn.Parameter, b: nn.Parameter) -> Any:
    def hook(_layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return output + functional.linear(functional.linear(inputs[0], a), b)

    return hook


@dataclass
class Taught:
    """words: (pieces, first sample, end)."""

    corpus: Corpus
    index: int
    words: list[tuple[tuple[int, ...], int, int]]


@dataclass
class Window:
    """pcm (samples,) in [-1, 1]; pieces from START to END; weights of all but the first."""

    pcm: Tensor
    pieces: Tensor
    weights: Tensor


def load(work: Path) -> list[Taught]:
    """What the teacher heard well. Raises AudioFileError where it did not listen yet."""
    path, spelling = work / "word_teacher.jsonl", Spelling()
    if not path.exists():
        raise AudioFileError(f"{path} is missing; run `python -m codec.train.recogniser.word_teacher` first")
    corpora: dict[str, Corpus] = {}
    found = []
    for record in map(json.loads, path.read_text().splitlines()):
        name, words = record["list"], record["words"]
        if words and _is_sure(record["text"], words, spelling):
            corpus = corpora.get(name) or corpora.setdefault(name, Corpus(name, work / "corpus"))
            ticks = [(tuple(pieces), start * CHUNK_SAMPLES, end * CHUNK_SAMPLES) for _, pieces, start, end, _ in words]
            found.append(Taught(corpus, record["index"], ticks))
    return found


def _is_sure(text: str | None, words: list[Any], spelling: Spelling) -> bool:
    variants = variants_of(text) if text else None
    if not variants:
        return bool(min(evidence for *_, evidence in words) >= LEAST_EVIDENCE)
    said = [phone for word, *_ in words for phone in (spelling(word) or ((),))[0]]
    wrong, many = phone_errors(said, variants)
    return bool(wrong <= MOST_WRONG * many)


def window(one: Taught, noises: list[augment.Sound], rng: random.Random) -> Window | None:
    """Part of an utterance that ends anywhere; None where there is too little of it."""
    factor = rng.uniform(0.92, 1.08)
    pcm = augment.speed(np.asarray(one.corpus.pcm(one.index) / np.float32(32768), np.float32), factor)
    words = [(pieces, start / factor, end / factor) for pieces, start, end in one.words]
    end = len(pcm)
    if rng.random() > WHOLE and end > 1.1 * SAMPLE_RATE:
        end = int(rng.uniform(SAMPLE_RATE, end))
    first = begin = 0
    if end > LONGEST_S * SAMPLE_RATE or rng.random() < SHORTENED:
        longest = rng.uniform(USUAL_S, LONGEST_S) if end > USUAL_S * SAMPLE_RATE else rng.uniform(1.5, USUAL_S)
        first = next((at for at, word in enumerate(words) if word[1] >= end - longest * SAMPLE_RATE), 0)
        begin = max(0, int(words[first][1]) - rng.choice((0, 0, 800, 4000))) if first else 0
    pcm = pcm[begin:end]
    if len(pcm) < LEAST_S * SAMPLE_RATE:
        return None
    if rng.random() < DISTORTED:
        pcm = augment.augment(pcm, noises, np.random.default_rng(rng.randrange(1 << 30)))
    heard = [word for word in words[first:] if word[2] <= end + 2 * CHUNK_SAMPLES]
    weights = [1.0 + (end - word[2] < LATE_S * SAMPLE_RATE) for word in heard for _ in word[0]]
    pieces = [START, *(piece for word in heard for piece in word[0]), END]
    return Window(torch.from_numpy(np.ascontiguousarray(pcm)), torch.tensor(pieces), torch.tensor([*weights, 2.0]))


def loss(encoder: MoonshineEncoder, decoder: MoonshineDecoder, one: Window, settled: int) -> Tensor:
    """Weighted cross-entropy of the pieces, summed. settled: of `SETTLED`."""
    where = device()
    with bfloat16(where):
        x = encoder.front(one.pcm[None].to(where))
        place = torch.arange(x.shape[1], device=where)
        seen = place[None] <= place[:, None] + settled if settled else None
        for block in encoder.blocks:
            x = block(x, rotations(place), seen)
        hidden, _ = decoder(one.pieces[None, :-1].to(where), decoder.listen(encoder.norm(x)))
        scores = decoder.score(hidden[0]).float()
    each = functional.cross_entropy(scores, one.pieces[1:].to(where), reduction="none")
    return (each * one.weights.to(where)).sum()


def windows(taught: list[Taught], noises: list[augment.Sound], seed: int) -> Iterator[Window]:
    """Without end."""
    rng = random.Random(seed)
    while True:
        if (one := window(rng.choice(taught), noises, rng)) is not None:
            yield one


@torch.no_grad()
def evaluate(encoder: MoonshineEncoder, decoder: MoonshineDecoder, held: list[Taught]) -> float:
    """Loss a piece over utterances that nothing is learnt from, undistorted, each once."""
    rng = random.Random(0)
    cut = [one for one in (window(one, [], rng) for one in held) if one is not None]
    return float(sum(loss(encoder, decoder, one, SETTLED[1]) for one in cut) / sum(one.weights.sum() for one in cut))


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = options(__doc__ or "")
    parser.set_defaults(rate=4e-4)
    parser.add_argument("--data", type=Path, default=DATA, help="folder that holds noise/")
    arguments = begin(parser, argv)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    encoder, decoder = load_encoder(model_folder()), load_decoder(model_folder())
    trained = Adapters(encoder=encoder, decoder=decoder)
    for network in (encoder, decoder):
        network.requires_grad_(False).to(device())
    trained.requires_grad_(True).to(device())
    optimizer = torch.optim.AdamW(trained.parameters(), arguments.rate, betas=(0.9, 0.98), weight_decay=0.01)
    run = Run(adapters.NAME, arguments, {adapters.NAME: trained, "optimizer": optimizer})

    taught = load(arguments.work)
    held = [one for one in taught if one.index % OF == HELD]
    taught = [one for one in taught if one.index % OF != HELD]
    run.uses(data(taught))
    noises = load_noises(arguments.data)
    print(f"{len(taught)} utterances; {len(held)} for validation", flush=True)
    stream = windows(taught, noises, arguments.seed + run.step)
    rng = random.Random(arguments.seed + run.step)
    for done in run.steps():
        set_rate(optimizer, arguments.rate, done, run.optimised)
        for one in islice(stream, BATCH):
            found = loss(encoder, decoder, one, rng.choice(SETTLED))
            (found / PIECES_AT_ONCE).backward()  # type: ignore[no-untyped-call]
            run.note(loss=float(found.detach() / one.weights.sum()))
        nn.utils.clip_grad_norm_(trained.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    if held:
        print(f"step {run.step}: loss {evaluate(encoder, decoder, held):.4f} on what it did not learn from", flush=True)


def data(taught: list[Taught]) -> list[dict[str, Any]]:
    """What is learnt from, for the card."""
    rows = []
    for name in sorted({one.corpus.name for one in taught}):
        own = [one for one in taught if one.corpus.name == name]
        some = copy(own[0].corpus)
        some.records = [one.corpus.records[one.index] for one in own]
        rows += data_card(some, dict.fromkeys(EACH, 1.0), aligned=False)
    return rows


if __name__ == "__main__":
    run_step(main)
