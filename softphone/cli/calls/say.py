"""`softphone say TEXT`: speak typed text into a call that is up in a running engine."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from softphone.cli import status
from softphone.cli.output import tell
from softphone.control.client import ControlClient
from softphone.control.protocol import CallState, ControlError, Say, Status
from softphone.control.runtime import default_socket
from softphone.files import text_file
from softphone.files.text_file import TextFileError

MAX_TEXT = 2000


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("say", help="speak typed English into a running call, in your own voice", epilog=status.HELP)
    command.add_argument("text", metavar="TEXT", help='what to say; "-" reads lines from standard input and says each')
    command.add_argument("--call", type=int, metavar="N", help="number of the call, where there are several")
    command.add_argument("--socket", type=Path, metavar="PATH", help="engine to use; default: engine.sock in the runtime folder")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    socket = options.socket or default_socket()
    with ControlClient(socket) as client:
        texts = _typed(sys.stdin.buffer) if options.text == "-" else [options.text]
        for text in texts:
            _say(client, text.strip(), options.call)
    return status.OK


def _typed(lines: Iterable[bytes]) -> Iterator[str]:
    """Each line as it comes."""
    for number, line in enumerate(lines, 1):
        try:
            text = text_file.text_of(line)
        except TextFileError:
            raise status.CommandError(f"Line {number} of what came on standard input is no UTF-8 text: convert it first.") from None
        if text.strip():
            yield text


def _say(client: ControlClient, text: str, wanted: int | None) -> None:
    if not text:
        raise status.CommandError("There is nothing to say: give a text.")
    if len(text) > MAX_TEXT:
        raise status.CommandError(f"The text has {len(text)} characters, and at most {MAX_TEXT} are spoken at once: send it in parts.")
    if any(not letter.isprintable() and letter not in "\t\n" for letter in text):
        raise status.CommandError("The text holds control characters: type it without them.")
    call = wanted if wanted is not None else _only_call(client.request(Status()).calls)
    result = client.request(Say(call=call, text=text))
    tell(f"said in {result.seconds:.1f} s")
    for doubt in result.doubts:
        tell(doubt, sys.stderr)


def _only_call(calls: list[CallState]) -> int:
    up = [call for call in calls if call.state == "confirmed"]
    if not up:
        raise ControlError("no call in progress; call somebody first", "no_call")
    if len(up) > 1:
        shown = ", ".join(f"{call.call} ({call.remote})" for call in up)
        raise ControlError(f"several calls are in progress: {shown}; choose one with --call", "no_call")
    return up[0].call
