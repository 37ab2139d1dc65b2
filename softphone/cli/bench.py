"""`softphone bench`: measurements that anybody can repeat."""

import argparse
import json
import sys
from pathlib import Path

from softphone.cli import status


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("bench", help="measure codecs side by side", epilog=status.HELP)
    actions = command.add_subparsers(metavar="WHAT", required=True)
    codec = actions.add_parser("codec", help="the same recordings through each codec, without a network")
    codec.add_argument("--data", type=Path, required=True, help="folder with manifest.jsonl (id, file, speaker, text), or such a list")
    codec.add_argument("--limit", type=int, help="only so many recordings, spread over the list")
    codec.add_argument("--systems", nargs="+", metavar="NAME", help="which codecs (default: all)")
    codec.add_argument("--json", type=Path, metavar="FILE", help="write the rows as a JSON list")
    codec.set_defaults(run=run_codec)


def run_codec(options: argparse.Namespace) -> int:
    from codec.errors import CodecError  # noqa: PLC0415 - loads torch
    from softphone.bench.codec_bench import bench, table  # noqa: PLC0415
    from softphone.bench.manifest import read_manifest  # noqa: PLC0415
    from softphone.bench.systems import SYSTEMS  # noqa: PLC0415

    names = options.systems or list(SYSTEMS)
    if unknown := [name for name in names if name not in SYSTEMS]:
        raise status.CommandError(f"there is no system {unknown[0]!r}; there are {', '.join(SYSTEMS)}")
    if options.limit is not None and options.limit < 1:
        raise status.CommandError("--limit must be 1 or more")
    try:
        rows = bench(read_manifest(options.data, options.limit), names, lambda line: print(f"\r\033[K{line}", end="", file=sys.stderr))
    except CodecError as error:
        raise status.CommandError(str(error)) from None
    print(file=sys.stderr)
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")
    return status.OK
