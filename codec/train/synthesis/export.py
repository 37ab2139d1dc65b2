"""Writes synthesiser and vocoder with their cards from the checkpoints: `python -m codec.train.synthesis.export`."""

from collections.abc import Sequence
from pathlib import Path

from codec.speak.synthesiser import Synthesiser
from codec.speak.vocoder import Vocoder
from codec.train.card import data_card, figures_of, trained_on, write_card
from codec.train.corpus.packed import Corpus
from codec.train.run import load_checkpoint
from codec.train.step import begin, run_step, step_options
from codec.train.synthesis.token_data import PART_WEIGHT
from codec.train.synthesis.vocoder import PART_WEIGHT as VOCODER_PART_WEIGHT
from codec.units.weights import save_weights

KINDS = (
    ("synthesiser", Synthesiser, PART_WEIGHT, True, "phone tokens and voice -> log-mel frames and voicing"),
    ("vocoder", Vocoder, VOCODER_PART_WEIGHT, False, "log-mel frames and F0 -> PCM, 16 kHz"),
)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = step_options(__doc__)
    parser.add_argument("names", nargs="*", default=[kind[0] for kind in KINDS], help="networks to export")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--figures", type=Path, help="JSON with measured figures for the cards, by name of the network")
    arguments = begin(parser, argv)
    corpus = Corpus("train", arguments.work / "corpus")
    arguments.models.mkdir(parents=True, exist_ok=True)
    for name, kind, weights, aligned, purpose in KINDS:
        if name not in arguments.names:
            continue
        saved = load_checkpoint(arguments.work / f"{name}.checkpoint")
        network = kind.from_weights(saved[name])
        path = arguments.models / f"{name}.safetensors"
        save_weights(path, network.state_dict(), {"step": str(saved["step"])}, quantise=False)
        card = {
            "name": name,
            "purpose": purpose,
            "origin": f"trained by this project from nothing: python -m codec.train.synthesis.{name}",
            "licence": "GPL-2.0-or-later",
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            "format": "safetensors, fp16",
            "steps": saved["step"],
            "runs": trained_on(saved, data_card(corpus, weights, aligned)),
            "figures": figures_of(arguments.figures, name),
        }
        write_card(path, card)
        print(f"step {saved['step']} -> {path}, {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    run_step(main)
