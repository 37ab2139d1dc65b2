"""The engine dies, or is told to end: what each command says, what is remembered, and what can be played of a recording."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from softphone import sound_file
from softphone.control.client import ControlClient
from softphone.control.protocol import (
    AutoAnswer,
    Call,
    CallState,
    ControlError,
    DoNotDisturb,
    Dtmf,
    Engine,
    File,
    Hangup,
    Register,
    Shutdown,
    Status,
    Unregister,
)
from softphone.engine.standing import StandingCommands
from tests.e2e.command import PROGRAM, Running, run, running
from tests.phones.phone import MakePhone, Phone
from tests.phones.watched import Watched, gone


def engine_pid(socket: Path) -> int:
    with ControlClient(socket) as client:
        return int(client.request(Status()).pid)


def back(socket: Path, before: int, seconds: float = 30) -> ControlClient:
    """A connection to the engine that came after that of this process id."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            client = ControlClient(socket)
            if client.request(Status()).pid != before:
                return client
            client.close()
        except ControlError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_was_set_through_ctl_holds_after_a_restart_and_shutdown_ends_all_with_0(quiet_config: Path, tmp_path: Path) -> None:
    socket = tmp_path / "engine.sock"
    with running("engine", "--config", quiet_config, "--listen", socket, "--json") as engine:
        engine.event("engine", state="ready")
        heard = tmp_path / "heard-{call}.wav"
        for command in (
            ("auto_answer", f"wav_out={heard}"),
            ("do_not_disturb",),
            ("register", "account=a", "uri=sip:a@127.0.0.1:9", "registrar=sip:127.0.0.1:9"),
        ):
            assert run("ctl", "--socket", socket, *command).returncode == 0
        before = engine_pid(socket)
        os.kill(before, signal.SIGKILL)
        assert "no call was up" in engine.event("engine", state="died")["reason"]
        with back(socket, before) as client:
            state = client.request(Status())
            assert state.auto_answer and state.do_not_disturb and state.supervised
            assert [account.account for account in state.accounts] == ["local", "a"]
            client.request(DoNotDisturb(on=False))
            client.request(Unregister(account="a"))
        os.kill(state.pid, signal.SIGKILL)
        with back(socket, state.pid) as client:
            again = client.request(Status())
            assert again.auto_answer and not again.do_not_disturb
            assert [account.account for account in again.accounts] == ["local"]
        assert run("ctl", "--socket", socket, "shutdown").returncode == 0
        code, errors = engine.end()
        assert code == 0 and errors == ""
        assert gone(again.pid) and not socket.exists()


@pytest.fixture
def bob(make_phone: MakePhone) -> Phone:
    phone = make_phone("bob", codecs=("opus", "PCMU"))
    phone.client.request(AutoAnswer())
    return phone


def child_engine(command: Running) -> int:
    """The engine that a command started."""
    children = Path(f"/proc/{command.process.pid}/task/{command.process.pid}/children").read_text().split()
    named = [int(pid) for pid in children if b"softphone.engine" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(named) == 1
    return named[0]


def test_a_call_whose_engine_dies_ends_with_one_sentence(quiet_config: Path, bob: Phone) -> None:
    with running("call", bob.uri, "--config", quiet_config) as call:
        bob.wait(CallState, lambda event: event.state == "confirmed")
        os.kill(child_engine(call), signal.SIGABRT)
        code, errors = call.end()
    assert code == 1 and "Traceback" not in errors
    last = errors.splitlines()[-1]
    assert last.startswith("softphone: the call is lost: the engine ended unexpectedly (signal 6)") and bob.uri in last


@pytest.mark.parametrize("end", ["kill", "shutdown"])
@pytest.mark.parametrize("command", ["call", "answer", "register", "ctl"])
def test_commands_at_a_shared_engine_end_when_it_does(command: str, end: str, tmp_path: Path, bob: Phone, make_phone: MakePhone) -> None:
    shared = make_phone("shared", codecs=("opus", "PCMU"))
    socket = shared.socket
    if command == "register":
        shared.client.request(Register(account="a", uri="sip:a@127.0.0.1:9", registrar="sip:127.0.0.1:9"))
    arguments = {
        "call": ("call", bob.uri, "--socket", socket, "--json"),
        "answer": ("answer", "--keep", "--socket", socket, "--json"),
        "register": ("register", "--socket", socket, "--json"),
        "ctl": ("ctl", "--socket", socket, "--follow"),
    }[command]
    with running(*arguments) as going:
        deadline = time.monotonic() + 60
        with ControlClient(socket) as client:
            # The listener, the phone's own connection, this one, and that of the command.
            while Path("/proc/net/unix").read_text().count(str(socket)) < 4:
                assert time.monotonic() < deadline and going.process.poll() is None
                time.sleep(0.05)
            if command == "call":
                bob.wait(CallState, lambda event: event.state == "confirmed")
            if end == "kill":
                os.kill(int(client.request(Status()).pid), signal.SIGKILL)
            else:
                client.request(Shutdown())
        code, errors = going.end()
    if (command, end) == ("call", "shutdown"):
        # It was hung up in order.
        assert code == 0 and errors == ""
    else:
        assert code == 1 and errors.startswith(("softphone: the engine ", "softphone: the phone has ended")) and errors.count("\n") == 1, (
            errors
        )


def test_an_engine_that_is_ending_says_so_instead_of_what_is_left_of_it(make_phone: MakePhone) -> None:
    phone = make_phone("ending", codecs=("PCMU",))
    # A registrar that does not answer keeps it for a moment.
    phone.client.request(Register(account="a", uri="sip:a@127.0.0.1:9", registrar="sip:127.0.0.1:9"))
    with ControlClient(phone.socket) as other:
        assert len(other.request(Status()).accounts) == 2
        phone.client.request(Shutdown())
        with pytest.raises(ControlError, match="the engine is ending|the phone has ended"):
            other.request(Status())


def test_a_request_at_the_moment_of_death_is_one_sentence(tmp_path: Path, make_phone: MakePhone) -> None:
    shared = make_phone("shared", codecs=("PCMU",))
    pid = int(shared.client.request(Status()).pid)
    os.kill(pid, signal.SIGSTOP)
    asked = [
        subprocess.Popen([*PROGRAM, *words, "--socket", str(shared.socket)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for words in (("say", "hello"), ("ctl", "status"))
    ]
    deadline = time.monotonic() + 60
    while Path("/proc/net/unix").read_text().count(str(shared.socket)) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    for each in asked:
        _, errors = each.communicate(timeout=30)
        assert each.returncode == 1 and errors.startswith("softphone: ") and errors.count("\n") == 1, errors


def test_the_recording_of_a_killed_engine_can_be_played(watch: Callable[..., Watched], speech: Path, tmp_path: Path, bob: Phone) -> None:
    bob.client.request(AutoAnswer(wav_in=str(speech)))
    alice = watch("alice", "PCMU")
    half = tmp_path / "half.wav"
    first = alice.engine.request(Call(uri=bob.uri, wav_out=str(half))).call
    alice.wait(File, lambda event: event.action == "recording")
    deadline = time.monotonic() + 30
    while half.stat().st_size < 40_000:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(alice.engine.pid, signal.SIGKILL)
    over = alice.wait(CallState, lambda event: event.state == "disconnected")
    died = alice.wait(Engine, lambda event: event.state == "died")
    assert "signal 9" in over.reason and f"lost: the call with {bob.uri}" in died.reason
    alice.wait(Engine, lambda event: event.state == "ready", after=alice.events.index(died))
    pcm = sound_file.read(half)
    assert len(pcm) > 16_000 and np.abs(pcm).max() > 1000
    # The engine itself plays it too, and the next call has a number of its own.
    second = alice.engine.request(Call(uri=bob.uri, wav_in=str(half))).call
    assert second > first
    alice.wait(File, lambda event: event.action == "playing" and event.call == second)
    alice.wait(File, lambda event: event.action == "played" and event.call == second)


def test_a_number_is_dialled_and_then_its_keys_are_pressed(make_phone: MakePhone, bob: Phone) -> None:
    alice = make_phone("alice", codecs=("PCMU",))
    began = time.monotonic()
    alice.client.request(Call(uri=bob.uri, keys=",43#"))
    keys = [bob.wait(Dtmf, lambda event, key=key: event.digit == key).digit for key in "43#"]  # type: ignore[misc]
    assert keys == ["4", "3", "#"] and time.monotonic() - began > 1.9
    with pytest.raises(ControlError, match="is a number, and no account has a server"):
        alice.client.request(Call(uri="(202) 555-0143"))
    with pytest.raises(ControlError):
        alice.client.request(Call(uri=bob.uri, keys="nonsense"))
    # Numbers go to the server of the account.
    alice.client.request(Register(account="a", uri=f"sip:alice@{bob.uri.partition('@')[2]}"))
    call = alice.client.request(Call(uri="+49 (0)30 1234,,5", account="a")).call
    remote = alice.wait(CallState, lambda event: event.call == call).remote
    assert remote.startswith("sip:+49301234@") or "<sip:+49301234@" in remote
    alice.client.request(Hangup())


def test_only_the_last_of_each_counts(tmp_path: Path) -> None:
    descriptor = os.memfd_create("test")
    standing = StandingCommands(descriptor)
    assert standing.earlier() == [] and StandingCommands(None).earlier() == []
    standing.note(Status())
    for on in (True, False):
        standing.note(AutoAnswer(on=on))
    standing.note(Register(account="a", uri="sip:a@b", password="secret"))
    os.pwrite(descriptor, b'\n{"command": "do_not_dis', os.fstat(descriptor).st_size)
    standing.note(DoNotDisturb())
    assert StandingCommands(descriptor).earlier() == [
        AutoAnswer(on=False), Register(account="a", uri="sip:a@b", password="secret"), DoNotDisturb()
    ]  # fmt: skip
    standing.note(Unregister(account="a"))
    assert StandingCommands(descriptor).earlier() == [AutoAnswer(on=False), DoNotDisturb()]
    for number in range(20_000):
        standing.note(AutoAnswer(wav_out=f"/tmp/{'x' * 300}{number}.wav"))
    assert os.fstat(descriptor).st_size < 4 << 20
    assert StandingCommands(descriptor).earlier()[-1] == AutoAnswer(wav_out=f"/tmp/{'x' * 300}19999.wav")
    os.close(descriptor)
