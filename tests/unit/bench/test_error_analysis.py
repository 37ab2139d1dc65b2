"""`softphone bench errors`: edits are counted as the phone error counts them, and the costs add up."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from codec.text.pronunciations import phone_errors, variants_of
from codec.units import audio_file
from codec.units.phones import PHONES, phone_index
from softphone.bench.codec.confusions import Confusions, align
from softphone.bench.codec.error_analysis import STEPS, ErrorAnalysisError, analyse, report
from softphone.bench.instruments.judge import Verdict
from softphone.bench.instruments.manifest import Recording
from softphone.cli.main import main
from tests.scripted_speech import HELLO, script

TEXT = "hello world this is a test of speech"


def phones(labels: str) -> list[int]:
    return [phone_index(label) for label in labels.split()]


def test_edits_are_as_few_as_the_phone_error_says() -> None:
    reference = variants_of("either record of the water")
    assert reference is not None
    dice = random.Random(1)
    for _ in range(20):
        said = [phone for variants in reference for phone in dice.choice(variants) if dice.random() < 0.8]
        heard = [dice.randrange(1, len(PHONES)) if dice.random() < 0.3 else phone for phone in said]
        confusions = Confusions()
        confusions.add(heard, reference)
        assert confusions.errors == phone_errors(heard, reference)[0] == sum(confusions.kinds().values())
        assert [phone for _, phone in align(heard, reference) if phone is not None] == heard


def test_errors_are_named_by_what_was_said_and_heard() -> None:
    confusions = Confusions()
    reference = [[phones("K AE T")], [phones("S AE T")]]
    confusions.add(phones("K EH T S EH T"), reference)
    confusions.add(phones("K EH S AE T T"), reference)
    assert confusions.most(3) == [("AE", "EH", 3), ("T", "", 1), ("", "T", 1)]
    assert confusions.kinds() == {"substitutions": 3, "deletions": 1, "insertions": 1}
    assert confusions.worst(1) == [("AE", 0.75, 4)]
    assert (confusions.phones, confusions.errors) == (12, 5)


class Listener:
    """Understands so many words, one number for each step."""

    def __init__(self, *kept: int) -> None:
        self._kept = list(kept)

    def judge(self, clean: NDArray[np.int16], heard: NDArray[np.int16]) -> Verdict:
        understood = " ".join(TEXT.split()[: self._kept.pop(0)])
        return Verdict(understood, understood, 0.5, 0.5, None)


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    made = script(HELLO)
    audio_file.write(tmp_path / "u.wav", made.pcm)
    aligned = tuple((PHONES[one.phone], one.start * 20, one.end * 20) for one in made.phones)
    return Recording("u", tmp_path / "u.wav", "s", TEXT, aligned)


def test_costs_add_up_to_the_word_error_of_the_codec(recording: Recording) -> None:
    untold = Recording("v", recording.file, "t", TEXT)
    found = analyse([recording, untold], lambda line: None, judge=Listener(1, 1, 1, 2, 2, 2, 2, 6, 7, 7, 8))
    assert (found.utterances, found.speakers) == (1, 1)
    assert set(found.wer) == {name for name, _ in STEPS}
    assert found.wer["original"] == 0 and (found.wer["heard-wire"], found.wer["true-exact"]) == (6 / 8, 1 / 8)
    assert found.largest == "recogniser (wrong phones)"
    assert sum(cost.wer for cost in found.costs) == pytest.approx(found.wer["phv-base"])
    assert found.phone_error is not None and found.phone_error == sum(found.kinds.values()) / 24
    assert found.largest in report(found) and "Phone error" in report(found)
    assert json.loads(json.dumps(found.as_json()))["largest"] == found.largest


def test_a_list_without_phones_says_what_is_missing(recording: Recording, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ErrorAnalysisError, match="phones: "):
        analyse([Recording("v", recording.file, "t", TEXT)], lambda line: None)
    line = {"id": "u", "file": "u.wav", "speaker": "s", "text": TEXT}
    (tmp_path / "manifest.jsonl").write_text(json.dumps(line) + "\n")
    assert main(["bench", "errors", "--data", str(tmp_path)]) == 1
    assert "no recording of the list has its phones" in capsys.readouterr().err
