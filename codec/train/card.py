"""Cards: what stands beside each file of weights about where it came from."""

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from codec.train.corpus.packed import Corpus

LICENCES = {
    "l2": "speechocean762: free for any use",
    "librispeech": "LibriSpeech train-clean-100: CC BY 4.0",
    "commands": "coffee orders: Apache-2.0",
    "synthetic": "spoken by Kokoro-82M: Apache-2.0",
    "librispeech_more": "LibriSpeech train-clean-100: CC BY 4.0",
    "vctk": "VCTK: CC BY 4.0",
    "arctic": "CMU ARCTIC: free, BSD-like",
    "alphanumeric": "spelled names and numbers: MIT",
    "commands35": "Google Speech Commands: CC BY 4.0",
    "wakewords": "wake words: Apache-2.0",
}


def data_card(corpus: Corpus, weights: Mapping[str, float], aligned: bool, speakers: Collection[str] | None = None) -> list[dict[str, Any]]:
    """What of a list a network is trained on: utterances, speakers, hours, share in the drawing, licence of each part.

    speakers: these alone. ids_sha256 stands for the utterances: SHA-256 over their ids, sorted, one a line. Parts that are not in the
    list are left out.
    """
    rows = []
    for part, weight in weights.items():
        records = [corpus.records[i] for i in corpus if corpus.part(i) == part and (corpus.records[i]["phones"] or not aligned)]
        records = [record for record in records if speakers is None or str(record["speaker"]) in speakers]
        if not records:
            continue
        ids = "\n".join(sorted(str(record["id"]) for record in records))
        rows.append(
            {
                "list": corpus.name,
                "part": f"{corpus.name}/{part}",
                "labels": corpus.labels or "as in the list",
                "utterances": len(records),
                "speakers": len({record["speaker"] for record in records}),
                "hours": round(sum(record["seconds"] for record in records) / 3600, 2),
                "weight_per_second": weight,
                "ids_sha256": hashlib.sha256(ids.encode()).hexdigest(),
                "licence": LICENCES[part],
            }
        )
    return rows


def trained_on(checkpoint: Mapping[str, Any], data: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Seeds and data of the runs that made a checkpoint; one from before they were kept was made with seed 1 and `data`."""
    runs: list[dict[str, Any]] = checkpoint.get("runs") or [{"first_step": 0, "seed": 1, "data": data}]
    return runs


def write_card(path: Path, card: Mapping[str, Any]) -> None:
    """`path` is that of the weights; the card has the same name and the suffix .json."""
    path.with_suffix(".json").write_text(json.dumps(card, indent=2) + "\n")


def figures_of(path: Path | None, name: str) -> dict[str, Any]:
    """The measured figures of one network in a JSON file {network: figures}; {} without a file."""
    figures: dict[str, Any] = json.loads(path.read_text()).get(name, {}) if path else {}
    return figures
