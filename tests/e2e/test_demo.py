"""The demo as a user runs it: the whole path, and its figures."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from codec.units.rates import SAMPLE_RATE
from softphone import sound_file
from softphone.bench.instruments.speech import speech_seconds
from softphone.config import Codecs, Config, Phv, to_toml
from tests.e2e.command import one_sentence, run

pytestmark = pytest.mark.alone

KEYS = (
    "codec rtpmap_local fmtp_local rtpmap_remote fmtp_remote speech_s packets payload_bps ip_bps opus6k_20ms_ip_bps opus6k_60ms_ip_bps "
    "mouth_to_ear_ms wer received_wav"
).split()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], dict[str, object]]:
    """One run with the bundled recording: (process, figures)."""
    folder = tmp_path_factory.mktemp("demo")
    done = run("demo", "--json", folder / "figures.json", "--wav-out", folder / "received.wav", seconds=150)
    assert done.returncode == 0, done.stderr
    return done, json.loads((folder / "figures.json").read_text())


@pytest.mark.timeout(180)
def test_the_demo_talks_on_our_codec_and_says_what_it_cost(demo: tuple[subprocess.CompletedProcess[str], dict[str, object]]) -> None:
    done, figures = demo
    assert list(figures) == KEYS
    assert figures["codec"] == "x-phv"
    for side in ("local", "remote"):
        assert str(figures[f"rtpmap_{side}"]).endswith(" x-phv/16000")
        assert "model=" in str(figures[f"fmtp_{side}"])
    assert figures["received_wav"] in done.stdout
    numbers = {
        key: float(str(figures[key])) for key in ("speech_s", "payload_bps", "ip_bps", "opus6k_60ms_ip_bps", "mouth_to_ear_ms", "wer")
    }
    assert 13 < numbers["speech_s"] < 16
    # A call of fifteen seconds is half over before it knows that nothing is lost: until then each packet repeats three.
    assert 50 < numbers["payload_bps"] < 1600
    assert numbers["payload_bps"] * 2 < numbers["ip_bps"] < numbers["opus6k_60ms_ip_bps"] / 2
    assert 150 < numbers["mouth_to_ear_ms"] < 2500
    # Not good yet, but words: of noise or of other speech Whisper gets nearly every word wrong.
    assert numbers["wer"] < 0.75


def test_the_received_sound_is_speech_of_the_right_length(demo: tuple[subprocess.CompletedProcess[str], dict[str, object]]) -> None:
    _, figures = demo
    heard = sound_file.read(Path(str(figures["received_wav"])))
    assert speech_seconds(heard, SAMPLE_RATE) == pytest.approx(float(str(figures["speech_s"])), rel=0.25)


def test_a_recording_in_which_nobody_speaks_fails_with_a_sentence(tmp_path: Path) -> None:
    noise = np.random.default_rng(2).normal(0, 8, 4 * SAMPLE_RATE).astype(np.int16)
    sound_file.write_wav(tmp_path / "noise.wav", noise)
    (tmp_path / "config.toml").write_text(to_toml(Config(phv=Phv(redundancy=0))))
    done = run(
        "demo", "--config", tmp_path / "config.toml", "--wav", tmp_path / "noise.wav", "--wav-out", tmp_path / "received.wav", seconds=120
    )
    assert done.returncode == 4, done.stdout
    assert "no speech arrived" in done.stderr.splitlines()[-1]


def test_on_opus_the_same_words_arrive(tmp_path: Path, speech: Path) -> None:
    (tmp_path / "config.toml").write_text(to_toml(Config(codecs=Codecs(order=("opus",)))))
    figures = tmp_path / "figures.json"
    arguments = ("--config", tmp_path / "config.toml", "--wav", speech, "--wav-out", tmp_path / "received.wav", "--json", figures)
    assert run("demo", *arguments).returncode == 0
    found = json.loads(figures.read_text())
    assert found["codec"] == "opus"
    assert found["wer"] is None
    assert 20 < found["mouth_to_ear_ms"] < 600


def test_silence_is_refused_before_any_call(tmp_path: Path) -> None:
    sound_file.write_wav(tmp_path / "silence.wav", np.zeros(SAMPLE_RATE, dtype=np.int16))
    done = run("demo", "--wav", tmp_path / "silence.wav")
    assert done.returncode == 1
    assert "no sound" in one_sentence(done)
