"""`softphone`: reads the arguments, runs one command, and turns every error into one sentence and an exit status."""

import argparse
import importlib
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from softphone import __version__
from softphone.cli import status
from softphone.errors import SoftphoneError

COMMANDS = (
    "checks.demo",
    "calls.call",
    "calls.answer",
    "calls.say",
    "running.status",
    "running.ctl",
    "calls.register",
    "codec",
    "phone_book.contacts",
    "phone_book.history",
    "phone_book.voices",
    "checks.doctor",
    "running.engine",
    "running.service",
    "bench",
)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="softphone",
        description="A terminal softphone whose codec sends what was said and who said it, in a few hundred bits per second.",
        epilog=status.HELP,
    )
    top.add_argument("--version", action="version", version=f"softphone {__version__}")
    top.add_argument("--config", type=Path, metavar="FILE", dest="tui_config", help="configuration to use")
    top.add_argument("--socket", type=Path, metavar="PATH", dest="tui_socket", help="control socket of the phone to use, or to start")
    top.set_defaults(run=full_screen)
    commands = top.add_subparsers(metavar="COMMAND", title="commands", description="without a command: the full-screen phone")
    for name in COMMANDS:
        importlib.import_module(f"softphone.cli.{name}").add(commands)
    return top


def full_screen(options: argparse.Namespace) -> int:
    """The phone in the terminal."""
    from softphone.tui.main import TerminalError, run  # noqa: PLC0415 - other commands do without

    try:
        return run(options.tui_config, options.tui_socket)
    except TerminalError as error:
        parser().print_usage(sys.stderr)
        raise status.CommandError(str(error), status.USAGE) from None


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _options(sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return int(options.run(options))
    except SoftphoneError as error:
        _say(f"softphone: {error}")
        return int(getattr(error, "status", status.ERROR))
    except KeyboardInterrupt:
        _say("softphone: interrupted")
        return status.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output is gone; the interpreter must not complain again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return status.ERROR


def _say(sentence: str) -> None:
    from softphone.cli.output import tell  # noqa: PLC0415 - the full-screen phone starts without it

    tell(sentence, sys.stderr)


def _options(arguments: list[str]) -> argparse.Namespace:
    if not arguments:
        # The full-screen phone is there at once; the commands' modules would double the wait.
        return argparse.Namespace(run=full_screen, tui_config=None, tui_socket=None)
    top = parser()
    options = top.parse_args(arguments)
    if options.run is not full_screen:
        # Before the command they mean the same as after it.
        for name in ("config", "socket"):
            given = getattr(options, f"tui_{name}")
            if given is None:
                continue
            if not hasattr(options, name):
                top.error(f"this command takes no --{name}")
            if getattr(options, name) is None:
                setattr(options, name, given)
    return options


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
