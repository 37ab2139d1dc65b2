"""The codec as a library: what the README shows works as it stands there, names load when they are used, and parts can be swapped."""

import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import codec
from codec.recognise.recogniser import PhoneRecogniser
from codec.units import audio_file
from codec.units.phones import INVENTORY, Inventory, Manner, Phone, phone_index
from codec.units.rates import CHUNK_SAMPLES, SAMPLE_RATE
from codec.units.token import RecognisedPhone
from softphone import paths
from tests.places import ROOT


def recording(seconds: float) -> NDArray[np.int16]:
    return audio_file.read(paths.demo_recording()[0])[: int(seconds * SAMPLE_RATE)]


def loudness(pcm: NDArray[np.int16]) -> float:
    return float(np.sqrt(np.mean(pcm.astype(float) ** 2)))


def test_the_readme_encodes_and_decodes_a_file_and_a_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    audio_file.write(tmp_path / "speech.wav", recording(2.5))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(program, "README.md", "exec"), names)
    assert 50 < (tmp_path / "speech.phv").stat().st_size < 1000
    heard = audio_file.read(tmp_path / "heard.wav")
    assert len(heard) >= 2.5 * SAMPLE_RATE and loudness(heard) > 200
    assert names["decoder"].statistics.tokens_received > 5
    assert isinstance(codec.parse(names["payload"], names["models"].entropy), codec.Packet)


def test_the_library_loads_what_is_used() -> None:
    program = (
        "import sys, codec, codec.wire; assert set(codec.__all__) <= set(dir(codec))\n"
        "codec.parse, codec.Packet, codec.EncoderSettings, codec.CodecError, codec.PhvFile; print('torch' in sys.modules)\n"
        "print([name for name in codec.__all__ if getattr(codec, name).__name__ != name], 'torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.splitlines() == ["False", "[] True"]
    with pytest.raises(AttributeError, match="Encodr"):
        codec.Encodr  # noqa: B018
    with pytest.raises(codec.CodecError, match="interval_ms"):
        codec.EncoderSettings(interval_ms=1)


class LoudIsAVowel:
    """A recogniser in one class: every 160 ms are AH where they are loud, and silence where they are not."""

    TICKS = 8

    def __init__(self) -> None:
        self.wait = False
        self.counters: Counter[str] = Counter()
        self._sound = np.zeros(0, np.int16)
        self._tick = 0

    def stream(self) -> "LoudIsAVowel":
        return LoudIsAVowel()

    def push(self, pcm: NDArray[np.int16]) -> list[RecognisedPhone]:
        self._sound = np.concatenate((self._sound, pcm))
        phones = []
        while len(self._sound) >= self.TICKS * CHUNK_SAMPLES:
            block, self._sound = np.split(self._sound, [self.TICKS * CHUNK_SAMPLES])
            phone = phone_index("AH") if loudness(block) > 300 else INVENTORY.silence
            phones.append(RecognisedPhone(phone, self._tick, self._tick + self.TICKS, 1.0))
            self._tick += self.TICKS
        return phones

    def flush(self) -> list[RecognisedPhone]:
        return []


def test_another_recogniser_is_one_class() -> None:
    recogniser: PhoneRecogniser = LoudIsAVowel()
    models = replace(codec.Models.load(), recogniser=recogniser)
    file = codec.encode_recording(recording(3), models, codec.EncoderSettings(voice=False))
    phones = {token.phone for _, payload in file.records for group in codec.parse(payload, models.entropy).groups for token in group}
    assert phones - {INVENTORY.silence} == {phone_index("AH")}
    assert loudness(codec.decode_recording(file, models)) > 200


def test_what_a_phone_is_follows_from_its_properties() -> None:
    small = Inventory("small", [Phone("T", Manner.STOP, voiced=False), Phone("A", Manner.VOWEL), Phone("_", Manner.SILENCE, voiced=False)])
    assert (small.silence, small.vowels, small.unvoiced, small.labels) == (2, {1}, {0, 2}, ("T", "A", "_"))
    assert [small.sound_class(phone) for phone in range(len(small))] == [2, 1, 0]
    assert (INVENTORY.name, len(INVENTORY), INVENTORY.silence, INVENTORY.vowels) == ("arpabet-39", 40, 0, frozenset(range(1, 16)))
    assert INVENTORY.index("AH0") == INVENTORY.index("AH")
