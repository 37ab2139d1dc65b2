"""Writes models/word_adapters.safetensors and its card from the checkpoint.

python -m codec.train.recogniser.export_word_adapters
"""

from collections.abc import Sequence
from pathlib import Path

from codec.recognise.moonshine import adapters
from codec.train.card import figures_of, trained_on, write_card
from codec.train.run import load_checkpoint
from codec.train.step import begin, run_step, step_options
from codec.units.weights import save_weights


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = step_options(__doc__)
    parser.add_argument("--figures", type=Path, help="JSON with measured figures for the cards, by name of the network")
    parser.add_argument("--models", type=Path, default=Path("models"))
    arguments = begin(parser, argv)
    state = load_checkpoint(arguments.work / f"{adapters.NAME}.checkpoint")
    tensors = state[adapters.NAME]
    arguments.models.mkdir(parents=True, exist_ok=True)
    path = arguments.models / f"{adapters.NAME}.safetensors"
    save_weights(path, tensors, {"step": str(state["step"])}, quantise=False)
    card = {
        "name": adapters.NAME,
        "purpose": "low-rank changes of Moonshine base-en, the word recogniser of the second pass, for windows that end in mid-sentence",
        "origin": "trained from nothing beside the weights of Moonshine base-en (MIT licence, package moonshine-cpp), which teach it: "
        "what is heard in a whole utterance is to be heard in its beginning: python -m codec.train.recogniser.word_adapters",
        "licence": "GPL-2.0-or-later; the weights that they change: MIT",
        "parameters": sum(value.numel() for value in tensors.values()),
        "format": "safetensors, fp16",
        "steps": state["step"],
        "runs": trained_on(state, []),
        "augmentation": "speed .92-1.08, windows that begin and end anywhere; in six of ten reverberation, ESC-10 noise (CC BY 3.0), "
        "coloured noise, band limits, level, other codecs (since step 1774)",
        "figures": figures_of(arguments.figures, adapters.NAME),
    }
    write_card(path, card)
    print(f"step {state['step']} -> {path}")


if __name__ == "__main__":
    run_step(main)
