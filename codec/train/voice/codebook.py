"""Codebooks of the voice: `python -m codec.train.voice.codebook` writes `models/voice_code.safetensors` and its card.

First the GE2E windows of every utterance are cached (`work/embeddings`), then stage after stage is trained on what the stages
before it left over. How many directions a stage looks at is chosen on speakers kept out of the training of its codewords.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from codec.train.card import LICENCES, data_card, write_card
from codec.train.corpus.packed import Corpus
from codec.train.ledger import Ledger
from codec.train.step import begin, run_step, step_options
from codec.voice.code import VoiceCode
from codec.voice.embedding import EMBEDDING_SIZE, Voice, VoiceEncoder

FOLDER = "embeddings"
WIDTH = 24
"""Directions of a stage, at most; a stage that looks at fewer has zeros in the others."""

STAGES = 31
CODEWORDS = 256
SEED = 20

Array = NDArray[np.float32]


def embed(name: str, work: Path) -> Path:
    """GE2E windows of every utterance of a packed data list, in its order, in `<work>/embeddings/<name>.npz`; nothing if it is there.

    windows (windows, 256) float16, of every utterance in turn; counts (utterances,) int32.
    """
    path = work / FOLDER / f"{name}.npz"
    if path.exists():
        return path
    corpus, encoder, ledger = Corpus(name, work / "corpus"), VoiceEncoder.load(), Ledger(path.with_suffix(""))
    for index in ledger.missing(len(corpus), f"{name}, voices"):
        windows = encoder.embed_windows((corpus.pcm(index) / 32768).astype(np.float32)).astype("<f2")
        ledger.add(len(windows), windows.tobytes())
    windows = np.fromfile(ledger.close(), "<f2").reshape(-1, EMBEDDING_SIZE)
    np.savez(path, windows=windows, counts=np.array(ledger.records, dtype=np.int32))
    ledger.remove()
    return path


def _unit(x: Array) -> Array:
    return np.asarray(x / np.linalg.norm(x, axis=-1, keepdims=True), dtype=np.float32)


def examples(path: Path, extra: int, rng: np.random.Generator) -> tuple[Array, NDArray[np.int64]]:
    """Embeddings as a call has them: the mean of all windows of each utterance, and `extra` means of some of its windows.

    Returns (n, 256) of unit length and (n,) index of the utterance.
    """
    cached = np.load(path)
    windows, ends = cached["windows"].astype(np.float32), np.cumsum(cached["counts"])
    means, owners = [], []
    for owner, (start, end) in enumerate(zip(np.concatenate(([0], ends[:-1])), ends, strict=True)):
        means.append(windows[start:end].mean(0))
        for _ in range(extra):
            means.append(windows[rng.choice(np.arange(start, end), rng.integers(1, end - start + 1), replace=False)].mean(0))
        owners += [owner] * (extra + 1)
    return _unit(np.array(means)), np.array(owners)


def nearest(x: Array, codewords: Array) -> NDArray[np.intp]:
    """x (n, d), codewords (k, d) -> (n,) index of the nearest."""
    return np.asarray(((codewords**2).sum(1) - 2 * x @ codewords.T).argmin(1))


def k_means(x: Array, rounds: int, rng: np.random.Generator) -> Array:
    """CODEWORDS centres of x (n, d); an empty one is moved onto a random example."""
    centres = x[rng.choice(len(x), CODEWORDS, replace=len(x) < CODEWORDS)].copy()
    for _ in range(rounds):
        owner = nearest(x, centres)
        count = np.bincount(owner, minlength=CODEWORDS)
        total = np.zeros_like(centres)
        np.add.at(total, owner, x)
        centres = np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], x[rng.integers(len(x), size=CODEWORDS)])
    return np.asarray(centres, dtype=np.float32)


def train_stage(fit: Array, held_out: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """What is left over of the training and the held-out speakers -> directions (WIDTH, 256) and codewords (CODEWORDS, WIDTH)."""
    _, vectors = np.linalg.eigh(fit.T @ fit)
    widest = np.ascontiguousarray(vectors[:, ::-1].T, dtype=np.float32)
    best_left, best_width = np.inf, 0
    for width in (4, 6, 8, 12, 16, WIDTH):
        codewords = k_means(fit[: len(fit) // 2] @ widest[:width].T, 5, rng)
        seen = held_out @ widest[:width].T
        left = float((held_out**2).sum() - (seen**2).sum() + ((seen - codewords[nearest(seen, codewords)]) ** 2).sum())
        if left < best_left:
            best_left, best_width = left, width
    directions = np.zeros((WIDTH, fit.shape[1]), np.float32)
    directions[:best_width] = widest[:best_width]
    return directions, k_means(fit @ directions.T, 15, rng)


def similarity(code: VoiceCode, embeddings: Array, pieces: int) -> float:
    """Mean cosine of embeddings (n, 256) to what their first pieces decode to."""
    total = 0.0
    for embedding in embeddings:
        sent = code.encode(Voice(embedding, 150.0))
        total += float(code.decode(dict(enumerate(sent[:pieces])), 150.0).embedding @ embedding)
    return total / len(embeddings)


def train(work: Path, out: Path, stages: int, limit: int | None = None) -> dict[str, object]:
    """Train all stages, write them, measure on the validation speakers. Returns the card."""
    rng = np.random.default_rng(SEED)
    all_examples, owners = examples(work / FOLDER / "train.npz", 4, rng)
    corpus = Corpus("train", work / "corpus")
    speakers = [record["speaker"] for record in corpus.records]
    names = sorted(set(speakers))
    kept_out = set(rng.permutation(names)[: len(names) // 6].tolist())
    held = np.array([speakers[owner] in kept_out for owner in owners])
    mean = all_examples[~held].mean(0)
    order = rng.permutation(int((~held).sum()))[: limit or 16000]
    fit = (all_examples[~held] - mean)[order]
    held_out = (all_examples[held] - mean)[:3000]
    directions, codewords, started = [], [], time.monotonic()
    for stage in range(stages):
        towards, words = train_stage(fit, held_out, rng)
        fit = fit - words[nearest(fit @ towards.T, words)] @ towards
        held_out = held_out - words[nearest(held_out @ towards.T, words)] @ towards
        directions.append(towards)
        codewords.append(words)
        left = (time.monotonic() - started) / (stage + 1) * (stages - stage - 1)
        print(f"\rstage {stage + 1}/{stages}, {left:.0f} s left ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    tensors = {
        "mean": torch.from_numpy(mean),
        "directions": torch.from_numpy(np.stack(directions)).half(),
        "codewords": torch.from_numpy(np.stack(codewords)).half(),
    }
    out.mkdir(parents=True, exist_ok=True)
    path = out / "voice_code.safetensors"
    save_file(tensors, str(path), {"version": "1"})
    code = VoiceCode.from_weights(tensors)
    valid, _ = examples(work / FOLDER / "valid.npz", 0, rng)
    card: dict[str, object] = {
        "what": "residual quantiser of GE2E embeddings, one byte a stage, pieces of 4 bytes; byte 0 is the mean F0",
        "made_by": "python -m codec.train.voice.codebook",
        "seed": SEED,
        "data": data_card(corpus, dict.fromkeys(LICENCES, 1.0), aligned=False),
        "valid_cosine_by_bytes": {str(4 * pieces): round(similarity(code, valid, pieces), 4) for pieces in range(1, code.pieces + 1)},
        "valid_speakers": len({record["speaker"] for record in Corpus("valid", work / "corpus").records}),
    }
    write_card(path, card)
    return card


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = step_options(__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"), help="where the codebooks and their card are written")
    arguments = begin(parser, argv)
    torch.set_num_threads(1)
    for name in ("valid", "train"):
        embed(name, arguments.work)
    stages, limit = (3, 300) if arguments.smoke else (STAGES, None)
    print(json.dumps(train(arguments.work, arguments.models, stages, limit), indent=1))


if __name__ == "__main__":
    run_step(main)
