"""`softphone answer`: wait for calls and take them."""

import argparse

from softphone.cli import status
from softphone.cli.arguments import add_engine, add_sound
from softphone.cli.calls.call import follow
from softphone.cli.calls.phone import SoundFiles, open_phone
from softphone.cli.output import Output
from softphone.control.protocol import Answer


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("answer", help="wait for a call and take it", epilog=status.HELP)
    command.add_argument("--keep", action="store_true", help="wait for the next call afterwards, until Ctrl-C")
    add_engine(command)
    add_sound(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    output = Output(options.json)
    with open_phone(options, output) as phone, SoundFiles(options) as files:
        output.say(f"waiting for a call at {phone.address()}")
        while True:
            call = phone.wait_incoming()
            phone.request(Answer(call=call, wav_in=files.wav_in, wav_out=files.wav_out))
            result = follow(phone, call, options, files)
            if not options.keep:
                return result
