"""Writes the detail layer with its frequency tables and its card: `python -m codec.train.detail.export`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save

from codec.detail.layer import CODES, DetailLayer
from codec.train.card import data_card, figures_of, trained_on, write_card
from codec.train.corpus.packed import Corpus
from codec.train.detail.train import SETS, Detail, segments_of
from codec.train.entropy_tables import to_frequencies
from codec.train.run import load_checkpoint
from codec.train.step import begin, run_step, step_options
from codec.train.synthesis.synthesiser import open_data
from codec.train.synthesis.token_data import PART_WEIGHT, TokenData, collate
from codec.units.limits import DETAIL_STAGES
from codec.units.phones import PHONES
from codec.units.weights import ordered_header
from codec.wire.range_coder import TOTAL
from codec.wire.tables import DETAIL_SHAPES, TABLES, phone_class

UTTERANCES = 600
BACKOFF = 24.0
"""A phone believes its own counts as much as those of all phones once it was seen so often per code."""


@torch.no_grad()
def count_codes(detail: Detail, data: TokenData, limit: int) -> list[NDArray[np.float64]]:
    """How often each code is used in each context of `DETAIL_SHAPES`."""
    counts = [np.zeros(shape) for shape in DETAIL_SHAPES.values()]
    chosen = data.indices[:: max(1, len(data.indices) // limit)]
    for start in range(0, len(chosen), 12):
        batch, target = collate([data.example(i, damaged=False, wired=True) for i in chosen[start : start + 12]])
        segments = segments_of(batch, [int(n) for n in (target.weight > 0).sum(1)])
        codes = detail.codebooks.codes(detail.latents(target.mel, target.weight > 0.5, segments)).numpy()
        first = (segments.place[:, 0] * segments.place[:, 1] * 8 < 1).long().numpy()
        for phone, begins, (coarse, fine, *later) in zip(segments.phones.tolist(), first, codes, strict=True):
            counts[0][phone, begins, coarse] += 1
            counts[1][phone_class(phone), fine] += 1
            counts[2][np.arange(len(later)), later] += 1
    return counts


def tables(counts: list[NDArray[np.float64]]) -> dict[str, NDArray[np.int64]]:
    """Counts -> frequencies, backing off from a context to the wider one."""
    first, second, later = counts
    overall = first.sum((0, 1)) + 1
    overall /= overall.sum()
    phone = first.sum(1) + BACKOFF * overall
    phone /= phone.sum(-1, keepdims=True)
    smooth = (first + BACKOFF * phone[:, None], second + 64 * (second.sum(0) + 1) / (second.sum() + CODES), later + BACKOFF)
    return {name: to_frequencies(table) for name, table in zip(DETAIL_SHAPES, smooth, strict=True)}


def bits_per_code(frequencies: dict[str, NDArray[np.int64]], counts: list[NDArray[np.float64]]) -> list[float]:
    """Mean cost of a code of each stage."""
    costs = [-(seen * np.log2(table / TOTAL)) for table, seen in zip(frequencies.values(), counts, strict=True)]
    stages = [(costs[0], counts[0]), (costs[1], counts[1]), *zip(costs[2], counts[2], strict=True)]
    return [float(cost.sum() / max(1, seen.sum())) for cost, seen in stages]


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = step_options(__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--figures", type=Path, help="JSON with measured figures for the cards, by name of the network")
    arguments = begin(parser, argv)
    saved = load_checkpoint(arguments.work / "detail.checkpoint")
    detail = Detail()
    detail.load_state_dict(saved["detail"])
    detail.eval()
    made = tables(count_codes(detail, open_data("train", 0, arguments.work, SETS[1]), UTTERANCES))
    valid = count_codes(detail, open_data("valid", 0, arguments.work, SETS[1]), UTTERANCES)
    layer = DetailLayer()
    layer.load_state_dict({name: value for name, value in detail.state_dict().items() if name in layer.state_dict()})
    tensors = {name: value.half() for name, value in layer.state_dict().items()}
    tensors |= {TABLES + name: torch.from_numpy(table.astype(np.int32)) for name, table in made.items()}
    path = arguments.models / "detail.safetensors"
    path.write_bytes(ordered_header(save(tensors, {"step": str(saved["step"])})))
    bits = bits_per_code(made, valid)
    card = {
        "name": "detail",
        "purpose": f"how each phone was spoken: {DETAIL_STAGES} codes of {CODES} for every 40 ms, "
        "and the decoder that corrects the synthesiser's frames, with or without them",
        "origin": "trained by this project from nothing: python -m codec.train.detail.train; judged inside Whisper base's encoder (MIT) "
        "and by resemblyzer's GE2E (Apache-2.0), which are not part of the file",
        "licence": "GPL-2.0-or-later",
        "parameters": sum(parameter.numel() for parameter in layer.parameters()),
        "format": "safetensors, fp16; tables int32",
        "steps": saved["step"],
        "runs": trained_on(saved, data_card(Corpus("train", arguments.work / "corpus"), PART_WEIGHT, True)),
        "bits_per_code_valid": [round(one, 2) for one in bits],
        "phones": len(PHONES),
        "figures": figures_of(arguments.figures, "detail"),
    }
    write_card(path, card)
    print(f"step {saved['step']} -> {path}, {path.stat().st_size / 1e6:.1f} MB; bits per code on valid: {bits}")


if __name__ == "__main__":
    run_step(main)
