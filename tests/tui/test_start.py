"""Bare `softphone`: where it cannot run it says so, and what it loads before it is asked for more."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from tests.places import ROOT


def softphone(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "softphone.cli.main", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def test_without_a_terminal_there_is_usage_and_a_sentence() -> None:
    done = softphone()
    assert done.returncode == 2
    usage, sentence = done.stderr.strip().splitlines()[0], done.stderr.strip().splitlines()[-1]
    assert usage.startswith("usage: softphone")
    assert "needs a terminal" in sentence and "softphone call URI" in sentence


def test_options_of_the_phone_are_not_swallowed_by_commands(tmp_path: Path) -> None:
    done = softphone("--config", str(tmp_path / "x.toml"), "call", "sip:bob@example.org")
    assert done.returncode == 1 and "there is no configuration file" in done.stderr, "before the command it means the same as after it"
    done = softphone("--config", str(tmp_path / "x.toml"), "contacts", "list")
    assert done.returncode == 2 and "takes no --config" in done.stderr


def test_the_phone_loads_neither_its_other_screens_nor_what_numbers_and_torch_need() -> None:
    program = "import sys, softphone.tui.app; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    loaded = set(done.stdout.split())
    assert not {"numpy", "torch", "pjsua2", "scipy"} & loaded
    units = {"codec", "codec.units", "codec.units.limits", "codec.units.rates"}
    assert {name for name in loaded if name.partition(".")[0] == "codec"} <= units
    later = {f"softphone.tui.{name}" for name in ("people.contacts", "settings.screen", "settings.setup", "sip_view.ladder", "help")}
    assert all(importlib.util.find_spec(name) for name in later), "the names are those of today"
    assert not later & loaded
