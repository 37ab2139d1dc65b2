"""A wheel built from the checkout, installed with all that it needs into an empty environment, works there without the checkout."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from softphone import __version__, paths, sound_file
from tests.places import ROOT

INSTALL_SECONDS = 900
"""From pip's cache and on an idle machine it takes a tenth of that."""
pytestmark = pytest.mark.timeout(INSTALL_SECONDS + 300)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the environment. pip is told nothing but its own settings and the tested versions."""
    folder = tmp_path_factory.mktemp("wheel")
    _succeed(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, seconds=240)
    (wheel,) = folder.glob(f"softphone-{__version__}-py3-none-any.whl")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    _succeed(python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel, seconds=INSTALL_SECONDS)
    return folder / "venv"


def _succeed(*command: str | Path, seconds: float) -> None:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, done.stderr + done.stdout


def command(environment: Path, *arguments: str, seconds: float = 240) -> subprocess.CompletedProcess[str]:
    """The installed command, run in a folder that is not the checkout, and without its modules."""
    return subprocess.run(
        [str(environment / "bin" / "softphone"), *arguments],
        cwd=environment.parent,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def test_it_brings_everything(installed: Path) -> None:
    (site,) = (installed / "lib").glob("python3.*/site-packages")
    for part in (
        "softphone/default_config/softphone.toml",
        "softphone/demo_audio/demo.flac",
        "softphone/demo_audio/demo.txt",
        "codec/weights/synthesiser.safetensors",
        "codec/weights/recogniser.safetensors",
    ):
        assert (site / part).is_file(), part
    assert not (site / "codec" / "train").exists()
    assert command(installed, "--version").stdout == f"softphone {__version__}\n"


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
    assert f"version {__version__}, in {installed}" in done.stdout
    assert str(installed / "lib") in next(line for line in done.stdout.splitlines() if "weights" in line)


@pytest.mark.alone
def test_the_demo_runs_from_it(installed: Path, tmp_path: Path) -> None:
    done = command(installed, "demo", "--wav-out", str(tmp_path / "received.wav"))
    assert done.returncode == 0, done.stderr
    assert "x-phv" in done.stdout and len(sound_file.read(tmp_path / "received.wav")) > 10 * 16000
