"""Fuzzes what reads text: `python -m tests.fuzzing.fuzz_texts --seconds 600 [--target sdp]`. CI runs each target for a moment.

Right inputs are bent (fuzzing/mutations.py) and given to each reader (fuzzing/targets.py); nothing may escape but the reader's own error
with one printable sentence, take long, or break what the target asserts. What fails is kept in
tests/fuzzing/corpora/<target>/ as `crash-*`, and everything there is tried first in each run.
"""

import argparse
import hashlib
import random
import time
from pathlib import Path

from tests.fuzzing.mutations import mutations
from tests.fuzzing.targets import TARGETS, Target, one_sentence

CORPORA = Path(__file__).resolve().parent / "corpora"
SLOWEST_S = 3.0
"""Of one input, CPU time, on a loaded machine."""


def kept(name: str) -> list[bytes]:
    """The inputs that were found before."""
    return [path.read_bytes() for path in sorted((CORPORA / name).glob("*")) if path.is_file()]


class TextFuzz:
    """One run against one target."""

    def __init__(self, name: str, seed: int) -> None:
        self._name = name
        self._target: Target = TARGETS[name]
        self._rng = random.Random(seed)
        self.inputs = self.refused = 0
        self.slowest_s = 0.0

    def run(self, seconds: float) -> None:
        """Raises AssertionError, or whatever escapes, with the input kept in the corpus."""
        sources = [*self._target.seeds, *kept(self._name)]
        for data in sources:
            self.feed(data)
        end = time.monotonic() + seconds
        for data in mutations(self._rng, sources, self._target.words):
            self.feed(data)
            if time.monotonic() > end:
                return

    def feed(self, data: bytes) -> None:
        began = time.thread_time()
        self.inputs += 1
        try:
            try:
                self._target.feed(data)
            except self._target.refusal as error:
                self.refused += 1
                one_sentence(error)
            took = time.thread_time() - began
            self.slowest_s = max(self.slowest_s, took)
            assert took <= SLOWEST_S, f"an input of {len(data)} bytes took {took:.1f} s"
        except BaseException:
            keep(self._name, data)
            raise


def keep(name: str, data: bytes) -> None:
    """Into the corpus, to be tried in every later run."""
    (CORPORA / name).mkdir(parents=True, exist_ok=True)
    (CORPORA / name / f"crash-{hashlib.sha256(data).hexdigest()[:12]}").write_bytes(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="for each target")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--target", choices=TARGETS, nargs="+", default=list(TARGETS))
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    print(f"seed {seed}")
    for name in options.target:
        fuzz = TextFuzz(name, seed)
        fuzz.run(options.seconds)
        print(f"{name}: {fuzz.inputs} inputs, {fuzz.refused} refused, the slowest took {1000 * fuzz.slowest_s:.0f} ms", flush=True)


if __name__ == "__main__":
    main()
