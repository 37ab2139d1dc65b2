"""PJSIP plays and records through our sound-device factory; a machine without PortAudio or devices gets one clear sentence."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from softphone.engine.pjsip.abi import load_abi
from softphone.engine.pjsip.errors import SoundDeviceError
from softphone.engine.sound.device import SoundDevices, load_backend
from tests.engine.pjsip.harness import find_tones, write_tones
from tests.engine.sound import loop_cable
from tests.places import ROOT


def test_sound_goes_through_the_device_and_back(tmp_path: Path) -> None:
    write_tones(tmp_path / "in.wav", [(0.5, 1.5, 440.0)], 2.0)
    done = subprocess.run(
        [sys.executable, "-m", "tests.engine.sound.sound_probe", str(tmp_path / "in.wav"), str(tmp_path / "out.wav"), "3"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    # The default device comes first; names are cut to PJSIP's 63 bytes between characters; what has no channels is left out.
    assert [d["name"] for d in report["devices"]] == ["K\u00e4bel " + "\u20ac" * 18, "speaker only"]
    assert [(d["inputs"], d["outputs"]) for d in report["devices"]] == [(1, 1), (0, 2)]
    assert report["streams"][-1] == {"closed": True, "samplerate": 16000, "device": [1, 1], "channels": [1, 1], "dtype": "int16"}
    assert all(stream["closed"] for stream in report["streams"])
    (tone,) = find_tones(tmp_path / "out.wav")
    assert abs((tone[1] - tone[0]) - 1.0) <= 0.06
    assert abs(tone[2] - 440) < 2


def test_no_devices_is_a_sentence() -> None:
    empty = SimpleNamespace(query_devices=list, default=SimpleNamespace(device=(-1, -1)))
    with pytest.raises(SoundDeviceError, match="no sound device was found; .*--wav-in"):
        SoundDevices(load_abi(), empty)


def test_portaudio_that_fails_is_a_sentence() -> None:
    def fail() -> Any:
        raise RuntimeError("Unanticipated host error")

    broken = SimpleNamespace(query_devices=fail, default=loop_cable.default)
    with pytest.raises(SoundDeviceError, match="cannot list the sound devices: Unanticipated host error"):
        SoundDevices(load_abi(), broken)


@pytest.mark.parametrize(
    ("error", "cure"),
    [(OSError("PortAudio library not found"), "apt install libportaudio2"), (ImportError("no module"), "pip install sounddevice")],
)
def test_missing_library_names_its_cure(error: Exception, cure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_name: str) -> Any:
        raise error

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(SoundDeviceError, match=cure):
        load_backend()
