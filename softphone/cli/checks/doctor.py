"""`softphone doctor`: checks everything the phone needs and says how to fix what is wrong."""

import argparse

from softphone.cli import status
from softphone.cli.arguments import add_config
from softphone.cli.output import tell_lines


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("doctor", help="check the installation and say how to fix it", epilog=status.HELP)
    add_config(command)
    command.add_argument("--json", action="store_true", help="write the findings as one JSON object")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from softphone import doctor  # noqa: PLC0415 - imports what it checks

    findings = doctor.examine(options.config)
    tell_lines(doctor.as_json(findings) if options.json else doctor.as_text(findings))
    return status.ERROR if any(finding.state == "broken" for finding in findings) else status.OK
