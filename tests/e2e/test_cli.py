"""The command line from outside: processes, exit statuses, what they print, and Ctrl-C."""

import json
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from softphone import __version__
from softphone.config import Account, to_toml
from tests.e2e.command import HURRIED, one_sentence, run, running
from tests.peers.programs.kamailio import Kamailio
from tests.peers.programs.process import free_port
from tests.phones.quiet import quiet_settings
from tests.sound import assert_same_sound


def test_version_help_and_wrong_arguments() -> None:
    assert run("--version").stdout == f"softphone {__version__}\n"
    assert "exit status" in run("--help").stdout
    assert run().returncode == 2
    assert run("dance").returncode == 2
    assert run("call").returncode == 2
    assert run("call", "sip:a@b", "--seconds", "nan").returncode == 2


def test_a_wrong_configuration_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text("[phv]\ninterval_ms = 1\n")
    for arguments in (("demo",), ("register", "--once"), ("call", "sip:a@b"), ("answer",)):
        done = run(*arguments, "--config", tmp_path / "wrong.toml")
        assert done.returncode == 1
        assert "phv.interval_ms" in one_sentence(done)


def test_files_that_are_not_there(tmp_path: Path, quiet_config: Path) -> None:
    done = run("call", "sip:127.0.0.1:9", "--config", quiet_config, "--wav-in", tmp_path / "none.wav")
    assert done.returncode == 1
    assert "none.wav" in done.stderr.splitlines()[-1]
    done = run("demo", "--wav", tmp_path / "none.wav", "--text", "words")
    assert done.returncode == 1
    assert "none.wav" in one_sentence(done)
    assert "--wav" in one_sentence(run("demo", "--text", "words"))
    done = run("call", "sip:a@b", "--socket", tmp_path / "none.sock")
    assert done.returncode == 1
    assert "none.sock" in one_sentence(done)


def test_a_call_between_two_commands(quiet_config: Path, speech: Path, tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    with running("answer", "--config", quiet_config, "--json", "--wav-out", heard) as answer:
        address = answer.event("engine", state="ready")["reason"].removeprefix("listening on ")
        done = run("call", f"sip:{address}", "--config", quiet_config, "--wav-in", speech, "--json")
        assert done.returncode == 0, done.stderr
        events = [json.loads(line) for line in done.stdout.splitlines()]
        assert [event["state"] for event in events if event["event"] == "call_state"][-2:] == ["confirmed", "disconnected"]
        media = next(event for event in events if event["event"] == "media" and event["state"] == "active")
        assert media["codec"] == "opus"
        answer.event("call_state", state="disconnected")
        assert answer.end()[0] == 0
    assert_same_sound(speech, heard)


def test_nobody_at_the_other_end(quiet_config: Path) -> None:
    done = run("call", f"sip:nobody@127.0.0.1:{free_port()}", "--config", quiet_config, program=(sys.executable, "-c", HURRIED))
    assert done.returncode == 3
    assert "call ended" in done.stderr
    assert "Traceback" not in done.stderr
    done = run("call", "not a uri", "--config", quiet_config)
    assert done.returncode == 1
    assert "an address looks like sip:" in done.stderr.splitlines()[-1]


def test_ctrl_c_hangs_up(quiet_config: Path) -> None:
    with ExitStack() as stack:
        answer = stack.enter_context(running("answer", "--config", quiet_config, "--json"))
        address = answer.event("engine", state="ready")["reason"].removeprefix("listening on ")
        call = stack.enter_context(running("call", f"sip:{address}", "--config", quiet_config, "--json"))
        answer.event("call_state", state="confirmed")
        call.event("call_state", state="confirmed")
        call.interrupt()
        ended = answer.event("call_state", state="disconnected")
        assert "hung up" in ended["reason"]
        status, errors = call.end()
        assert status == 130
        assert "Traceback" not in errors
        assert answer.end()[0] == 0


def test_commands_share_a_running_engine(quiet_config: Path, tmp_path: Path, speech: Path) -> None:
    socket = tmp_path / "shared.sock"
    with running("engine", "--config", quiet_config, "--listen", socket, "--json") as engine:
        address = engine.event("engine", state="ready")["reason"].removeprefix("listening on ")
        assert socket.stat().st_mode & 0o777 == 0o600
        with running("answer", "--socket", socket, "--json") as answer:
            answer.event("engine", state="ready")
            assert run("call", f"sip:{address}", "--config", quiet_config, "--wav-in", speech).returncode == 0
            assert answer.end()[0] == 0
        assert engine.process.poll() is None
        engine.interrupt()
        assert engine.end()[0] == 130
        assert not socket.exists()


@pytest.mark.parametrize(("password", "status"), [("alice-secret", 0), ("wrong-secret", 3)])
def test_register(kamailio: Kamailio, tmp_path: Path, password: str, status: int) -> None:
    config = tmp_path / "account.toml"
    account = Account(id="sip:alice@softphone.test", proxy=kamailio.proxy, password_env="SOFTPHONE_TEST_PASSWORD")
    config.write_text(to_toml(quiet_settings(account)))
    done = run("register", "--once", "--config", config, SOFTPHONE_TEST_PASSWORD=password)
    assert done.returncode == status, done.stderr
    assert ("password" if status else "registered") in done.stderr
    assert password not in done.stdout + done.stderr
    assert "password_env" in run("register", "--once", "--config", config).stderr
