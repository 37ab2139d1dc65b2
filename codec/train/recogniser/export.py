"""Writes models/recogniser.safetensors and its card from the checkpoint: network, priors and phone trigram.

    python -m codec.train.recogniser.export

--average takes the mean with the checkpoint of an earlier time (arXiv 2109.01903): what training went on to learn of its own speakers
costs less with others that way.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from codec.recognise.network import RecogniserConfig, RecogniserNetwork
from codec.train.card import data_card, figures_of, trained_on, write_card
from codec.train.corpus.packed import Corpus
from codec.train.recogniser.data import WEIGHTS
from codec.train.recogniser.phone_language_model import load_trigram
from codec.train.run import load_checkpoint
from codec.train.step import begin, run_step, step_options
from codec.units.phones import PHONES, phone_index
from codec.units.weights import save_weights


def phone_times(corpus: Corpus) -> NDArray[np.float64]:
    """Share of the aligned time that each phone takes, (phones,)."""
    time = np.ones(len(PHONES))
    for row in corpus.records:
        for label, start, end in row["phones"] or []:
            time[phone_index(label)] += end - start
    return np.asarray(time / time.sum())


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = step_options(__doc__)
    parser.add_argument("--figures", type=Path, help="JSON with measured figures for the cards, by name of the network")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--average", type=Path, help="a copy of an earlier checkpoint: the mean of both is written")
    arguments = begin(parser, argv)
    state = load_checkpoint(arguments.work / "recogniser.checkpoint")
    network = {key: value for key, value in state["network"].items() if key != "positions"}
    if arguments.average:
        earlier = load_checkpoint(arguments.average)
        network = {key: torch.lerp(earlier["network"][key], value, 0.5) for key, value in network.items()}
    layers = {name.split(".")[1] for name in network if name.startswith("blocks.")}
    config = RecogniserConfig(width=network["norm.weight"].numel(), layers=len(layers))
    empty = RecogniserNetwork(config)
    empty.load_state_dict(network)
    corpus = Corpus("train", arguments.work / "corpus")
    tensors = dict(network)
    tensors["search.log_prior"] = torch.from_numpy(np.log(phone_times(corpus)))
    tensors["search.trigram"] = torch.from_numpy(load_trigram(arguments.work))
    arguments.models.mkdir(parents=True, exist_ok=True)
    path = arguments.models / "recogniser.safetensors"
    save_weights(path, tensors, empty.metadata(), quantise=True)
    card = {
        "name": "recogniser",
        "purpose": "16 kHz sound -> phone posteriors every 20 ms, streaming; with priors and phone trigram for the search",
        "origin": "encoder of Whisper base (OpenAI, MIT licence) made streaming: it learned to give in chunks of 160 ms, 240 ms ahead, "
        "what the whole encoder gives for the whole sound; phone head trained on alignments: python -m codec.train.recogniser.train",
        "licence": "GPL-2.0-or-later; the weights it started from: MIT",
        "parameters": sum(value.numel() for value in network.values()),
        "format": "safetensors, matrices int8 by rows, the rest fp16",
        "steps": state["step"],
        **({"average": f"of the weights of steps {earlier['step']} and {state['step']}"} if arguments.average else {}),
        "runs": trained_on(state, data_card(corpus, WEIGHTS, aligned=False)),
        "language": "phone trigram of text drawn from the word bigrams of pocketsphinx's en-us model (BSD), and of the training list",
        "augmentation": "speed .85-1.15, vocal tract .87-1.15 and other codecs (since step 4444), reverberation, ESC-10 noise "
        "(CC BY 3.0), coloured noise, band limits, level, SpecAugment",
        "figures": figures_of(arguments.figures, "recogniser"),
    }
    write_card(path, card)
    print(f"step {state['step']} -> {path}")


if __name__ == "__main__":
    run_step(main)
