"""Training speech, decoded once: `python -m codec.train.corpus.pack` packs every utterance of the data lists (`packed.py`)."""

from collections.abc import Sequence
from pathlib import Path

from codec.train.corpus.packed import DATA, pack
from codec.train.step import begin, run_step, step_options


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = step_options(__doc__)
    parser.add_argument("names", nargs="*", default=["train", "valid", "dev"])
    parser.add_argument("--data", type=Path, default=DATA)
    arguments = begin(parser, argv)
    for name in arguments.names:
        pack(name, arguments.data, arguments.work / "corpus")


if __name__ == "__main__":
    run_step(main)
