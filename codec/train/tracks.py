"""F0, voicing strength and level of every packed utterance, measured once: `python -m codec.train.tracks`."""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec import pitch
from codec.prosody import frame_levels, mean_f0
from codec.train.corpus import CACHE, Corpus


def measure_all(name: str, cache: Path = CACHE) -> None:
    """Write `<name>.tracks.npy`, (frames, 3) float32: Hz, strength, dB of all utterances end to end."""
    path = cache / f"{name}.tracks.npy"
    if path.exists():
        return
    corpus, started = Corpus(name, cache), time.monotonic()
    tracks = []
    for index in corpus:
        pcm = corpus.pcm(index)
        found = pitch.track(pcm)
        tracks.append(np.stack((found.f0, found.strength, frame_levels(pcm)), axis=1))
        if index % 50 == 49:
            left = (time.monotonic() - started) / (index + 1) * (len(corpus) - index - 1)
            print(f"\r{name}: {index + 1}/{len(corpus)} utterances, {left:.0f} s left ", end="", file=sys.stderr, flush=True)
    np.save(path, np.concatenate(tracks))
    print(file=sys.stderr)


class Tracks:
    """The measured tracks of a corpus, by utterance."""

    def __init__(self, corpus: Corpus, cache: Path = CACHE) -> None:
        measure_all(corpus.name, cache)
        self._all = np.load(cache / f"{corpus.name}.tracks.npy", mmap_mode="r")
        counts = [record["samples"] // 160 for record in corpus.records]
        self._starts = np.concatenate(([0], np.cumsum(counts)))

    def f0(self, index: int) -> NDArray[np.float32]:
        return np.array(self._of(index)[:, 0])

    def strength(self, index: int) -> NDArray[np.float32]:
        return np.array(self._of(index)[:, 1])

    def level(self, index: int) -> NDArray[np.float32]:
        return np.array(self._of(index)[:, 2])

    def speaker_f0(self, corpus: Corpus) -> list[float]:
        """Mean F0 in Hz for each utterance, over the utterance itself: a call knows no more of its speaker."""
        return [mean_f0(self.f0(index)) for index in corpus]

    def _of(self, index: int) -> NDArray[np.float32]:
        return np.asarray(self._all[self._starts[index] : self._starts[index + 1]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["dev", "valid", "train"])
    parser.add_argument("--cache", type=Path, default=CACHE)
    arguments = parser.parse_args()
    for name in arguments.names:
        measure_all(name, arguments.cache)


if __name__ == "__main__":
    main()
