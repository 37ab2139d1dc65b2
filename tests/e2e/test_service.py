"""`softphone service`: the phone as a user service. What it asks of systemd is carried out by tests/e2e/systemctl.py."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from softphone.cli.running import service
from softphone.config import Audio, Config, Network, to_toml
from softphone.control.client import ControlClient
from softphone.control.protocol import ControlError, Status
from tests.e2e import systemctl
from tests.e2e.command import one_sentence, run
from tests.places import ROOT
from tests.tui.scripted_engine import ScriptedEngine
from tests.waiting import until


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's folders, whose name has what a unit file gives a meaning to."""
    folder = tmp_path / 'a "100 %" $HOME'
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    (tmp_path / "run").mkdir(mode=0o700)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "systemctl").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT}/tests/e2e/systemctl.py" "$@"\n')
    (programs / "systemctl").chmod(0o755)
    (programs / "loginctl").write_text("#!/bin/sh\necho no\n")
    (programs / "loginctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("SERVICES", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(systemctl, "FOLDER", tmp_path)
    config = folder / "config" / "softphone" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(to_toml(Config(network=Network(bind="127.0.0.1"), audio=Audio("null", "null"))))
    yield folder
    systemctl.end()


def answers(socket: Path) -> bool:
    try:
        with ControlClient(socket) as client:
            return bool(client.request(Status()).address)
    except ControlError:
        return False


def test_it_is_installed_reached_and_removed(home: Path, tmp_path: Path) -> None:
    socket = tmp_path / "run" / "softphone" / "engine.sock"
    done = run("service", "status")
    assert done.returncode == 1 and "not installed" in done.stdout
    done = run("service", "install")
    assert done.returncode == 0, done.stderr
    assert "runs in the background now" in done.stdout and "loginctl enable-linger" in done.stdout
    until(lambda: answers(socket), 30, "the service's phone answers")
    assert oct(service.unit_file().stat().st_mode & 0o777) == "0o600"
    done = run("service", "status")
    assert done.returncode == 0 and "installed and running; at login it is started" in done.stdout
    # A second time it is the same one, with what is new in the unit.
    assert run("service", "install").returncode == 0
    until(lambda: answers(socket), 30, "it answers again")
    done = run("service", "uninstall")
    assert done.returncode == 0 and not service.unit_file().exists(), done.stderr
    assert not answers(socket) and not systemctl.running()
    assert run("service", "uninstall").stdout.strip() == "The service is not installed."


def test_a_phone_that_runs_already_is_not_doubled(home: Path, tmp_path: Path) -> None:
    (tmp_path / "run" / "softphone").mkdir(mode=0o700)
    engine = ScriptedEngine(tmp_path / "run" / "softphone" / "engine.sock")
    try:
        done = run("service", "install")
    finally:
        engine.stop()
    assert done.returncode == 1 and "a phone is running already; quit it first" in one_sentence(done)
    assert not service.unit_file().exists()


def test_where_there_is_no_systemd_one_sentence_says_what_to_do(home: Path, tmp_path: Path) -> None:
    (tmp_path / "no-bus").touch()
    sentence = one_sentence(run("service", "install"))
    assert "Failed to connect to bus" in sentence and "softphone engine" in sentence
    (tmp_path / "bin" / "systemctl").unlink()
    assert "no program systemctl" in one_sentence(run("service", "install", PATH=str(tmp_path / "bin")))
    assert not service.unit_file().exists()


def test_a_wrong_configuration_is_said_before_anything_is_installed(home: Path) -> None:
    (home / "config" / "softphone" / "config.toml").write_text("[network]\nport = 99999999\n")
    assert "network.port" in one_sentence(run("service", "install"))
    assert not service.unit_file().exists()
