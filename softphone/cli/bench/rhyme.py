"""`softphone bench rhyme`: the modified rhyme test through each codec."""

import argparse
import os
import shlex
import sys
from pathlib import Path

from softphone.cli import status
from softphone.cli.bench import soak
from softphone.cli.output import tell, tell_lines

_WORDS = 25


def add(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    rhyme = actions.add_parser("rhyme", help="one word of six that rhyme, through each codec: consonants understood", epilog=status.HELP)
    rhyme.add_argument("--systems", nargs="+", metavar="NAME", help="which codecs, as in bench codec (default: all that work here)")
    rhyme.add_argument(
        "--words", type=soak.count, default=_WORDS, metavar="N", help=f"of each of four talkers, at most 300 (default: {_WORDS})"
    )
    rhyme.add_argument("--lyra", type=Path, metavar="DIR", help="folder of Lyra's networks (or in SOFTPHONE_LYRA)")
    rhyme.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON, with the score of each word")
    rhyme.add_argument("--docs", type=Path, nargs="?", const=Path("docs"), metavar="DIR", help="write a section of benchmarks.md there")
    rhyme.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from codec.units.errors import CodecError  # noqa: PLC0415 - loads torch
    from softphone.bench.codec import rhyme_bench  # noqa: PLC0415
    from softphone.bench.instruments.docs_page import write_section  # noqa: PLC0415
    from softphone.bench.instruments.rhyme_test import RhymeTest  # noqa: PLC0415
    from softphone.bench.systems.lyra import FOLDER_VARIABLE  # noqa: PLC0415

    if options.lyra is not None:
        os.environ[FOLDER_VARIABLE] = str(options.lyra)
    try:
        rows = rhyme_bench.bench(RhymeTest(), options.systems, options.words, soak.say)
    except CodecError as error:
        raise status.CommandError(str(error)) from None
    table = rhyme_bench.table(rows)
    tell_lines(table)
    if options.json is not None:
        soak.write_json(options.json, rows)
    if options.docs is not None:
        body = f"## Rhyme test\n\n`{shlex.join(['softphone', *sys.argv[1:]])}`\n\n{table}\n{rhyme_bench.NOTES}"
        tell(f"written: {write_section(options.docs, 'bench rhyme', body)}", sys.stderr)
    return status.OK
