"""Arguments that several commands share."""

import argparse
import math
from pathlib import Path

from softphone.config import HIGHEST_RATE, LOWEST_RATE


def add_config(command: argparse.ArgumentParser) -> None:
    command.add_argument("--config", type=Path, metavar="FILE", help="configuration to use instead of ~/.config/softphone/config.toml")


def add_engine(command: argparse.ArgumentParser) -> None:
    """Which engine to use: the running phone's, or where none runs, or with `--config`, one of its own, which ends with the command."""
    command.add_argument("--config", type=Path, metavar="FILE", help="start an engine of its own, with this configuration")
    command.add_argument("--socket", type=Path, metavar="PATH", help="use the engine that runs there; default: the running phone's, if any")
    command.add_argument("--json", action="store_true", help="write the engine's events to standard output, one JSON object a line")


def add_sound(command: argparse.ArgumentParser) -> None:
    command.add_argument("--wav-in", type=Path, metavar="FILE", help="speak this sound file (WAV, FLAC, Ogg) instead of the microphone")
    command.add_argument("--wav-out", type=Path, metavar="FILE", help="write the received sound to this WAV file")
    command.add_argument("--seconds", type=positive, metavar="N", help="hang up after that many seconds")


def rate(text: str) -> int:
    """A ceiling in IP bit/s, for argparse; 0 is none."""
    value = int(text)
    if value and not LOWEST_RATE <= value <= HIGHEST_RATE:
        raise argparse.ArgumentTypeError(f"{text} is neither 0, for no ceiling, nor {LOWEST_RATE} to {HIGHEST_RATE} bit/s")
    return value


def positive(text: str) -> float:
    """A number above zero, for argparse."""
    value = float(text)
    if not (value > 0 and math.isfinite(value)):
        raise argparse.ArgumentTypeError(f"{text} is no number above zero")
    return value
