"""`softphone`: reads the arguments, runs one command, and turns every error into one sentence and an exit status."""

import argparse
import importlib
import os
import signal
import sys
from types import FrameType

from softphone import __version__
from softphone.cli import status
from softphone.errors import SoftphoneError

COMMANDS = ("demo", "call", "answer", "register", "codec", "doctor", "engine", "bench")


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="softphone",
        description="A terminal softphone whose codec sends what was said and who said it, in a few hundred bits per second.",
        epilog=status.HELP,
    )
    top.add_argument("--version", action="version", version=f"softphone {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    for name in COMMANDS:
        importlib.import_module(f"softphone.cli.{name}").add(commands)
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return int(options.run(options))
    except SoftphoneError as error:
        print(f"softphone: {error}", file=sys.stderr)
        return int(getattr(error, "status", status.ERROR))
    except KeyboardInterrupt:
        print("softphone: interrupted", file=sys.stderr)
        return status.INTERRUPTED
    except BrokenPipeError:
        # Who read our output has gone; the interpreter must not complain again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return status.ERROR


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
