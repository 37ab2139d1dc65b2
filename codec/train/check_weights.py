"""Size of the weights and how long they take to load: `python -m codec.train.check_weights`; fails where they are over the limits."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from codec.units.weights_files import weights_directory

MOST_MEGABYTES = 60.0
MOST_SECONDS = 3.0
_LOAD = """
import sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
from codec.models import Models
began, used = time.perf_counter(), time.process_time()
Models.load(Path(sys.argv[1]))
print(time.perf_counter() - began, time.process_time() - used)
"""


def megabytes(folder: Path) -> dict[str, float]:
    """Size of each file of weights, in millions of bytes."""
    return {path.stem: path.stat().st_size / 1e6 for path in sorted(folder.glob("*.safetensors"))}


def loading_seconds(folder: Path) -> tuple[float, float]:
    """Seconds by the clock and of one core that a fresh process takes for all networks and tables, its imports done."""
    done = subprocess.run([sys.executable, "-c", _LOAD, str(folder)], capture_output=True, text=True, check=True)
    wall, core = map(float, done.stdout.split())
    return wall, core


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, help="another folder than the shipped one")
    folder = parser.parse_args(argv).models or weights_directory()
    sizes = megabytes(folder)
    for name, size in sizes.items():
        print(f"{name:14} {size:6.1f} MB")
    wall, core = loading_seconds(folder)
    print(f"{'all':14} {sum(sizes.values()):6.1f} MB of {MOST_MEGABYTES:g}")
    print(f"loaded in {core:.2f} s of one core, of {MOST_SECONDS:g}; {wall:.2f} s by the clock")
    if sum(sizes.values()) > MOST_MEGABYTES or core > MOST_SECONDS:
        sys.exit("the weights are over the limits")


if __name__ == "__main__":
    main()
