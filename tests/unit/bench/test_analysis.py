"""Parts of the codec on whole recordings: what they speak lies where it was said."""

from pathlib import Path

import numpy as np
import pytest

from codec.units.phones import SILENCE, phone_index
from softphone.bench.instruments.delay import find_lag
from softphone.bench.systems import analysis
from softphone.bench.systems.fingerprint import fingerprint
from tests.scripted_speech import HELLO, Script, models_for, script


@pytest.fixture(scope="module")
def said() -> Script:
    return script([("SIL", 300), *HELLO, ("SIL", 300)])


def test_an_alignment_has_no_gaps_and_ends_with_the_recording() -> None:
    spans = analysis.spans_aligned((("HH", 100, 160), ("AH0", 160, 250), ("SIL", 250, 260), ("L", 240, 990)), 60)
    assert spans == [
        (SILENCE, 0, 10),
        (phone_index("HH"), 10, 16),
        (phone_index("AH"), 16, 25),
        (SILENCE, 25, 26),
        (phone_index("L"), 26, 60),
    ]
    with pytest.raises(KeyError):
        analysis.spans_aligned((("XX", 0, 100),), 60)


@pytest.mark.parametrize("part", ["wire", "exact", "live", "sent", "spectrum"])
def test_what_is_spoken_is_neither_late_nor_early(said: Script, part: str) -> None:
    models = models_for(said.phones)
    if part == "spectrum":
        spoken = analysis.copy_synthesis(said.pcm, models)
    elif part == "sent":
        phones, spoken = analysis.speak_sent(said.pcm, models)
        heard = [phone for phone, _, _ in analysis.spans_heard(said.pcm, models)]
        assert phones == [phone for phone in heard if phone != SILENCE]
    else:
        spans = analysis.spans_heard(said.pcm, models, live=part == "live")
        spoken = analysis.speak(spans, said.pcm, models, wire=part != "exact")
    assert abs(len(spoken) - len(said.pcm)) <= 640
    lag = find_lag(said.pcm, spoken, 16000, -200, 200)
    assert lag is not None and abs(lag.ms) < 20 and lag.likeness > 0.7
    level = 10 * np.log10(np.mean(spoken.astype(float) ** 2) / np.mean(said.pcm.astype(float) ** 2))
    assert abs(level) < 6


def test_the_fingerprint_changes_with_the_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softphone.bench.systems.fingerprint.weights_directory", lambda: tmp_path)
    found = set()
    for content in ("one", "two", "three"):
        (tmp_path / "recogniser.safetensors").write_text(content)
        found.add(fingerprint.__wrapped__())
    assert len(found) == 3 and all(len(name) == 16 for name in found)
