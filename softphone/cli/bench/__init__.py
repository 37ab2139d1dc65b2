"""`softphone bench`: repeatable measurements."""

import argparse
import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from softphone.cli import status
from softphone.cli.bench import compare, rhyme, soak

if TYPE_CHECKING:
    from collections.abc import Sequence

    from softphone.bench.instruments.manifest import Recording

_NETWORK_LIMIT = 10
"""Calls take their time: these are two minutes of talk a row."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("bench", help="measure codecs side by side", epilog=status.HELP)
    actions = command.add_subparsers(metavar="WHAT", required=True)
    codec = actions.add_parser("codec", help="the same recordings through each codec, without a network", epilog=status.HELP)
    _add_common(codec)
    codec.add_argument("--systems", nargs="+", metavar="NAME", help="which codecs (default: all that work here)")
    codec.add_argument("--noise", nargs="+", type=float, metavar="DB", help="also with noise that many dB below the speech")
    codec.add_argument(
        "--noise-from", type=Path, metavar="DIR", help="folder of noise (default: noise next to the list; where there is none, pink noise)"
    )
    codec.add_argument("--lyra", type=Path, metavar="DIR", help="folder of Lyra's networks (or in SOFTPHONE_LYRA)")
    codec.set_defaults(run=run_codec)
    errors = actions.add_parser("errors", help="which part of our codec loses the words", epilog=status.HELP)
    _add_common(errors)
    errors.set_defaults(run=run_errors)
    _add_network(actions.add_parser("network", help="whole phones over bad networks, compared with other codecs", epilog=status.HELP))
    _add_setup(actions.add_parser("setup", help="how long a call takes to be set up, and how many bytes", epilog=status.HELP))
    _add_voice(actions.add_parser("voice", help="speaker similarity at the far end, against seconds of speech", epilog=status.HELP))
    rhyme.add(actions)
    soak.add(actions)
    compare.add(actions)
    _add_relay(actions.add_parser("relay", help="a bad network between two phones on this machine, until Ctrl-C", epilog=status.HELP))


def _add_network(network: argparse.ArgumentParser) -> None:
    _add_common(network)
    network.set_defaults(limit=_NETWORK_LIMIT, run=run_network)
    network.add_argument(
        "--impairments", nargs="+", metavar="TEXT", help='such as "loss 30%%", "burst 30%%x3", "jitter 300ms", "rate 2400"'
    )
    network.add_argument("--systems", nargs="+", metavar="NAME", help="such as phv, phv-base-r1, opus-6k-60ms, opus-6k-20ms-fec, pcmu")
    network.add_argument("--config", type=Path, metavar="FILE", help="settings of the system phv (default: those of a new phone)")


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.jsonl (id, file, speaker, text), or such a list")
    parser.add_argument("--limit", type=int, help="only that many recordings, spread over the list")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--docs", type=Path, nargs="?", const=Path("docs"), metavar="DIR", help="write benchmarks.md and pictures there")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep every result there, and resume from the results there")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that measure side by side (default: 1)")


def _add_setup(setup: argparse.ArgumentParser) -> None:
    setup.add_argument("--impairments", nargs="+", metavar="TEXT", default=["none", "rate 2400"], help='such as "rate 2400", "loss 30%%"')
    setup.add_argument(
        "--systems", nargs="+", metavar="NAME", default=["phv", "phv-max2400"], help="as in bench network (default: phv phv-max2400)"
    )
    setup.add_argument("--calls", type=int, default=3, metavar="N", help="calls a row (default: 3)")
    setup.add_argument("--sip", action="store_true", help="SIP is lost and delayed too, not only held up by the rate")
    setup.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON, with each message")
    setup.set_defaults(run=run_setup)


def _add_voice(voice: argparse.ArgumentParser) -> None:
    voice.add_argument("--data", type=Path, required=True, nargs="+", help="folders with manifest.jsonl (id, file, speaker), or lists")
    voice.add_argument("--limit", type=int, help="only that many speakers")
    voice.add_argument("--speakers", nargs="+", metavar="NAME", help="only these")
    voice.add_argument(
        "--live", action="store_true", help="instead: real calls of two phones, each with and without training; late frames, likeness"
    )
    voice.add_argument("--keep", type=Path, metavar="DIR", help="keep each speaker's figures there, and go on from them next time")
    voice.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (default: 1)")
    voice.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON, a row for each speaker and time")
    voice.add_argument("--docs", type=Path, nargs="?", const=Path("docs"), metavar="DIR", help="write voice.md and a picture there")
    voice.set_defaults(run=run_voice)


def _add_relay(relay: argparse.ArgumentParser) -> None:
    relay.add_argument("impairment", metavar="TEXT", help='such as "loss 30%%", "burst 30%%x3 + delay 200ms", "rate 2400", "trace FILE"')
    relay.add_argument(
        "--phones",
        nargs=2,
        default=["127.0.0.2:5060", "127.0.0.3:5060"],
        metavar="ADDRESS:PORT",
        help="the two phones (default: %(default)s)",
    )
    relay.add_argument(
        "--seen-at", nargs=2, default=["127.0.0.4", "127.0.0.5"], metavar="ADDRESS", help="where each is seen (default: %(default)s)"
    )
    relay.add_argument("--seed", default="0", help="the same seed gives the same losses (default: 0)")
    relay.add_argument("--sip", action="store_true", help="SIP is lost and delayed too")
    relay.set_defaults(run=run_relay)


def run_codec(options: argparse.Namespace) -> int:
    from codec.units.errors import CodecError  # noqa: PLC0415 - loads torch
    from softphone.bench.codec import codec_bench, codec_docs  # noqa: PLC0415
    from softphone.bench.codec.table import table  # noqa: PLC0415
    from softphone.bench.codec.workbench import CLEAN, Condition  # noqa: PLC0415
    from softphone.bench.systems.lyra import FOLDER_VARIABLE  # noqa: PLC0415

    recordings = _recordings(options)
    if options.lyra is not None:
        os.environ[FOLDER_VARIABLE] = str(options.lyra)
    conditions = [CLEAN, *(Condition(snr, _noise_folder(options)) for snr in options.noise or ())]
    try:
        rows = codec_bench.bench(recordings, options.systems, _progress, conditions=conditions, keep=options.keep, jobs=options.jobs)
        print(file=sys.stderr)
        print(table(rows))
        _write_json(options.json, rows)
        if options.docs is not None:
            page = codec_docs.write(options.docs, rows, _command())
            print(f"written: {page}", file=sys.stderr)
    except CodecError as error:
        raise status.CommandError(str(error)) from None
    return status.OK


def run_network(options: argparse.Namespace) -> int:
    from codec.units.errors import CodecError  # noqa: PLC0415 - loads torch
    from softphone import config  # noqa: PLC0415
    from softphone.bench.network import network_docs  # noqa: PLC0415
    from softphone.bench.network.network_bench import bench  # noqa: PLC0415
    from softphone.bench.network.network_table import network_table  # noqa: PLC0415

    recordings = _recordings(options)
    settings = None if options.config is None else config.load(options.config)
    try:
        rows = bench(recordings, options.impairments, options.systems, _progress, config=settings, keep=options.keep, jobs=options.jobs)
        print(file=sys.stderr)
        print(network_table(rows))
        _write_json(options.json, rows)
        if options.docs is not None:
            print(f"written: {network_docs.write(options.docs, rows, _command())}", file=sys.stderr)
    except CodecError as error:
        raise status.CommandError(str(error)) from None
    return status.OK


def run_setup(options: argparse.Namespace) -> int:
    from softphone.bench.network.set_up_bench import bench, ladder, table  # noqa: PLC0415

    if options.calls < 1:
        raise status.CommandError("--calls must be 1 or more")
    rows = bench(options.impairments, options.systems, options.calls, _progress, impair_sip=options.sip)
    print(file=sys.stderr)
    print(table(rows))
    for row in rows:
        print(f"\n{row['system']}, {row['impairment']}, the call of median length:\n{ladder(row)}")
    _write_json(options.json, rows)
    return status.OK


def run_voice(options: argparse.Namespace) -> int:
    from codec.units.errors import CodecError  # noqa: PLC0415 - loads torch
    from softphone.bench.instruments.manifest import read_manifest  # noqa: PLC0415
    from softphone.bench.voice import voice_docs  # noqa: PLC0415
    from softphone.bench.voice.voice_bench import VoiceBench  # noqa: PLC0415
    from softphone.bench.voice.voice_table import voice_table  # noqa: PLC0415

    if options.limit is not None and options.limit < 1:
        raise status.CommandError("--limit must be 1 or more")
    if options.jobs < 1:
        raise status.CommandError("--jobs must be 1 or more")
    recordings = [recording for path in options.data for recording in read_manifest(path)]
    if options.speakers:
        if missing := set(options.speakers) - {recording.speaker for recording in recordings}:
            raise status.CommandError(f"no recording in --data is of {', '.join(sorted(missing))}")
        recordings = [recording for recording in recordings if recording.speaker in options.speakers]
    if options.live:
        return _run_voice_live(options, recordings)
    try:
        figures = VoiceBench().bench(recordings, _progress, options.limit, options.keep, options.jobs)
    except CodecError as error:
        raise status.CommandError(str(error)) from None
    print(file=sys.stderr)
    print(voice_table(figures))
    _write_json(options.json, figures.as_json())
    if options.docs is not None:
        print(f"written: {voice_docs.write(options.docs, figures, _command())}", file=sys.stderr)
    return status.OK


def _run_voice_live(options: argparse.Namespace, recordings: "Sequence[Recording]") -> int:
    from codec.units.errors import CodecError  # noqa: PLC0415 - loads torch
    from softphone.bench.voice import voice_live  # noqa: PLC0415

    try:
        rows = voice_live.bench(recordings, _progress, options.limit)
    except CodecError as error:
        raise status.CommandError(str(error)) from None
    print(file=sys.stderr)
    print(voice_live.table(rows))
    _write_json(options.json, rows)
    return status.OK


def run_relay(options: argparse.Namespace) -> int:
    from softphone.bench.impairment.by_hand import relay  # noqa: PLC0415

    relay(options.impairment, options.phones, options.seen_at, options.seed, impair_sip=options.sip, say=print)
    return status.OK


def run_errors(options: argparse.Namespace) -> int:
    from codec.units.errors import CodecError  # noqa: PLC0415 - loads torch
    from softphone.bench.codec.error_analysis import analyse, report  # noqa: PLC0415
    from softphone.bench.instruments.docs_page import write_section  # noqa: PLC0415

    recordings = _recordings(options)
    try:
        found = analyse(recordings, _progress, keep=options.keep, jobs=options.jobs)
    except CodecError as error:
        raise status.CommandError(str(error)) from None
    print(file=sys.stderr)
    print(report(found))
    _write_json(options.json, found.as_json())
    if options.docs is not None:
        body = f"## Where the words are lost\n\n`{_command()}`\n\n{report(found)}"
        print(f"written: {write_section(options.docs, 'bench errors', body)}", file=sys.stderr)
    return status.OK


def _recordings(options: argparse.Namespace) -> Any:
    from softphone.bench.instruments.manifest import read_manifest  # noqa: PLC0415

    for name in ("limit", "jobs"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise status.CommandError(f"--{name} must be 1 or more")
    return read_manifest(options.data, options.limit)


def _noise_folder(options: argparse.Namespace) -> Path | None:
    if options.noise_from is not None:
        return Path(options.noise_from)
    beside = (options.data if options.data.is_dir() else options.data.parent) / "noise"
    return beside if beside.is_dir() else None


def _progress(line: str) -> None:
    """On a terminal one line that changes; in a file a line each."""
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
    else:
        print(line, file=sys.stderr, flush=True)


def _write_json(path: Path | None, value: Any) -> None:
    if path is None:
        return
    try:
        path.write_text(json.dumps(value, indent=2) + "\n")
    except OSError as error:
        raise status.CommandError(f"{path} cannot be written ({error.strerror}); name another file with --json") from None


def _command() -> str:
    """What was typed, for the page that it writes."""
    return shlex.join(["softphone", *sys.argv[1:]])
