"""`softphone codec`: our own codec on files, without a call."""

import argparse
import json
import sys
from pathlib import Path

from codec.units.limits import DETAIL_STAGES
from softphone.cli import status
from softphone.cli.output import tell_lines


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("codec", help="use the codec on files", epilog=status.HELP)
    actions = command.add_subparsers(metavar="ACTION", required=True)
    encode = actions.add_parser("encode", help="a sound file (WAV, FLAC, Ogg) into a .phv file")
    encode.add_argument("source", type=Path, metavar="SOUND")
    encode.add_argument("target", type=Path, metavar="PHV")
    encode.add_argument("--interval-ms", type=int, default=160, metavar="N", help="time between packets (default %(default)s)")
    encode.add_argument(
        "--detail",
        type=int,
        default=2,
        metavar="N",
        help=f"codes for how each sound was spoken, 0 to {DETAIL_STAGES} (default %(default)s)",
    )
    encode.add_argument("--redundancy", type=int, default=1, metavar="N", help="earlier packets that each repeats (default %(default)s)")
    encode.add_argument("--no-voice", action="store_true", help="do not describe the speaker's voice")
    encode.set_defaults(run=run_encode)
    decode = actions.add_parser("decode", help="a .phv file into a WAV file")
    decode.add_argument("source", type=Path, metavar="PHV")
    decode.add_argument("target", type=Path, metavar="WAV")
    decode.set_defaults(run=run_decode)
    say = actions.add_parser("say", help="speak typed English into a WAV file")
    say.add_argument("text", metavar="TEXT", help='what to say; "-" reads it from standard input')
    say.add_argument("target", type=Path, metavar="WAV")
    voice = say.add_mutually_exclusive_group()
    voice.add_argument("--voice", type=Path, metavar="SOUND", help="speak in the voice of this recording of one speaker")
    voice.add_argument("--voice-code", metavar="HEX", help="speak in the voice that --voice described once")
    say.set_defaults(run=run_say)
    info = actions.add_parser("info", help="what is in a .phv file")
    info.add_argument("source", type=Path, metavar="PHV")
    info.add_argument("--json", action="store_true", help="write one JSON object")
    info.set_defaults(run=run_info)


def run_encode(options: argparse.Namespace) -> int:
    from codec.units.errors import CodecError  # noqa: PLC0415
    from codec.wire.settings import EncoderSettings  # noqa: PLC0415
    from softphone.cli.codec import commands  # noqa: PLC0415 - loads torch

    try:
        settings = EncoderSettings(options.interval_ms, options.redundancy, not options.no_voice, options.detail)
        tell_lines(commands.encode(options.source, options.target, settings))
    except CodecError as error:
        raise status.CommandError(str(error)) from None
    return status.OK


def run_decode(options: argparse.Namespace) -> int:
    from codec.units.errors import CodecError  # noqa: PLC0415
    from softphone.cli.codec import commands  # noqa: PLC0415 - loads torch

    try:
        tell_lines(commands.decode(options.source, options.target))
    except CodecError as error:
        raise status.CommandError(str(error)) from None
    return status.OK


def run_say(options: argparse.Namespace) -> int:
    from codec.units.errors import CodecError  # noqa: PLC0415
    from softphone.cli.codec import commands  # noqa: PLC0415 - loads torch

    try:
        text = sys.stdin.read() if options.text == "-" else options.text
        tell_lines("\n".join(commands.say(text, options.target, options.voice, options.voice_code)))
    except UnicodeDecodeError:
        raise status.CommandError("What came on standard input is no UTF-8 text: convert it first.") from None
    except CodecError as error:
        raise status.CommandError(str(error)) from None
    return status.OK


def run_info(options: argparse.Namespace) -> int:
    from codec.units.errors import CodecError  # noqa: PLC0415
    from softphone.cli.codec import commands  # noqa: PLC0415 - loads torch

    try:
        facts = commands.info(options.source)
    except CodecError as error:
        raise status.CommandError(str(error)) from None
    tell_lines(json.dumps(facts, indent=2) if options.json else "\n".join(f"{name}: {value}" for name, value in facts.items()))
    return status.OK
