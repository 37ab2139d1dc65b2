"""`softphone bench compare`: call set-up time and calls a minute, compared with other phones."""

import argparse
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from softphone.cli import status
from softphone.cli.bench import soak
from softphone.cli.output import tell, tell_lines

NAMES = ("softphone", "softphone-phv", "pjsua", "baresip")


def add(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    compare = actions.add_parser("compare", help="set-up time and calls a minute, against baresip and plain PJSUA2", epilog=status.HELP)
    compare.add_argument("--calls", type=soak.count, default=100, metavar="N", help="calls of each (default: 100)")
    compare.add_argument("--phones", nargs="+", choices=NAMES, default=list(NAMES), metavar="NAME", help=f"of {', '.join(NAMES)}")
    compare.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON, of each call")
    compare.add_argument("--docs", type=Path, nargs="?", const=Path("docs"), metavar="DIR", help=f"write {soak.PAGE} there")
    compare.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from softphone.bench.compare.baresip import BaresipPair  # noqa: PLC0415
    from softphone.bench.compare.ours import OurPair  # noqa: PLC0415
    from softphone.bench.compare.pair import Pair  # noqa: PLC0415
    from softphone.bench.compare.plain import PlainPair  # noqa: PLC0415
    from softphone.bench.compare.run import measure, report  # noqa: PLC0415
    from softphone.bench.instruments.docs_page import write_section  # noqa: PLC0415

    makers: tuple[Callable[[], Pair], ...] = (lambda: OurPair("PCMU"), lambda: OurPair("x-phv"), PlainPair, BaresipPair)
    pairs = [maker() for name, maker in zip(NAMES, makers, strict=True) if name in options.phones]
    paces = measure(pairs, options.calls, soak.say)
    text = report(paces)
    tell_lines(text)
    if options.json is not None:
        soak.write_json(options.json, [pace.as_json() for pace in paces])
    if options.docs is not None:
        notes = (
            f"{options.calls} calls of each, ten in turn, on one machine over loopback without sound devices, on PCMU or the codec that is "
            "named. Set-up is from the command to dial until the caller is told that the call is answered; a minute counts hanging up too."
        )
        body = f"## Call set-up compared with other phones\n\n`{shlex.join(['softphone', *sys.argv[1:]])}`\n\n{notes}\n\n{text}"
        tell(f"written: {write_section(options.docs, 'bench compare', body, soak.PAGE, soak.HEAD)}", sys.stderr)
    return status.OK if all(len(pace.set_up_s) == pace.tried for pace in paces) else status.ERROR
