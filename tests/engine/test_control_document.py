"""docs/control.md tells the truth: its reference is made of the protocol's classes, its examples are accepted, its client calls."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from softphone.config import parse
from softphone.control.protocol import (
    COMMANDS,
    AutoAnswer,
    Command,
    Devices,
    Hangup,
    Reply,
    Sdp,
    SipLadder,
    Status,
    parse_command,
    parse_message,
)
from softphone.control.protocol import AnyEvent as Events
from softphone.engine.hooks import PREFIX, variables
from tests.phones.phone import Phone
from tests.places import ROOT
from tools import control_document, control_examples

MakePhone = Callable[..., Phone]
TEXT = control_document.DOCUMENT.read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def test_the_reference_is_made_of_the_classes() -> None:
    written = TEXT.partition(control_document.BEGIN)[2].partition(control_document.END)[0].strip()
    assert written == control_document.reference().strip(), "run: python -m tools.control_document"


def test_every_command_and_event_has_an_example() -> None:
    assert set(control_examples.COMMANDS) == set(COMMANDS.values()), "add it to tools/control_examples.py"
    assert set(control_examples.EVENTS) == set(get_args(Events)), "add it to tools/control_examples.py"


def test_every_line_of_the_examples_is_of_the_protocol() -> None:
    commands, others = [], []
    for line in "".join(blocks("json")).splitlines():
        if '"command"' in line:
            commands.append(parse_command(line.encode()))
        else:
            others.append(parse_message(line.encode()))
    assert {type(command) for command in commands} == set(COMMANDS.values())
    assert None not in others and sum(isinstance(other, Reply) for other in others) == len(COMMANDS)


def test_the_error_codes_are_those_of_the_program() -> None:
    told = set(re.findall(r"`([a-z_]+)`", TEXT.partition("`code` is for programs")[2].partition("\n\n")[0]))
    raised = {"bad_command", "failed"}
    for path in [*(ROOT / "softphone" / "engine").rglob("*.py"), *(ROOT / "softphone" / "control").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("ControlError", "Failure"):
                given = [*node.args[1:2], *(word.value for word in node.keywords if word.arg == "code")]
                raised |= {str(value.value) for value in given if isinstance(value, ast.Constant)}
    assert raised - {"runtime", "protocol"} == told


def test_hooks_are_described_with_all_their_variables() -> None:
    section = TEXT.partition("## Hooks")[2]
    assert parse(blocks("toml")[0]).hooks.timeout_seconds == 30
    for name in {name for event in control_examples.EVENTS.values() for name in variables("ring", event)}:
        assert name in section or f"`_{name.removeprefix(PREFIX)}`" in section, name


def test_the_client_of_ten_lines_and_the_documented_answers(tmp_path: Path, make_phone: MakePhone) -> None:
    alice, bob = make_phone("alice", codecs=("PCMU",)), make_phone("bob", codecs=("PCMU",))
    bob.client.request(AutoAnswer())
    program = tmp_path / "client.py"
    program.write_text(blocks("python")[0])
    command = [sys.executable, str(program), str(alice.socket), bob.uri]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        seen = [client.stdout.readline().strip()]
        while seen[-1] != "confirmed":
            assert seen[-1], seen
            seen.append(client.stdout.readline().strip())
        call = alice.client.request(Status()).calls[0].call
        for ask in (Status(), SipLadder(call=call), Sdp(call=call), Devices()):
            assert type(control_examples.RESULTS[type(ask)]) is type(alice.client.request(ask)), type(ask).__name__
        assert alice.client.request(Hangup(call=call)).calls == [call]
        assert client.stdout.read().split() == ["disconnected"]
    assert client.returncode == 0
    refused = subprocess.run([*command[:3], "no address"], capture_output=True, text=True, timeout=30, check=True)
    assert "is no SIP address" in refused.stdout


def ctl(phone: Phone, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "softphone.cli.main", "ctl", "--socket", str(phone.socket), *arguments]
    return subprocess.run(program, cwd=ROOT, input=stdin, capture_output=True, text=True, timeout=60, check=False)


def test_ctl_sends_any_command_and_follows_events(make_phone: MakePhone) -> None:
    alice, bob = make_phone("alice", codecs=("PCMU",)), make_phone("bob", codecs=("PCMU",))
    bob.client.request(AutoAnswer())
    done = ctl(alice, "call", f"uri={bob.uri}", 'codecs=["PCMU"]', "--until", "call_state,state=confirmed", "--seconds", "30")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and lines[0] == {"call": 1} and lines[-1]["state"] == "confirmed"
    assert {line["event"] for line in lines[1:]} >= {"call_state", "media"}
    only = ctl(alice, "mute", "call=1", "on=false", "--follow", "--events", "call_state", "--seconds", "1")
    assert [json.loads(line).get("event") for line in only.stdout.splitlines()] == [None, "call_state"]
    asked = '{"id": 5, "command": "hangup", "call": 77}\nnonsense\n{"id": 6, "command": "hangup", "call": 1}\n'
    many = ctl(alice, "-", stdin=asked)
    answers = [json.loads(line) for line in many.stdout.splitlines()]
    assert many.returncode == 1 and not many.stderr
    assert answers[0]["id"] == 5 and answers[0]["error"]["code"] == "no_call"
    assert answers[1]["error"]["code"] == "not_json" and answers[2] == {"id": 6, "result": {"calls": [1]}}


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ((), 2, "say which command"),
        (("dance",), 1, "unknown; commands are status"),
        (("call",), 1, "its fields are id, uri"),
        (("call", "sip:a@b"), 2, "FIELD=VALUE"),
        (("register", "account=a", "uri=sip:a@b", "password=geheim"), 1, "standard input"),
        (("hangup", "call=3"), 1, "no call 3"),
        (("call", "uri=sip:bob@[2001:db8::1]:5060"), 1, "without IPv6"),
        (("--follow", "--events", "dances"), 2, "no event 'dances'"),
        (("--until", "dtmf", "--seconds", "0.5"), 1, "no such event dtmf"),
    ],
)
def test_ctl_says_what_is_wrong(shared_phone: Phone, arguments: tuple[str, ...], status: int, words: str) -> None:
    done = ctl(shared_phone, *arguments)
    assert done.returncode == status and words in done.stderr and "geheim" not in done.stderr and "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def shared_phone(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from softphone.config import Audio, Codecs, Config, Network  # noqa: PLC0415

    config = Config(network=Network(bind="127.0.0.1"), audio=Audio("null", "null"), codecs=Codecs(("PCMU",)))
    phone = Phone(tmp_path_factory.mktemp("ctl"), config)
    try:
        phone.start()
        yield phone
    finally:
        phone.stop()


def test_texts_that_look_like_numbers_stay_texts() -> None:
    from softphone.cli.running import ctl  # noqa: PLC0415

    command: Command = ctl._command("send_dtmf", ["call=3", "digits=123"])
    assert (command.call, command.digits) == (3, "123")  # type: ignore[attr-defined]
