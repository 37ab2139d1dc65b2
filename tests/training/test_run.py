"""A training goes on from a checkpoint or from the shipped weights; the rate warms up where the optimiser knows nothing yet."""

import argparse
import json
from pathlib import Path

import pytest
import torch

from codec.speak.vocoder import Vocoder
from codec.train.run import Run, set_rate
from codec.units.weights_files import weights_directory


def begun(work: Path, fresh: bool = False) -> Run:
    arguments = argparse.Namespace(work=work, smoke=False, fresh=fresh, minutes=0.0, seed=1)
    vocoder = Vocoder()
    return Run("vocoder", arguments, {"vocoder": vocoder, "optimizer": torch.optim.AdamW(vocoder.parameters())})


def test_the_shipped_weights_come_without_an_optimiser(tmp_path: Path) -> None:
    steps = json.loads((weights_directory() / "vocoder.json").read_text())["steps"]
    run = begun(tmp_path)
    assert (run.step, run.optimised) == (steps, 0)
    run.step += 3
    run.save()
    again = begun(tmp_path)
    assert (again.step, again.optimised) == (steps + 3, 3)


def test_from_nothing_all_steps_are_the_optimisers(tmp_path: Path) -> None:
    run = begun(tmp_path, fresh=True)
    run.step += 7
    run.save()
    assert begun(tmp_path).optimised == 7


def test_the_rate_rises_slowly_and_falls_in_the_end() -> None:
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))])
    rates = []
    for done, step in ((0.0, 0), (0.1, 99), (0.3, 300), (0.8, 1000), (1.0, 1300)):
        set_rate(optimizer, 1e-3, done, step)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([5e-6, 5e-4, 1e-3, 5e-4, 5e-5])
