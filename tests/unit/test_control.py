"""The control protocol and its client: every line is a command or one sentence; a bad front end harms nobody else."""

import json
import os
import socket
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softphone.control import protocol
from softphone.control.client import ControlClient
from softphone.control.protocol import (
    COMMANDS,
    MAX_LINE,
    AnyCommand,
    Call,
    CallState,
    CallStatistics,
    Command,
    ControlError,
    Engine,
    Event,
    Levels,
    Log,
    Register,
    Reply,
    Status,
    Subscribe,
    parse_command,
    parse_message,
    reply_with,
    to_line,
)
from softphone.control.runtime import private_folder
from softphone.engine.server import ControlServer, SocketPathError

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
field_names = st.sampled_from(sorted({field for command in COMMANDS.values() for field in command.__struct_fields__} | {"command", "x"}))
almost_commands = st.builds(
    lambda fields, name: json.dumps({**fields, "command": name}).encode(),
    st.dictionaries(field_names, json_values, max_size=6),
    st.sampled_from(sorted(COMMANDS)),
)


@given(st.binary(max_size=300) | almost_commands | json_values.map(lambda value: json.dumps(value).encode()))
def test_every_line_is_a_command_or_a_control_error(line: bytes) -> None:
    try:
        command = parse_command(line)
    except ControlError as error:
        assert str(error) and "\n" not in str(error)
        assert error.code
    else:
        assert isinstance(command, Command)
        assert parse_command(to_line(command)) == command


@given(st.binary(max_size=300) | json_values.map(lambda value: json.dumps(value).encode()))
def test_every_line_of_an_engine_is_a_message_or_a_control_error(line: bytes) -> None:
    try:
        message = parse_message(line)
    except ControlError as error:
        assert str(error)
    else:
        assert message is None or isinstance(message, Event | Reply)


ids = st.integers(0, 2**53 - 1)
uris = st.text("abc.:@;=<> é", min_size=1, max_size=40)
files = st.none() | st.text("abc /.", min_size=1, max_size=40)


@given(
    st.builds(Call, id=ids, uri=uris, account=st.none() | st.text("ab.-", min_size=1, max_size=9), wav_in=files, wav_out=files)
    | st.builds(Register, id=ids, account=st.just("a"), uri=uris, password=st.text("xyz'\"", max_size=9), expires_s=st.integers(20, 86400))
    | st.builds(Subscribe, id=ids, events=st.none() | st.lists(st.sampled_from(sorted(protocol.EVENTS))))
)
def test_commands_survive_the_wire(command: Command) -> None:
    assert parse_command(to_line(command)) == command


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        (b"hello", "not_json", "one JSON object a line"),
        (b"[1]", "not_json", "one JSON object a line"),
        (b'{"id": 1}', "bad_command", "commands are status"),
        (b'{"id": 1, "command": "dance"}', "unknown_command", '"dance" is unknown'),
        (b'{"id": 1, "command": "call"}', "bad_command", "missing required field `uri`"),
        (b'{"id": 1, "command": "call", "uri": 5}', "bad_command", "Expected `str`"),
        (b'{"id": 1, "command": "call", "uri": "sip:a@b\\r\\nX: y"}', "bad_command", "uri"),
        (b'{"id": 1, "command": "call", "uri": "sip:a@b", "colour": "red"}', "bad_command", "unknown field `colour`"),
        (b'{"id": 1, "command": "hangup", "call": -1}', "bad_command", ">= 0"),
        (b'{"id": 1, "command": "hangup", "code": 200}', "bad_command", ">= 300"),
        (b'{"id": 1, "command": "subscribe", "events": ["gossip"]}', "bad_command", "gossip"),
        (b"[" * MAX_LINE, "not_json", "not a command"),
        (b" " * (MAX_LINE + 1), "line_too_long", "longer than"),
    ],
)
def test_a_bad_line_gets_its_sentence(line: bytes, code: str, words: str) -> None:
    with pytest.raises(ControlError) as caught:
        parse_command(line)
    assert caught.value.code == code
    assert words in str(caught.value)


def test_the_id_of_a_bad_command_comes_back() -> None:
    with pytest.raises(ControlError) as caught:
        parse_command(b'{"id": 17, "command": "call", "uri": 1}')
    assert caught.value.request_id == 17


def test_a_password_is_not_in_the_repr() -> None:
    command = Register(account="a", uri="sip:a@example.org", password="secret-word")
    assert "secret-word" not in repr(command)
    assert "secret-word" not in f"{command}"


def test_names_that_are_no_utf_8_are_told_all_the_same() -> None:
    event = CallState(call=1, state="incoming", direction="incoming", remote='"B\udcc6b" <sip:b@c>')
    told = protocol.parse_message(protocol.to_line(event))
    assert isinstance(told, CallState) and told.remote == '"B?b" <sip:b@c>' and told.state == "incoming"
    reply = protocol.parse_message(protocol.to_line(protocol.reply_with(3, protocol.PhoneStatus(address="\udcc6"))))
    assert isinstance(reply, Reply) and protocol.parse_result(Status(), reply).address == "?"


def test_events_of_newer_engines_are_passed_over() -> None:
    assert parse_message(b'{"event": "telepathy", "mood": 1}') is None
    event = parse_message(b'{"event": "log", "level": "info", "message": "m", "shade": "blue", "time": 1, "monotonic": 2}')
    assert event == Log(level="info", message="m", time=1.0, monotonic=2.0)


def test_event_names_are_the_ones_that_can_be_subscribed_to() -> None:
    assert set(protocol.EVENTS) == set(protocol.EventName.__args__)


def _echo(command: AnyCommand) -> msgspec.Struct:
    """What was asked, in a field of the answer."""
    asked = protocol.to_line(command).decode().strip()
    return protocol.TranscriptFile(asked) if isinstance(command, protocol.Transcribe) else protocol.PhoneStatus(version=asked)


class EchoEngine:
    """A control server of its own, whose answers are made by the test: the server's and client's share of the work."""

    def __init__(self, path: Path) -> None:
        self.commands: list[AnyCommand] = []
        self.silent = False
        self.answer: msgspec.Struct | None = None
        self.server = ControlServer(path, self._command)
        self.server.start()

    def _command(self, connection: int, command: AnyCommand) -> None:
        self.commands.append(command)
        if not self.silent:
            self.server.reply(connection, reply_with(command.id, self.answer or _echo(command)))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EchoEngine]:
    served = EchoEngine(tmp_path / "c.sock")
    yield served
    served.server.stop()


def test_requests_and_events(engine: EchoEngine) -> None:
    with ControlClient(engine.server.path) as client, ControlClient(engine.server.path) as other:
        assert '"call":7' in client.request(protocol.Transcribe(call=7)).path
        assert '"command":"status"' in other.request(Status()).version
        engine.server.publish(Log(level="info", message="one"))
        for each in (client, other):
            event = each.next_event(5)
            assert isinstance(event, Log) and event.message == "one"


def test_the_socket_is_private_and_goes_with_the_server(tmp_path: Path) -> None:
    server = ControlServer(tmp_path / "p.sock", lambda *_: None)
    mode = os.stat(server.path).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
    server.start()
    server.stop()
    assert not server.path.exists()


def test_a_socket_in_use_is_not_taken_and_a_stale_one_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    first = ControlServer(path, lambda *_: None)
    first.start()
    with pytest.raises(SocketPathError, match="already serves"):
        ControlServer(path, lambda *_: None)
    first.stop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stale:
        stale.bind(str(path))
    second = ControlServer(path, lambda *_: None)
    second.start()
    second.stop()


def test_what_is_no_place_for_a_socket_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(SocketPathError, match="is no socket"):
        ControlServer(tmp_path / "file", lambda *_: None)
    assert (tmp_path / "file").read_text() == "precious"
    with pytest.raises(SocketPathError, match="longer than"):
        ControlServer(tmp_path / ("x" * 120), lambda *_: None)
    with pytest.raises(SocketPathError, match="folder"):
        ControlServer(tmp_path / "nowhere" / "c.sock", lambda *_: None)


def test_subscribing_filters_events(engine: EchoEngine) -> None:
    with ControlClient(engine.server.path) as client:
        client.request(Subscribe(events=["call_state"]))
        engine.server.publish(Log(level="info", message="not wanted"))
        engine.server.publish(CallState(call=1, state="early", direction="outgoing"))
        assert isinstance(client.next_event(5), CallState)
        client.request(Subscribe())
        engine.server.publish(Log(level="info", message="wanted again"))
        assert isinstance(client.next_event(5), Log)


def test_frequent_events_go_to_those_who_name_them(engine: EchoEngine) -> None:
    server = engine.server
    with ControlClient(server.path) as one, ControlClient(server.path) as other:
        for client in (one, other):
            client.request(Status())
        assert server.wants("log") and not server.wants("levels")
        other.request(Subscribe(events=["levels", "log"]))
        assert server.wants("levels") and not server.wants("phones")
        server.publish(Levels(call=None, tx=-20, rx=-80))
        server.publish(Log(level="info", message="for all"))
        assert isinstance(one.next_event(5), Log)
        assert isinstance(other.next_event(5), Levels)
        other.request(Subscribe())
        assert not server.wants("levels")
    deadline = time.monotonic() + 10
    while server.wants("log") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not server.wants("log"), "nobody is there any more"


def test_an_answer_may_be_longer_than_a_command(engine: EchoEngine) -> None:
    with ControlClient(engine.server.path) as client:
        engine.answer = protocol.PhoneStatus(version="x" * (5 * MAX_LINE))
        assert client.request(Status()) == engine.answer
        engine.answer = protocol.PhoneStatus(version="x" * (2 * protocol.MAX_ANSWER))
        with pytest.raises(ControlError, match="ask for less"):
            client.request(Status())


def raw(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(5)
    connection.connect(str(path))
    return connection


def read_lines(connection: socket.socket, count: int) -> list[dict[str, Any]]:
    with connection.makefile("rb") as lines:
        return [json.loads(lines.readline()) for _ in range(count)]


def test_bad_lines_are_answered_and_the_connection_goes_on(engine: EchoEngine) -> None:
    with raw(engine.server.path) as connection:
        connection.sendall(b'nonsense\n{"id": 5, "command": "call"}\n\n{"id": 6, "command": "sta')
        connection.sendall(b'tus"}\n')
        first, second, third = read_lines(connection, 3)
    assert first["error"]["code"] == "not_json"
    assert second["id"] == 5 and "uri" in second["error"]["message"]
    assert third["id"] == 6 and '"command":"status"' in third["result"]["version"]


def test_a_line_without_end_is_refused_once_and_skipped(engine: EchoEngine) -> None:
    with raw(engine.server.path) as connection:
        for _ in range(8):
            connection.sendall(b"x" * MAX_LINE)
        connection.sendall(b'tail of it\n{"id": 9, "command": "status"}\n')
        first, second = read_lines(connection, 2)
    assert first["error"]["code"] == "line_too_long"
    assert second["id"] == 9 and "result" in second


def test_a_front_end_that_does_not_read_loses_events_and_harms_nobody(engine: EchoEngine) -> None:
    with raw(engine.server.path), ControlClient(engine.server.path) as client:
        client.request(Status())
        began = time.monotonic()
        for _ in range(20000):
            engine.server.publish(CallStatistics(call=1, codec="x" * 100))
        assert time.monotonic() - began < 10
        assert client.request(Status(), timeout_s=10).version


def test_a_front_end_that_asks_and_never_reads_is_put_out(engine: EchoEngine) -> None:
    with raw(engine.server.path) as connection, pytest.raises(OSError):
        connection.settimeout(10)
        question = b'{"id": 1, "command": "status"}\n' * 1000
        for _ in range(1000):
            connection.sendall(question)


def test_long_answers_that_nobody_reads_do_not_fill_the_memory(engine: EchoEngine) -> None:
    engine.answer = protocol.PhoneStatus(version="x" * 900_000)
    with raw(engine.server.path) as connection:
        connection.sendall(b'{"id": 1, "command": "sip_ladder", "call": 1}\n' * 40)
        deadline = time.monotonic() + 20
        while engine.server.front_ends or len(engine.commands) < 10:
            assert time.monotonic() < deadline, "it is put out"
            time.sleep(0.02)


def test_no_answer_and_no_engine_are_told_apart(engine: EchoEngine, tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="no phone is running") as missing:
        ControlClient(tmp_path / "nobody.sock")
    assert missing.value.code == "no_engine"
    engine.silent = True
    with ControlClient(engine.server.path) as client:
        with pytest.raises(ControlError) as late:
            client.request(Status(), timeout_s=0.1)
        assert late.value.code == "timeout"
        stopper = threading.Timer(0.2, engine.server.stop)
        stopper.start()
        with pytest.raises(ControlError) as gone:
            client.request(Status(), timeout_s=10)
        assert gone.value.code == "no_engine"
        stopper.join()
        assert list(client.events(1)) == []
        assert not client.is_open


def test_the_last_words_of_an_engine_arrive(engine: EchoEngine) -> None:
    with ControlClient(engine.server.path) as client:
        client.request(Status())
        engine.server.publish(Engine(state="stopped", reason="done"))
        engine.server.stop()
        assert [event.reason for event in client.events(5) if isinstance(event, Engine)] == ["done"]


def test_the_end_of_the_lifeline_is_told(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    told = threading.Event()
    server = ControlServer(tmp_path / "l.sock", lambda *_: None, lifeline=reading, on_lifeline=told.set)
    server.start()
    assert not told.wait(0.2)
    os.close(writing)
    assert told.wait(5)
    server.stop()


def test_the_runtime_folder_is_ours_alone(tmp_path: Path) -> None:
    made = private_folder(tmp_path / "a" / "b")
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    made.chmod(0o755)
    with pytest.raises(ControlError, match="chmod 700"):
        private_folder(made)
    (tmp_path / "link").symlink_to(made)
    with pytest.raises(ControlError, match="somebody else"):
        private_folder(tmp_path / "link")
