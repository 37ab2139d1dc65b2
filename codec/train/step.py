"""What the command lines of all training steps share: where things lie, the smoke size, and errors that are one sentence."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from codec.units.errors import CodecError

SMOKE = "smoke"
"""Folder inside --work in which a smoke run has everything of its own."""


def step_options(description: str | None) -> argparse.ArgumentParser:
    """A parser with --work and --smoke."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("work"), help="where everything between data and weights is kept")
    parser.add_argument("--smoke", action="store_true", help="a few seconds on a tiny corpus made here, in <work>/smoke: does it run?")
    return parser


def begin(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Parses; with --smoke every folder is turned into one of the smoke run, and its tiny corpus is made if it is not there."""
    arguments = parser.parse_args(argv)
    if arguments.smoke:
        from codec.train.corpus import tiny_corpus  # noqa: PLC0415 - it needs torch and the shipped weights, which other runs may not

        arguments.work = arguments.work / SMOKE
        tiny_corpus.make(arguments.work)
        for name, folder in (("data", tiny_corpus.DATA), ("models", "models")):
            if hasattr(arguments, name):
                setattr(arguments, name, arguments.work / folder)
    return arguments


def run_step(main: Callable[[], None]) -> None:
    """Runs a step from the shell."""
    try:
        main()
    except CodecError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on from here")
