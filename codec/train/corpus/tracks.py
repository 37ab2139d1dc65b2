"""F0, voicing strength and level of every packed utterance, measured once: `python -m codec.train.corpus.tracks`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.describe import pitch
from codec.describe.prosody import frame_levels, mean_f0
from codec.train.corpus.packed import CACHE, Corpus
from codec.train.ledger import Ledger
from codec.train.step import begin, run_step, step_options


def measure_all(name: str, cache: Path = CACHE) -> None:
    """Write `<name>.tracks.npy`, (frames, 3) float32: Hz, strength, dB of all utterances end to end."""
    path = cache / f"{name}.tracks.npy"
    if path.exists():
        return
    corpus, ledger = Corpus(name, cache), Ledger(cache / f"{name}.tracks")
    for index in ledger.missing(len(corpus), f"{name}, tracks"):
        pcm = corpus.pcm(index)
        found = pitch.track(pcm)
        tracks = np.stack((found.f0, found.strength, frame_levels(pcm)), axis=1).astype("<f4")
        ledger.add(len(tracks), tracks.tobytes())
    np.save(path, np.fromfile(ledger.close(), "<f4").reshape(-1, 3))
    ledger.remove()


class Tracks:
    """The measured tracks of a corpus, by utterance."""

    def __init__(self, corpus: Corpus) -> None:
        measure_all(corpus.name, corpus.cache)
        self._all = np.load(corpus.cache / f"{corpus.name}.tracks.npy", mmap_mode="r")
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


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = step_options(__doc__)
    parser.add_argument("names", nargs="*", default=["dev", "valid", "train"])
    arguments = begin(parser, argv)
    for name in arguments.names:
        measure_all(name, arguments.work / "corpus")


if __name__ == "__main__":
    run_step(main)
