"""When an update of the voice's residual is sent and when it is taken back, with judgements as they may come; and which are kept rows."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from codec.learning.far_end import Stretch
from codec.learning.fit import Judgement, better
from codec.learning.hearing import Heard
from codec.learning.trainer import DUE_STEPS, FIRST_SECONDS, JUDGE_STEPS, LATER, MOST_LATER, VoiceTrainer, VoiceUpdate
from softphone.bench.voice.voice_rows import KeptRows, VoiceRow, VoiceRowsError

ALONE = Heard(0.85, 0.70)
GOOD, WORSE = Heard(0.87, 0.69), Heard(0.84, 0.69)


class Fit:
    """Stands for the descent: what it finds is told by the test."""

    def __init__(self) -> None:
        self.steps, self.sent = 0, np.zeros(24, np.float32)
        self.next = Judgement(ALONE, ALONE, GOOD, np.ones(24, np.float32))

    def step(self) -> None:
        self.steps += 1

    def judge(self) -> Judgement:
        return self.next

    def add(self, stretch: Stretch) -> None:
        """Nothing is learned from it."""


@pytest.fixture
def fit() -> Fit:
    return Fit()


@pytest.fixture
def trainer(fit: Fit, monkeypatch: pytest.MonkeyPatch) -> VoiceTrainer:
    monkeypatch.setattr("codec.learning.trainer.VoiceFit", lambda *_: fit)
    return VoiceTrainer(cast(Any, SimpleNamespace(far_end=None, code=None, encoder=None)))


def judged(trainer: VoiceTrainer, seconds: float) -> VoiceUpdate:
    trainer._seconds = seconds
    return next(update for _ in range(JUDGE_STEPS) if (update := trainer.work()) is not None)


def sent(trainer: VoiceTrainer, seconds: float) -> list[float] | None:
    coordinates = judged(trainer, seconds).coordinates
    return None if coordinates is None else sorted({float(each) for each in coordinates})


def test_nothing_is_sent_of_a_few_seconds_and_the_next_update_waits_for_as_many_again(trainer: VoiceTrainer, fit: Fit) -> None:
    assert sent(trainer, FIRST_SECONDS - 1) is None
    assert sent(trainer, FIRST_SECONDS) == [1.0]
    fit.next = Judgement(ALONE, GOOD, Heard(0.88, 0.68), np.full(24, 2.0, np.float32))
    assert sent(trainer, LATER * FIRST_SECONDS - 1) is None
    assert sent(trainer, LATER * FIRST_SECONDS) == [2.0]


def test_who_speaks_for_long_does_not_wait_as_long_again(trainer: VoiceTrainer, fit: Fit) -> None:
    assert sent(trainer, 40) == [1.0]
    fit.next = Judgement(ALONE, GOOD, Heard(0.88, 0.68), np.full(24, 2.0, np.float32))
    assert sent(trainer, 40 + MOST_LATER - 1) is None
    assert sent(trainer, 40 + MOST_LATER) == [2.0]


@pytest.mark.parametrize(("seconds", "steps"), [(FIRST_SECONDS - 1, JUDGE_STEPS), (FIRST_SECONDS, DUE_STEPS)])
def test_an_update_that_is_due_is_judged_sooner(trainer: VoiceTrainer, seconds: float, steps: int) -> None:
    judged(trainer, seconds)
    assert trainer.steps == steps


@pytest.mark.parametrize("found", [WORSE, Heard(0.90, 0.702), Heard(0.851, 0.699)], ids=["similarity", "mel", "too little"])
def test_what_does_not_help_on_the_last_seconds_is_not_sent(trainer: VoiceTrainer, fit: Fit, found: Heard) -> None:
    fit.next = Judgement(ALONE, ALONE, found, np.ones(24, np.float32))
    assert not better(found, ALONE)
    assert sent(trainer, 60) is None


def test_what_proves_worse_later_is_taken_back(trainer: VoiceTrainer, fit: Fit) -> None:
    assert sent(trainer, 20) == [1.0]
    fit.next = Judgement(ALONE, WORSE, WORSE, np.ones(24, np.float32))
    assert sent(trainer, 22) == [0.0]


def test_one_bad_judgement_does_not_take_back_what_was_good(trainer: VoiceTrainer, fit: Fit) -> None:
    assert sent(trainer, 20) == [1.0]
    for seen in (GOOD, GOOD, Heard(0.845, 0.695)):
        fit.next = Judgement(ALONE, seen, ALONE, np.full(24, 2.0, np.float32))
        assert sent(trainer, 22) is None


def test_rows_are_kept_by_their_key(tmp_path: Path) -> None:
    row = VoiceRow("a", 3.0, 10, 0.8, 0.8, 0.7, 0.7, 0.7, 0.7, True, True, 0.97, 0.96, 0.0, 6.0)
    kept = KeptRows(tmp_path / "rows")
    kept.put("a", "1", [row])
    assert kept.get("a", "1") == [row]
    assert kept.get("a", "2") is None and kept.get("b", "1") is None and KeptRows(None).get("a", "1") is None
    (tmp_path / "file").write_text("")
    with pytest.raises(VoiceRowsError, match="--keep"):
        KeptRows(tmp_path / "file" / "rows").put("a", "1", [row])
