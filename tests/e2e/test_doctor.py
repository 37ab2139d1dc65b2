"""The doctor finds what is wrong and says how to fix it."""

import json
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from softphone import doctor
from softphone.config import Audio, Config, Network
from softphone.doctor.finding import Finding
from tests.e2e.command import run
from tests.places import ROOT


@pytest.mark.timeout(180)
def test_this_installation_is_sound() -> None:
    done = run("doctor", "--json", seconds=150)
    assert done.returncode == 0, done.stdout
    answer = json.loads(done.stdout)
    assert answer["ok"] is True
    states = {finding["name"]: finding["state"] for finding in answer["findings"]}
    for name in ("python", "configuration", "ports", "libopus", "weights", "engine", "codec interface", "codec worker", "codecs"):
        assert states[name] == "ok", name


@pytest.mark.timeout(180)
def test_missing_weights_are_named(tmp_path: Path) -> None:
    for name in ("codec", "softphone", "config"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "train"))
    done = subprocess.run(
        [sys.executable, "-m", "softphone.cli.main", "doctor"], cwd=tmp_path, capture_output=True, text=True, timeout=150, check=False
    )
    assert done.returncode == 1
    assert "BROKEN  weights" in done.stdout
    assert "BROKEN  codec worker" in done.stdout
    assert "x-phv" in done.stdout
    assert "to fix before the phone works" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_wrong_configuration_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text("[phv]\ninterval_ms = 1\n")
    for slow in ("check_weights", "check_sound"):
        monkeypatch.setattr(doctor, slow, lambda *_: Finding("skipped", "ok", ""))
    monkeypatch.setattr(doctor, "check_engine", lambda _config: iter(()))
    found = {finding.name: finding for finding in doctor.examine(tmp_path / "config.toml")}
    assert found["configuration"].state == "broken"
    assert "phv.interval_ms" in found["configuration"].found
    assert "1 to fix" in doctor.as_text(list(found.values()))


def test_a_port_in_use_is_named_with_its_key() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        config = Config(network=Network(bind="127.0.0.1", port=taken.getsockname()[1]))
        finding = doctor.check_ports(config)
        assert finding.state == "broken"
        assert "network.port" in finding.fix
    assert doctor.check_ports(config).state == "ok"
    assert doctor.check_ports(replace(config, network=Network(bind="203.0.113.1"))).state == "broken"


def test_a_runtime_folder_open_to_others_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert doctor.check_runtime_folder().state == "ok"
    (tmp_path / "softphone").chmod(0o755)
    finding = doctor.check_runtime_folder()
    assert finding.state == "broken"
    assert "chmod 700" in finding.fix


def test_a_sound_device_that_is_not_there_is_broken() -> None:
    finding = doctor.check_sound(Config(audio=Audio(input="No such device", output="null")))
    assert finding.state in ("broken", "missing")
    assert "audio.input" in finding.found + finding.fix
    assert doctor.check_sound(Config(audio=Audio(input="null", output="null"))).state == "ok"
