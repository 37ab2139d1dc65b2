"""A step of training as it is started from a shell; the whole chain is in test_smoke.py."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("step", ["synthesiser", "vocoder"])
def test_training_step_runs(step: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"codec.train.synthesis.{step}", "--smoke"], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
