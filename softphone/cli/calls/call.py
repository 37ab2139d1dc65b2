"""`softphone call URI`: one outgoing call."""

import argparse

from softphone import config
from softphone.cli import status
from softphone.cli.arguments import add_engine, add_sound, rate
from softphone.cli.calls import whom
from softphone.cli.calls.phone import Phone, SoundFiles, open_phone
from softphone.cli.output import Output
from softphone.control.protocol import Call, Status


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("call", help="call somebody, in the running phone if there is one", epilog=status.HELP)
    whom_help = "a contact, a number, a tel: or SIP URI such as sip:bob@example.org, or sip:192.0.2.7:5060 without a server"
    command.add_argument("whom", metavar="WHOM", help=whom_help)
    no_wait_help = "dial in the running phone and return at once; without one, stay with the call"
    command.add_argument("--no-wait", action="store_true", help=no_wait_help)
    add_engine(command)
    add_sound(command)
    command.add_argument(
        "--max-rate", type=rate, metavar="BPS", help="limit both directions to this many IP bit/s on our codec, 800 or more"
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    output = Output(options.json)
    with open_phone(options, output) as phone, SoundFiles(options) as files:
        uri = whom.resolve(options.whom, phone.request(Status()).accounts, config.load(options.config).numbers)
        phone.wait_registered()
        result = phone.request(Call(uri=uri, wav_in=files.wav_in, wav_out=files.wav_out, max_rate=options.max_rate))
        if options.no_wait and not phone.own:
            phone.leave_call(result.call)
            return status.OK
        return follow(phone, result.call, options, files)


def follow(phone: Phone, call: int, options: argparse.Namespace, files: SoundFiles) -> int:
    """Stay with a call to its end; gives the exit status."""
    end = phone.follow_call(call, seconds=options.seconds, until_played=files.wav_in is not None)
    return status.OK if end.duration_s > 0 else status.REFUSED
