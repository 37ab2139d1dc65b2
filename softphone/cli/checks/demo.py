"""`softphone demo`: a measured call between two softphones on this machine."""

import argparse
import json
from pathlib import Path

from softphone import config, paths
from softphone.cli import status
from softphone.cli.arguments import add_config
from softphone.cli.output import Output, tell_lines


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("demo", help="let two softphones talk on this machine, and measure it", epilog=status.HELP)
    add_config(command)
    command.add_argument("--wav", type=Path, metavar="FILE", help="speak this sound file instead of the bundled recording")
    command.add_argument("--text", metavar="WORDS", help="the words in that file, to measure the word errors")
    command.add_argument("--wav-out", type=Path, metavar="FILE", help="where to write the received sound (WAV)")
    command.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file too")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from softphone.demo import run_demo  # noqa: PLC0415 - numpy and scipy, which other commands do without
    from softphone.demo.report import as_dict, as_text  # noqa: PLC0415

    if options.text is not None and options.wav is None:
        raise status.CommandError("--text goes with --wav; the words of the bundled recording are known", status.USAGE)
    bundled, words = paths.demo_recording()
    wav = options.wav or bundled
    text = options.text if options.wav else words.read_text().strip()
    received = options.wav_out or paths.cache_dir() / "demo-received.wav"
    result = run_demo(config.load(options.config), wav, text, received, Output(False).say)
    tell_lines(as_text(result.report, result.remarks))
    if options.json is not None:
        write_json(options.json, as_dict(result.report))
    return status.OK


def write_json(path: Path, figures: dict[str, str | float | int | None]) -> None:
    """Raises CommandError when the file cannot be written."""
    try:
        path.write_text(json.dumps(figures, indent=2) + "\n")
    except OSError as error:
        raise status.CommandError(f"cannot write {path} ({error.strerror}); the figures are above") from None
