"""`softphone engine`: run the phone in the background of other commands, until Ctrl-C."""

import argparse
from pathlib import Path

from softphone.cli import status
from softphone.cli.arguments import add_config
from softphone.cli.calls.phone import EngineStopped, open_phone
from softphone.cli.output import Output
from softphone.control.runtime import default_socket


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("engine", help="run the phone for other commands to use with --socket", epilog=status.HELP)
    add_config(command)
    command.add_argument("--listen", type=Path, metavar="PATH", help="control socket to make; default: engine.sock in the runtime folder")
    command.add_argument("--json", action="store_true", help="write the engine's events to standard output, one JSON object a line")
    command.add_argument("--quiet", action="store_true", help="do not say what happens in calls, as a service whose output is kept")
    command.set_defaults(run=run, socket=None)


def run(options: argparse.Namespace) -> int:
    output = Output(options.json, quiet=options.quiet)
    with open_phone(options, output, listen=options.listen or default_socket()) as phone:
        output.say(f"the engine is ready; use it with --socket {phone.socket}")
        try:
            phone.follow()
        except EngineStopped as ended:
            output.say(str(ended))
    return status.OK
