"""Train the prosody of typed text on aligned speech: `python -m codec.train.text.melody --minutes 12`.

Duration, F0 and level of each phone, with absolute error: the median is what is spoken. How far above or below the usual length an
utterance's phones are is told to the network, so that slow and fast speakers do not blur each other. `valid` is held out.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from codec.text.melody import FEATURES, STYLES, TextProsody
from codec.train.card import data_card, write_card
from codec.train.corpus.packed import Corpus
from codec.train.run import Run, device, options, set_rate
from codec.train.step import begin, run_step
from codec.train.text.melody_data import Example, corpus_examples
from codec.units.phones import PHONES, SILENCE, VOWELS
from codec.units.weights import save_weights

BATCH = 24
POOL = 8
PART_WEIGHT = {"l2": 0.4, "librispeech": 4.0, "commands": 1.0, "synthetic": 1.0}
"""Chance of an utterance, per phone; the native readers count most."""

WEIGHTS = torch.tensor([1.0, 0.5, 0.5, 0.3])
"""Of duration, two F0 and level in the loss, each in units of its own spread."""

RATE_NOISE = 0.03


class Batch(NamedTuple):
    """As `TextProsody.forward` takes them; target (batch, N, 4), known (batch, N, 4) 1 where there is one."""

    phones: Tensor
    stress: Tensor
    features: Tensor
    style: Tensor
    rate: Tensor
    target: Tensor
    known: Tensor


def usual_lengths(examples: list[Example]) -> NDArray[np.float64]:
    """Mean log frames of each phone: (phones,)."""
    phones = np.concatenate([each.phones for each in examples])
    lengths = np.concatenate([each.target[:, 0] for each in examples]).astype(np.float64)
    counts = np.bincount(phones, minlength=len(PHONES))
    return np.asarray(np.bincount(phones, lengths, len(PHONES)) / np.maximum(counts, 1))


def rate_of(example: Example, usual: NDArray[np.float64]) -> float:
    """How much slower than usual an utterance is spoken, in log units; pauses aside."""
    spoken = example.phones != SILENCE
    return float(np.mean(example.target[spoken, 0] - usual[example.phones[spoken]]))


def collate(examples: list[Example], usual: NDArray[np.float64], rng: np.random.Generator | None = None) -> Batch:
    """Pad to the longest."""
    size, most = len(examples), max(len(each.phones) for each in examples)
    phones, stress = np.zeros((size, most), np.int64), np.full((size, most), -1, np.int64)
    features, target = np.zeros((size, most, FEATURES), np.float32), np.full((size, most, 4), np.nan, np.float32)
    for row, each in enumerate(examples):
        n = len(each.phones)
        phones[row, :n], stress[row, :n], features[row, :n], target[row, :n] = each.phones, each.stress, each.features, each.target
    rates = np.array([rate_of(each, usual) for each in examples], np.float32)
    if rng is not None:
        rates += rng.normal(0, RATE_NOISE, size).astype(np.float32)
    known = ~np.isnan(target)
    arrays = (
        phones,
        stress,
        features,
        np.array([each.style for each in examples]),
        rates,
        np.where(known, target, 0),
        known.astype(np.float32),
    )
    return Batch(*(torch.from_numpy(array).to(device()) for array in arrays))


def batches(examples: list[Example], rng: np.random.Generator) -> Iterator[list[Example]]:
    """Random utterances without end, those of like length together."""
    chance = np.array([PART_WEIGHT[STYLES[each.style]] * len(each.phones) for each in examples])
    while True:
        pool = rng.choice(len(examples), POOL * BATCH, p=chance / chance.sum())
        drawn = sorted((int(place) for place in pool), key=lambda place: len(examples[place].phones))
        for batch in rng.permutation(POOL):
            yield [examples[place] for place in drawn[batch * BATCH : (batch + 1) * BATCH]]


def loss_of(network: TextProsody, batch: Batch) -> Tensor:
    """Absolute error of the four, each in its own unit of spread."""
    out = network(batch.phones, batch.stress, batch.features, batch.style, batch.rate)
    error = ((out - batch.target) / network.scale).abs() * batch.known
    each = error.sum((0, 1)) / batch.known.sum((0, 1)).clamp_min(1)
    loss: Tensor = (each * WEIGHTS.to(each.device)).sum()
    return loss


@torch.inference_mode()
def figures(network: TextProsody, examples: list[Example], usual: NDArray[np.float64]) -> dict[str, float]:
    """Against held-out speech, pauses aside: correlation and error of duration and F0, beside a flat voice that gives each phone its usual
    length (at the speaker's own rate) and no melody.
    """
    network.eval()
    rows = []
    for each in examples:
        batch = collate([each], usual)
        out = network(*batch[:5])[0].cpu().numpy()
        flat = usual[each.phones] + rate_of(each, usual)
        spoken = each.phones != SILENCE
        rows.append(np.column_stack((each.target, out, flat, np.isin(each.phones, list(VOWELS))))[spoken])
    table = np.concatenate(rows)
    voiced = ~np.isnan(table[:, 1]) & (table[:, 9] > 0)
    mean = [table[voiced, 1:3].mean(1), table[voiced, 5:7].mean(1)]
    loud = ~np.isnan(table[:, 3])
    return {
        "utterances": len(examples),
        "duration_correlation": _correlation(table[:, 0], table[:, 4]),
        "duration_correlation_flat": _correlation(table[:, 0], table[:, 8]),
        "duration_error_log": round(float(np.abs(table[:, 0] - table[:, 4]).mean()), 3),
        "duration_error_log_flat": round(float(np.abs(table[:, 0] - table[:, 8]).mean()), 3),
        "f0_correlation": _correlation(*mean),
        "f0_error_semitones": round(float(np.abs(mean[0] - mean[1]).mean()), 2),
        "f0_error_semitones_flat": round(float(np.abs(mean[0]).mean()), 2),
        "f0_spread_semitones": round(float(np.std(mean[1])), 2),
        "f0_spread_semitones_speech": round(float(np.std(mean[0])), 2),
        "level_correlation": _correlation(table[loud, 3], table[loud, 7]),
    }


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return round(float(np.corrcoef(a, b)[0, 1]), 3)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = options(__doc__ or "")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.set_defaults(minutes=12.0, rate=2e-3)
    arguments = begin(parser, argv)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    network = TextProsody().to(device())
    optimizer = torch.optim.AdamW(network.parameters(), lr=arguments.rate, weight_decay=1e-2)
    run = Run("text_prosody", arguments, {"text_prosody": network, "optimizer": optimizer})
    examples = corpus_examples("train", arguments.work)
    run.uses(data_card(Corpus("train", arguments.work / "corpus"), PART_WEIGHT, aligned=True))
    usual, rng = usual_lengths(examples), np.random.default_rng(arguments.seed + run.step)
    drawn = batches(examples, rng)
    for done in run.steps():
        set_rate(optimizer, arguments.rate, done, run.optimised)
        loss = loss_of(network.train(), collate(next(drawn), usual, rng))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        run.note(loss=loss.item())
    network.eval()
    facts: dict[str, Any] = {}
    for name in ("valid", "dev"):
        held_out = corpus_examples(name, arguments.work)
        for style in sorted({each.style for each in held_out}):
            facts[f"{name}/{STYLES[style]}"] = figures(network, [each for each in held_out if each.style == style], usual)
    print(json.dumps(facts, indent=2))
    write(network, run, arguments.models, facts)


def write(network: TextProsody, run: Run, models: Path, facts: dict[str, Any]) -> None:
    """Weights and card."""
    models.mkdir(parents=True, exist_ok=True)
    path = models / "text_prosody.safetensors"
    save_weights(path, network.state_dict(), {"step": str(run.step)}, quantise=False)
    card = {
        "name": "text_prosody",
        "purpose": "typed text: phones, stress, words and punctuation -> duration, F0 and level of each phone",
        "origin": "trained by this project from nothing: python -m codec.train.text.melody",
        "licence": "GPL-2.0-or-later",
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "format": "safetensors, fp16",
        "steps": run.step,
        "runs": run.runs,
        "figures": facts,
    }
    write_card(path, card)
    print(f"step {run.step} -> {path}, {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    run_step(main)
