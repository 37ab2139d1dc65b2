"""Aligns real speech again, with our own recogniser: `python -m codec.train.corpus.realign`.

It writes <list>.realigned.jsonl beside the packed list.
The labels that came with the corpus are PocketSphinx's, and a fifth of the utterances has none. Every utterance whose words fit the
posteriors of the trained network gets labels from it; exact labels of synthetic speech stay as they are. `Corpus(name, labels="realigned")`
reads the new set.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from codec.recognise.features import WINDOW
from codec.recognise.network import FRAME_SAMPLES, RecogniserNetwork
from codec.text.pronunciations import all_variants_of
from codec.train.corpus.alignment import Alignment, align
from codec.train.corpus.packed import Corpus, write_records
from codec.train.ledger import Ledger
from codec.train.recogniser.data import UNLABELLED, frame_labels
from codec.train.recogniser.train import mel_of
from codec.train.run import bfloat16, device
from codec.train.step import begin, run_step, step_options
from codec.units.phones import PHONES, phone_index
from codec.units.weights import load_weights
from codec.units.weights_files import weights_directory

FRAME_MS = 20
LONGEST_FRAMES = 1500
"""The network has positions for 30 s."""

WORST_SCORE = -2.0
"""An alignment with a lower score is not believed."""

CHECK_EVERY = 10
"""Every so many utterances the text of another one is tried too: how many wrong texts would be believed."""

Array = NDArray[np.float32]


class Aligner:
    """A trained network with its priors."""

    def __init__(self, weights: Path) -> None:
        """weights: an exported recogniser.safetensors. Raises ModelError."""
        tensors, metadata = load_weights(weights)
        self._log_prior = tensors["search.log_prior"].numpy()
        self._network = RecogniserNetwork.from_metadata(metadata)
        self._network.load_state_dict({name: tensor for name, tensor in tensors.items() if not name.startswith("search.")})
        self._network.to(device()).eval()

    @torch.inference_mode()
    def posteriors(self, pcm: NDArray[np.int16]) -> Array:
        """(samples,) int16 -> log posteriors (samples // 320, phones), as the streaming network gives them."""
        config = self._network.config
        tail = WINDOW + (config.look_ahead + config.chunk) * FRAME_SAMPLES
        padded = functional.pad(torch.from_numpy(pcm / np.float32(32768))[None], (WINDOW // 2, tail)).to(device())
        with bfloat16(device()):
            found = self._network(mel_of(padded, self._network)[:, : 2 * LONGEST_FRAMES])[0]
        return np.asarray(found[: len(pcm) // FRAME_SAMPLES].float().cpu().numpy())

    def align(self, posteriors: Array, text: str | None) -> Alignment | None:
        """None where the text is longer than the sound, has no words, or is not known."""
        words = all_variants_of(text or "")
        return align(posteriors, self._log_prior, words) if words else None


def labels_of(alignment: Alignment) -> list[tuple[str, int, int]]:
    """Segments of frames -> the `phones` of a data list, milliseconds."""
    return [(PHONES[one.phone], one.start * FRAME_MS, one.end * FRAME_MS) for one in alignment.segments]


def agreement(alignment: Alignment, labels: Sequence[Sequence[Any]]) -> tuple[int, int]:
    """Frames of 20 ms on which the alignment says the phone that `labels` say at their middle, and frames that have a label."""
    ours = np.concatenate([np.full(one.end - one.start, one.phone) for one in alignment.segments])
    theirs = frame_labels([(phone_index(label), start, end) for label, start, end in labels], len(ours), 1.0)
    known = theirs != UNLABELLED
    return int((ours[known] == theirs[known]).sum()), int(known.sum())


@dataclass(frozen=True, slots=True)
class Realigned:
    """What was found for one utterance: labels and score, None where nothing fits; the score that the text of another one has."""

    phones: list[tuple[str, int, int]] | None
    score: float | None
    wrong_score: float | None
    agreed: tuple[int, int]


def align_one(corpus: Corpus, index: int, aligner: Aligner) -> Realigned:
    """One utterance of a list, and every CHECK_EVERY times the text of its neighbour."""
    record = corpus.records[index]
    if not record["text"]:
        return Realigned(None, None, None, (0, 0))
    posteriors = aligner.posteriors(corpus.pcm(index))
    other = aligner.align(posteriors, corpus.records[index - 1]["text"]) if index % CHECK_EVERY == 0 else None
    wrong = other.score if other else None
    found = aligner.align(posteriors, record["text"])
    if found is None:
        return Realigned(None, None, wrong, (0, 0))
    agreed = agreement(found, record["phones"]) if record["phones"] else (0, 0)
    return Realigned(labels_of(found), found.score, wrong, agreed)


def realign(name: str, cache: Path, aligner: Aligner, limit: int | None = None) -> list[str]:
    """Writes `<cache>/<name>.realigned.jsonl`, of the first `limit` utterances -> what was found, in lines to be printed."""
    corpus = Corpus(name, cache)
    ledger = Ledger(cache / f"{name}.realigned")
    for index in ledger.missing(min(len(corpus), limit or len(corpus)), f"{name}, aligned again"):
        ledger.add(asdict(align_one(corpus, index, aligner)))
    found = [Realigned(**record) for record in ledger.records]
    new = [_relabelled(record, one) for record, one in zip(corpus.records, found, strict=False)]
    write_records(cache / f"{name}.realigned.jsonl", new)
    ledger.remove()
    return _told(name, corpus.records[: len(new)], new, found)


def _relabelled(record: dict[str, Any], found: Realigned) -> dict[str, Any]:
    believed = found.score is not None and found.score >= WORST_SCORE
    if not believed or record.get("phones_source") == "exact":
        return record
    return {**record, "phones": found.phones, "phones_source": "realigned"}


def _told(name: str, old: list[dict[str, Any]], new: list[dict[str, Any]], found: list[Realigned]) -> list[str]:
    before, after = (sum(bool(record["phones"]) for record in records) for records in (old, new))
    lines = [f"{name}: {before} of {len(old)} utterances had labels, {after} have them now"]
    for source in sorted({str(record["phones_source"]) for record in old if record["phones"]}):
        counts = [one.agreed for record, one in zip(old, found, strict=True) if record["phones"] and record["phones_source"] == source]
        agreed, total = (sum(column) for column in zip(*counts, strict=True))
        lines.append(f"{name}: {agreed / max(1, total):.1%} of {total} frames of 20 ms agree with the labels '{source}' that were there")
    right = [one.score for one in found if one.score is not None]
    wrong = [one.wrong_score for one in found if one.wrong_score is not None]
    passed = [f"{sum(score >= WORST_SCORE for score in scores)} of {len(scores)}" for scores in (right, wrong)]
    lines.append(f"{name}: believed are {passed[0]} right texts, {passed[1]} wrong ones (the text of the utterance before)")
    return lines


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = step_options(__doc__)
    parser.add_argument("names", nargs="*", default=["valid", "train"])
    parser.add_argument("--recogniser", type=Path, help="an exported recogniser.safetensors; by default the shipped one")
    parser.add_argument("--limit", type=int, help="only so many utterances")
    parser.add_argument("--threads", type=int, default=1)
    arguments = begin(parser, argv)
    torch.set_num_threads(arguments.threads)
    aligner = Aligner(arguments.recogniser or weights_directory() / "recogniser.safetensors")
    for name in arguments.names:
        print(*realign(name, arguments.work / "corpus", aligner, arguments.limit), sep="\n", flush=True)


if __name__ == "__main__":
    run_step(main)
