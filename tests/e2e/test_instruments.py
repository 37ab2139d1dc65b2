"""DNSMOS and Lyra on real sound."""

import os
from pathlib import Path

import numpy as np
import pytest

from codec.units import audio_file
from softphone import paths
from softphone.bench.instruments.delay import find_lag
from softphone.bench.instruments.dnsmos import Dnsmos, DnsmosError
from softphone.bench.instruments.manifest import Recording
from softphone.bench.instruments.noise import Noise
from softphone.bench.systems import lyra

DEMO, _ = paths.demo_recording()
HERE = Path(__file__).parents[3] / "shared" / "evaluators" / "lyra_v2"


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return audio_file.read(DEMO)[: 4 * 16000]


def test_dnsmos_likes_speech_better_without_noise(speech: np.ndarray) -> None:
    dnsmos = Dnsmos()
    clean, noisy = dnsmos.score(speech), dnsmos.score(Noise().under(speech, "one", 5.0))
    assert clean is not None and noisy is not None and 1 < noisy < clean - 0.3 < 4.7
    silent_ends = np.pad(speech, (16000, 16000))
    assert dnsmos.score(silent_ends) == pytest.approx(clean, abs=0.05)
    assert dnsmos.score(np.zeros(16000, np.int16)) is None


def test_dnsmos_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(DnsmosError, match="make bench-setup"):
        Dnsmos()


@pytest.mark.skipif(not (HERE.is_dir() or os.environ.get(lyra.FOLDER_VARIABLE)), reason="Lyra's networks are not here")
def test_lyra_speaks_at_its_rate(speech: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    if HERE.is_dir():
        monkeypatch.setenv(lyra.FOLDER_VARIABLE, str(HERE))
    recording = Recording("demo", DEMO, "one", "words")
    codec = lyra.Lyra(3200)
    passed, again = codec.pass_through(speech, recording), codec.pass_through(speech, recording)
    assert np.array_equal(passed.pcm, again.pcm)  # nothing of one recording remains in the next
    assert passed.payload_bytes == 3200 * 4 // 8 and passed.packets == 67
    lag = find_lag(speech, passed.pcm, 16000, -100, 300)
    assert lag is not None and abs(lag.ms) < 10 and lag.likeness > 0.95


def test_broken_networks_of_lyra_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("soundstream_encoder", "quantizer", "lyragan"):
        (tmp_path / f"{name}.tflite").write_bytes(b"nonsense")
    monkeypatch.setenv(lyra.FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(lyra.LyraError, match="do not work"):
        lyra.Lyra(3200).pass_through(np.zeros(320, np.int16), Recording("demo", DEMO, "one", "words"))
