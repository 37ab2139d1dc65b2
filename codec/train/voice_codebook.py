"""Voice embeddings of the corpus, and the codebooks that send them: `python -m codec.train.voice_codebook`."""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from codec.train.corpus import Corpus
from codec.voice import VoiceEncoder

CACHE = Path("work/embeddings")


def embed(name: str, cache: Path = CACHE, limit: int | None = None) -> None:
    """GE2E windows of every utterance of a packed data list, in its order, into `<cache>/<name>.npz`; nothing if it is there.

    windows (windows, 256) float16, of every utterance in turn; counts (utterances,) int32.
    """
    path = cache / f"{name}.npz"
    if path.exists():
        return
    corpus, encoder = Corpus(name), VoiceEncoder.load()
    total = min(len(corpus), limit or len(corpus))
    windows, started = [], time.monotonic()
    for index in range(total):
        windows.append(encoder.embed_windows(corpus.pcm(index).astype(np.float32) / 32768).astype(np.float16))
        if index % 100 == 99:
            left = (time.monotonic() - started) / (index + 1) * (total - index - 1)
            print(f"\r{name}: {index + 1}/{total} utterances, {left:.0f} s left ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    cache.mkdir(parents=True, exist_ok=True)
    np.savez(path, windows=np.concatenate(windows), counts=np.array([len(w) for w in windows], dtype=np.int32))


if __name__ == "__main__":
    torch.set_num_threads(1)
    for n in ("valid", "train"):
        embed(n)
