"""Writes synthesiser and vocoder with their cards from the checkpoints: `python -m codec.train.export_synthesis`."""

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from codec.synthesiser import Synthesiser
from codec.train.corpus import Corpus
from codec.train.token_data import PART_WEIGHT
from codec.train.vocoder import PART_WEIGHT as VOCODER_PART_WEIGHT
from codec.vocoder import Vocoder
from codec.weights_file import save_weights

LICENCES = {
    "l2": "speechocean762: free for any use",
    "librispeech": "LibriSpeech train-clean-100: CC BY 4.0",
    "commands": "coffee orders: Apache-2.0",
    "synthetic": "spoken by Kokoro-82M: Apache-2.0",
}


def data_card(corpus: Corpus, weights: dict[str, float], aligned: bool) -> list[dict[str, Any]]:
    """What a network was trained on: utterances, speakers, hours, share in the drawing, licence of each part."""
    rows = []
    for part, weight in weights.items():
        records = [corpus.records[i] for i in corpus if corpus.part(i) == part and (corpus.records[i]["phones"] or not aligned)]
        rows.append(
            {
                "part": f"train/{part}",
                "utterances": len(records),
                "speakers": len({record["speaker"] for record in records}),
                "hours": round(sum(record["seconds"] for record in records) / 3600, 2),
                "weight_per_second": weight,
                "licence": LICENCES[part],
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("work"))
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--figures", type=Path, help="JSON with measured figures for the cards, by name of the network")
    arguments = parser.parse_args()
    figures = json.loads(arguments.figures.read_text()) if arguments.figures else {}
    corpus = Corpus("train", arguments.work / "corpus")
    arguments.models.mkdir(exist_ok=True)
    kinds = (
        ("synthesiser", Synthesiser, PART_WEIGHT, True, "phone tokens and voice -> log-mel frames and voicing"),
        ("vocoder", Vocoder, VOCODER_PART_WEIGHT, False, "log-mel frames and F0 -> PCM, 16 kHz"),
    )
    for name, kind, weights, aligned, purpose in kinds:
        saved = torch.load(arguments.work / f"{name}.checkpoint", map_location="cpu")
        network = kind.from_weights(saved[name])
        path = arguments.models / f"{name}.safetensors"
        save_weights(path, network.state_dict(), {"step": str(saved["step"])}, quantise=False)
        card = {
            "name": name,
            "purpose": purpose,
            "origin": f"trained by this project from nothing: python -m codec.train.{name}",
            "licence": "GPL-2.0-or-later",
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            "format": "safetensors, fp16",
            "steps": saved["step"],
            "seed": 1,
            "data": data_card(corpus, weights, aligned),
            "figures": figures.get(name, {}),
        }
        (arguments.models / f"{name}.json").write_text(json.dumps(card, indent=2) + "\n")
        print(f"step {saved['step']} -> {path}, {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
