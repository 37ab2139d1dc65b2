"""`softphone register`: keep the account of the configuration registered, and say how it stands."""

import argparse
import math

from softphone.cli import status
from softphone.cli.arguments import add_engine
from softphone.cli.calls.phone import open_phone
from softphone.cli.output import Output


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("register", help="register the account and stay reachable", epilog=status.HELP)
    command.add_argument("--once", action="store_true", help="leave as soon as the registrar has accepted or refused")
    add_engine(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    output = Output(options.json)
    with open_phone(options, output) as phone:
        if not phone.has_account():
            raise status.CommandError("no account is configured; set account.id in the configuration file (softphone doctor names it)")
        if options.once:
            phone.wait_registered()
            return status.OK
        phone.wait_registered(math.inf)
        phone.follow()
    return status.ERROR
