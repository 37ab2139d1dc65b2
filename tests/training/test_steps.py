"""A step of training as it is started from a shell; the whole chain is in test_smoke.py."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("step", ["synthesiser", "vocoder"])
def test_training_step_runs(step: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", f"codec.train.synthesis.{step}", "--smoke", "--work", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
