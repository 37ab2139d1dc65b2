"""Writes models/recogniser.safetensors and its card from the checkpoint: network, priors and phone trigram.

python -m codec.train.export_recogniser
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from codec.phones import PHONES, phone_index
from codec.recogniser_network import RecogniserConfig, RecogniserNetwork
from codec.train.corpus import Corpus
from codec.train.export_synthesis import data_card
from codec.train.recogniser_data import WEIGHTS
from codec.weights_file import save_weights


def phone_times(corpus: Corpus) -> NDArray[np.float64]:
    """Share of the aligned time that each phone takes, (phones,)."""
    time = np.ones(len(PHONES))
    for row in corpus.records:
        for label, start, end in row["phones"] or []:
            time[phone_index(label)] += end - start
    return np.asarray(time / time.sum())


def main() -> None:
    """Command line of the step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("work"))
    parser.add_argument("--figures", type=Path, help="JSON with measured figures for the cards, by name of the network")
    parser.add_argument("--models", type=Path, default=Path("models"))
    args = parser.parse_args()
    state = torch.load(args.work / "recogniser.checkpoint", map_location="cpu")
    network = {key: value for key, value in state["network"].items() if key != "positions"}
    layers = {name.split(".")[1] for name in network if name.startswith("blocks.")}
    config = RecogniserConfig(width=network["norm.weight"].numel(), layers=len(layers))
    empty = RecogniserNetwork(config)
    empty.load_state_dict(network)
    corpus = Corpus("train", args.work / "corpus")
    tensors = dict(network)
    tensors["search.log_prior"] = torch.from_numpy(np.log(phone_times(corpus)))
    tensors["search.trigram"] = torch.from_numpy(np.load(args.work / "phone_trigram.npy"))
    args.models.mkdir(exist_ok=True)
    save_weights(args.models / "recogniser.safetensors", tensors, empty.metadata(), quantise=True)
    card = {
        "name": "recogniser",
        "purpose": "16 kHz sound -> phone posteriors every 20 ms, streaming; with priors and phone trigram for the search",
        "origin": "encoder of Whisper base (OpenAI, MIT licence) made streaming and fine-tuned: python -m codec.train.recogniser",
        "licence": "GPL-2.0-or-later; the weights it started from: MIT",
        "parameters": sum(value.numel() for value in network.values()),
        "format": "safetensors, matrices int8 by rows, the rest fp16",
        "steps": state["step"],
        "seed": 1,
        "data": data_card(corpus, {part: float(weight) for part, weight in WEIGHTS.items()}, aligned=False),
        "language": "phone trigram of text drawn from the word bigrams of pocketsphinx's en-us model (BSD), and of the training list",
        "augmentation": "speed .85-1.15, reverberation, ESC-10 noise (CC BY 3.0), coloured noise, band limits, level, SpecAugment",
        "figures": json.loads(args.figures.read_text()).get("recogniser", {}) if args.figures else {},
    }
    (args.models / "recogniser.json").write_text(json.dumps(card, indent=2) + "\n")
    print(f"step {state['step']} -> {args.models / 'recogniser.safetensors'}")


if __name__ == "__main__":
    main()
