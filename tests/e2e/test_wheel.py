"""A wheel built from the checkout works outside it, weights, recording and default configuration included."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from softphone import paths, sound_file
from tests.peers.process import ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel alone was installed; its dependencies are those of this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=240)
    (wheel,) = folder.glob("softphone-*.whl")
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", str(folder / "site"), str(wheel)]
    subprocess.run(install, check=True, capture_output=True, timeout=240)
    return folder / "site"


def command(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The installed command, run in a folder that is not the checkout."""
    return subprocess.run(
        [str(site / "bin" / "softphone"), *arguments],
        cwd=site.parent,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_it_brings_everything(installed: Path) -> None:
    for part in (
        "softphone/default_config/softphone.toml",
        "softphone/demo_audio/demo.flac",
        "softphone/demo_audio/demo.txt",
        "codec/weights/synthesiser.safetensors",
        "codec/weights/recogniser.safetensors",
    ):
        assert (installed / part).is_file(), part
    assert not (installed / "codec" / "train").exists()
    assert command(installed, "--version").stdout == "softphone 0.1.0\n"


def test_the_codec_and_the_doctor_work_from_it(installed: Path, tmp_path: Path) -> None:
    speech = tmp_path / "speech.wav"
    sound_file.write_wav(speech, sound_file.read(paths.demo_recording()[0])[:48000])
    for arguments in (
        ("encode", str(speech), str(tmp_path / "a.phv")),
        ("info", str(tmp_path / "a.phv")),
        ("decode", str(tmp_path / "a.phv"), str(tmp_path / "b.wav")),
    ):
        done = command(installed, "codec", *arguments)
        assert done.returncode == 0, done.stderr
    assert 2.5 < len(sound_file.read(tmp_path / "b.wav")) / 16000 < 6
    done = command(installed, "doctor")
    assert done.returncode == 0, done.stdout
    assert str(installed / "codec" / "weights") in done.stdout
