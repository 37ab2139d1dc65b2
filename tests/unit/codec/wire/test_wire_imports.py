"""The wire format is for programs that have no torch, such as the engine's process, and costs them little time."""

import subprocess
import sys

from codec.models import Models
from codec.units.weights_files import weights_directory
from codec.wire.packet import parse
from codec.wire.tables import SHAPES, Entropy
from tests.places import ROOT

MODULES = sorted(f"codec.wire.{path.stem}" for path in (ROOT / "codec" / "wire").glob("[a-z]*.py"))
SLOWEST_S = 0.3
PROGRAM = f"""
import sys, time
began = time.process_time()
import {", ".join(MODULES)}
print(time.process_time() - began, *sorted({{name.split('.')[0] for name in sys.modules}}))
"""


def test_the_wire_format_needs_no_torch_and_no_time() -> None:
    took = []
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
        seconds, *loaded = done.stdout.split()
        assert "numpy" in loaded and not {"torch", "scipy", "softphone", "soundfile"} & set(loaded)
        took.append(float(seconds))
        if took[-1] < SLOWEST_S:
            return
    raise AssertionError(f"importing the wire format takes {min(took):.2f} s of processor time")


def test_its_tables_are_those_of_the_models() -> None:
    alone, models = Entropy.load(weights_directory()), Models.load().entropy
    assert (alone.level_offset == models.level_offset).all()
    for name, shape in SHAPES.items():
        context = tuple(0 for _ in shape[:-1])
        assert alone.table(name, *context).cumulative == models.table(name, *context).cumulative
    payload = bytes.fromhex((ROOT / "tests" / "unit" / "codec" / "golden_payloads.txt").read_text().splitlines()[9].split()[1])
    assert parse(payload, alone) == parse(payload, models)
