"""Writes the detail layer, what tells how likely its codes are, and its card: `python -m codec.train.detail.export`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save

from codec.detail.code_search import CodeSearch
from codec.detail.layer import CODES, DetailLayer
from codec.train.card import data_card, figures_of, trained_on, write_card
from codec.train.corpus.packed import Corpus
from codec.train.detail.contexts import EPOCHS, Spoken, listen, train_contexts
from codec.train.detail.train import SETS, Detail
from codec.train.run import load_checkpoint
from codec.train.step import begin, run_step, step_options
from codec.train.synthesis.synthesiser import open_data
from codec.train.synthesis.token_data import PART_WEIGHT
from codec.units.limits import DETAIL_STAGES
from codec.units.phones import PHONES
from codec.units.weights import ordered_header
from codec.wire.detail_contexts import DetailContexts
from codec.wire.range_coder import TOTAL_BITS
from codec.wire.token import SegmentCodes

UTTERANCES, UTTERANCES_VALID = 4800, 600
SHOWN = (2, 3, 4, 6, 8)
"""Numbers of codes whose cost the card tells."""


def bits_per_code(contexts: DetailContexts, spoken: Spoken, books: NDArray[np.float32], stages: int) -> list[float]:
    """What the codes cost on average that a sender of so many chooses, by stage."""
    search, at, bits = CodeSearch(books, contexts), 0, np.zeros(stages)
    for group in spoken.places:
        previous: SegmentCodes = ()
        for place, codes in zip(group, search.codes(spoken.latents[at : at + len(group)], group, stages), strict=True):
            for stage, code in enumerate(codes):
                bits[stage] += TOTAL_BITS - np.log2(contexts.table(place, previous, codes[:stage]).frequency(code))
            previous = codes
        at += len(group)
    return [round(float(each), 2) for each in bits / at]


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = step_options(__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--figures", type=Path, help="JSON with measured figures for the cards, by name of the network")
    parser.add_argument("--average", type=Path, help="a copy of an earlier checkpoint: the mean of both is written")
    arguments = begin(parser, argv)
    saved = load_checkpoint(arguments.work / "detail.checkpoint")
    weights = saved["detail"]
    if arguments.average:
        earlier = load_checkpoint(arguments.average)
        weights = {key: torch.lerp(earlier["detail"][key], value, 0.5) for key, value in weights.items()}
    detail = Detail()
    detail.load_state_dict(weights)
    detail.eval()
    train, valid = Corpus("train", arguments.work / "corpus"), open_data("valid", 0, arguments.work, SETS[1])
    each = [listen(detail, open_data("train", 0, arguments.work, labels), 8 if arguments.smoke else UTTERANCES) for labels in SETS]
    spoken = Spoken(np.concatenate([one.latents for one in each]), [group for one in each for group in one.places])
    # As they are stored, since both ends round what is stored.
    books = detail.codebooks.books.half().float()
    network = train_contexts(spoken, books, 0.1 if arguments.smoke else EPOCHS)
    layer = DetailLayer()
    layer.load_state_dict({name: value for name, value in detail.state_dict().items() if name in layer.state_dict()})
    tensors = {name: value.half() for name, value in layer.state_dict().items()}
    for name, array in network.rounded().items():
        tensors[name] = torch.from_numpy(array.astype(np.int16) if abs(array).max() < 2**15 else array)
    path = arguments.models / "detail.safetensors"
    path.write_bytes(ordered_header(save(tensors, {"step": str(saved["step"])})))
    heard = listen(detail, valid, UTTERANCES_VALID)
    bits = {codes: bits_per_code(network.exact(), heard, books.numpy(), codes) for codes in SHOWN[: 1 if arguments.smoke else None]}
    card = {
        "name": "detail",
        "purpose": f"how each phone was spoken: {DETAIL_STAGES} codes of {CODES} for every 40 ms, "
        "and the decoder that corrects the synthesiser's frames, with or without them",
        "origin": "trained by this project from nothing: python -m codec.train.detail.train; judged inside Whisper base's encoder (MIT) "
        "and by resemblyzer's GE2E (Apache-2.0), which are not part of the file",
        "licence": "GPL-2.0-or-later",
        "parameters": sum(parameter.numel() for parameter in layer.parameters()),
        "format": "safetensors, fp16; contexts.* int16 or int32",
        "steps": saved["step"],
        **({"average": f"of the weights of steps {earlier['step']} and {saved['step']}"} if arguments.average else {}),
        "runs": trained_on(saved, data_card(train, PART_WEIGHT, True)),
        "bits_of_each_code_valid": {str(codes): each for codes, each in bits.items()},
        "phones": len(PHONES),
        "figures": figures_of(arguments.figures, "detail"),
    }
    write_card(path, card)
    sums = {codes: round(sum(each), 2) for codes, each in bits.items()}
    print(f"step {saved['step']} -> {path}, {path.stat().st_size / 1e6:.1f} MB; bits of a segment on valid: {sums}")


if __name__ == "__main__":
    run_step(main)
