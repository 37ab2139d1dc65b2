"""`softphone ctl`: any command of the control socket, and its events, as JSON lines (docs/control.md)."""

import argparse
import codecs
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from softphone import sound_file
from softphone.cli import status
from softphone.cli.arguments import positive
from softphone.cli.output import tell_json
from softphone.control.client import ControlClient
from softphone.control.protocol import (
    COMMANDS,
    EVENTS,
    AnyCommand,
    Command,
    ControlError,
    Event,
    Failure,
    Play,
    Reply,
    Subscribe,
    parse_command,
    reply_with,
    to_line,
)
from softphone.control.runtime import default_socket

_STEP_S = 0.5


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "ctl",
        help="send any command to a running engine, follow its events, as JSON lines",
        description="Commands and events are described in docs/control.md. The result is one JSON object on standard output.",
        epilog=f"commands: {', '.join(COMMANDS)}; events: {', '.join(sorted(EVENTS))}; {status.HELP}",
    )
    command.add_argument(
        "command", nargs="?", metavar="COMMAND", help='such as "call"; "-" reads requests from standard input, a JSON object a line'
    )
    command.add_argument("fields", nargs="*", metavar="FIELD=VALUE", help="such as uri=sip:bob@example.org or call=3; lists as JSON")
    command.add_argument("--socket", type=Path, metavar="PATH", help="engine to use; default: engine.sock in the runtime folder")
    command.add_argument("--follow", action="store_true", help="then write the engine's events, one JSON object a line")
    command.add_argument("--events", type=_names, metavar="NAME,...", help="only these events; levels and phones come only so")
    command.add_argument(
        "--until", type=_condition, metavar="NAME[,FIELD=VALUE...]", help="follow to such an event, as call_state,state=disconnected"
    )
    command.add_argument("--seconds", type=positive, metavar="N", help="follow for at most so long")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    follows = options.follow or options.until is not None
    if options.command is None and not follows:
        raise status.CommandError(f"say which command: {', '.join(COMMANDS)}; or --follow", status.USAGE)
    if options.command == "-" and options.fields:
        raise status.CommandError('with "-" the fields come on standard input', status.USAGE)
    command: Command[Any] | None = _command(options.command, options.fields) if options.command not in (None, "-") else None
    with ControlClient(options.socket or default_socket()) as client:
        if follows or options.events is not None:
            client.request(Subscribe(events=options.events))
        result = status.OK
        if options.command == "-":
            result = _requests(client)
        elif isinstance(command, Play):
            with tempfile.TemporaryDirectory(prefix="softphone-") as folder:
                # Any sound file, as `call --wav-in` takes it; the engine has opened it when it answers.
                wav = str(sound_file.playable(Path(command.wav), Path(folder)))
                tell_json(msgspec.json.encode(client.request(msgspec.structs.replace(command, wav=wav))).decode())
        elif command is not None:
            tell_json(msgspec.json.encode(client.request(command)).decode())
        return _follow(client, options) if follows else result


def _names(text: str) -> list[str]:
    """Events to subscribe to, for argparse."""
    names = text.split(",")
    if unknown := [name for name in names if name not in EVENTS]:
        raise argparse.ArgumentTypeError(f"there is no event {unknown[0]!r}; there are {', '.join(sorted(EVENTS))}")
    return names


def _condition(text: str) -> tuple[str, dict[str, str]]:
    """Name of an event and the values that it must have, for argparse."""
    name, *fields = text.split(",")
    _names(name)
    if wrong := [field for field in fields if "=" not in field]:
        raise argparse.ArgumentTypeError(f"{wrong[0]!r} is no FIELD=VALUE")
    return name, dict(field.split("=", 1) for field in fields)


def _command(name: str, fields: list[str]) -> AnyCommand:
    """The command, checked as the engine would. Raises CommandError, ControlError."""
    given: dict[str, Any] = {"command": name}
    kinds = {field.name: field.type for field in msgspec.structs.fields(COMMANDS[name])} if name in COMMANDS else {}
    for text in fields:
        key, equals, value = text.partition("=")
        if not equals:
            raise status.CommandError(f"{text!r} is no field; write FIELD=VALUE, such as uri=sip:bob@example.org", status.USAGE)
        if key == "password" and value:
            # Every user of the machine can read the arguments of a process.
            raise status.CommandError('a password does not belong into arguments; give the command on standard input: softphone ctl "-"')
        given[key] = _value(value, kinds.get(key))
    return parse_command(json.dumps(given).encode())


def _value(text: str, kind: Any) -> Any:
    """As the field's type wants it: what is a text stays one, though it looks like a number."""
    if kind is not None:
        for takes in (text, _json(text)):
            try:
                return msgspec.convert(takes, kind)
            except msgspec.ValidationError:
                continue
    return _json(text)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _requests(client: ControlClient) -> int:
    """Requests of standard input, each answered before the next is sent."""
    result = status.OK
    for raw in sys.stdin.buffer:
        line = raw.removeprefix(codecs.BOM_UTF8)
        if not line.strip():
            continue
        number = None
        try:
            command: Command[Any] = parse_command(line)
            number = command.id
            answer = reply_with(number, client.request(command))
        except ControlError as error:
            if error.code == "no_engine":
                raise
            result = status.ERROR
            answer = Reply(id=error.request_id if number is None else number, error=Failure(code=error.code, message=str(error)))
        tell_json(to_line(answer).decode())
    return result


def _follow(client: ControlClient, options: argparse.Namespace) -> int:
    deadline = None if options.seconds is None else time.monotonic() + options.seconds
    while True:
        # Short waits, so that Ctrl-C is seen at once.
        left = _STEP_S if deadline is None else min(_STEP_S, deadline - time.monotonic())
        event = client.next_event(left) if left > 0 else None
        if event is not None:
            tell_json(to_line(event).decode())
            if options.until is not None and _is(event, *options.until):
                return status.OK
        elif not client.is_open:
            raise status.CommandError("the phone has ended; start it again")
        elif left <= 0:
            if options.until is not None:
                raise status.CommandError(f"no such event {options.until[0]} within {options.seconds:g} s")
            return status.OK


def _is(event: Event, name: str, wanted: dict[str, str]) -> bool:
    said = msgspec.to_builtins(event)
    return said["event"] == name and all(said.get(key) in (value, _json(value)) for key, value in wanted.items())
