"""`softphone bench soak`: endurance of the whole phone, with counts."""

import argparse
import json
import random
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from softphone.cli import status
from softphone.cli.arguments import add_config, positive
from softphone.cli.output import tell, tell_lines

PAGE = "reliability.md"
HEAD = "# Reliability\n\nWritten by the command that is named; every figure says of how many tries.\n"


def add(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    soak = actions.add_parser("soak", help="many calls between two phones, and what goes wrong around them", epilog=status.HELP)
    soak.add_argument("--calls", type=count, default=500, metavar="N", help="calls in a row (default: 500)")
    soak.add_argument("--at-once", type=count, default=20, metavar="N", help="calls at the same time (default: 20)")
    soak.add_argument("--speech", type=count, default=30, metavar="N", help="calls in which somebody speaks (default: 30)")
    soak.add_argument("--faults", type=count, default=5, metavar="N", help="tries of each thing that goes wrong (default: 5)")
    soak.add_argument("--minutes", type=positive, default=60.0, metavar="N", help="begin nothing new after so long (default: 60)")
    soak.add_argument("--only", choices=("strangers",), help="nothing but this exercise")
    soak.add_argument("--messages", type=count, default=10_000, metavar="N", help="SIP messages of strangers (default: 10000)")
    soak.add_argument("--stranger-calls", type=count, default=500, metavar="N", help="calls of strangers that come up (default: 500)")
    soak.add_argument("--seed", type=int, metavar="N", help="of what strangers send (default: another one each time, which is printed)")
    add_config(soak)
    soak.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    soak.add_argument("--docs", type=Path, nargs="?", const=Path("docs"), metavar="DIR", help=f"write {PAGE} there")
    soak.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from softphone import config  # noqa: PLC0415
    from softphone.bench.soak.report import report, report_strangers  # noqa: PLC0415
    from softphone.bench.soak.run import soak  # noqa: PLC0415
    from softphone.bench.soak.strangers import strangers  # noqa: PLC0415

    settings = config.Config() if options.config is None else config.load(options.config)
    deadline = time.monotonic() + 60 * options.minutes
    well = True
    if options.only is None:
        found = soak(settings, options.calls, options.at_once, options.faults, options.minutes, say, options.speech)
        text = report(found)
        tell_lines(text)
        if options.json is not None:
            write_json(options.json, found.as_json())
        if options.docs is not None:
            _document(options.docs, "bench soak", "## Endurance", text)
        well = all(one.recovered == one.tried for one in found.exercises) and not found.left_over
    seed = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    bothered = strangers(settings, options.messages, options.stranger_calls, seed, deadline, say)
    text = report_strangers(bothered, options.messages, options.stranger_calls)
    tell_lines(text)
    if options.json is not None and options.only is not None:
        write_json(options.json, vars(bothered))
    if options.docs is not None:
        _document(options.docs, "bench soak strangers", "## Strangers", text)
    return status.OK if well and not bothered.deaths and not bothered.garbled else status.ERROR


def _document(folder: Path, section: str, title: str, text: str) -> None:
    from softphone.bench.instruments.docs_page import write_section  # noqa: PLC0415

    body = f"{title}\n\n`{shlex.join(['softphone', *sys.argv[1:]])}`\n\n{text}"
    tell(f"written: {write_section(folder, section, body, PAGE, HEAD)}", sys.stderr)


def count(text: str) -> int:
    """A whole number of 1 or more, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


def write_json(path: Path, value: Any) -> None:
    """Raises CommandError."""
    try:
        path.write_text(json.dumps(value, indent=2) + "\n")
    except OSError as error:
        raise status.CommandError(f"{path} cannot be written ({error.strerror}); name another file with --json") from None


def say(line: str) -> None:
    tell(line, sys.stderr)
