"""`softphone call URI`: one outgoing call."""

import argparse

from softphone.cli import options as shared
from softphone.cli import status
from softphone.cli.output import Output
from softphone.cli.phone import Phone, SoundFiles, open_phone
from softphone.control.protocol import Call


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("call", help="call somebody", epilog=status.HELP)
    command.add_argument("uri", metavar="URI", help="such as sip:bob@example.org, or sip:192.0.2.7:5060 without a server")
    shared.add_engine(command)
    shared.add_sound(command)
    command.add_argument(
        "--max-rate", type=shared.rate, metavar="BPS", help="limit both directions to this many IP bit/s on our codec, 800 or more"
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    output = Output(options.json)
    with open_phone(options, output) as phone, SoundFiles(options) as files:
        phone.wait_registered()
        result = phone.request(Call(uri=options.uri, wav_in=files.wav_in, wav_out=files.wav_out, max_rate=options.max_rate))
        return follow(phone, int(result["call"]), options, files)


def follow(phone: Phone, call: int, options: argparse.Namespace, files: SoundFiles) -> int:
    """Stay with a call to its end; gives the exit status."""
    end = phone.follow_call(call, seconds=options.seconds, until_played=files.wav_in is not None)
    return status.OK if end.duration_s > 0 else status.REFUSED
