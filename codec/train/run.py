"""What every training step of the synthesis side shares: options, resuming, saving, progress."""

import argparse
import json
import os
import pickle
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from codec.train.step import SMOKE, step_options
from codec.units.errors import ModelError
from codec.units.weights import load_weights
from codec.units.weights_files import weights_directory

SAVE_SECONDS = 240.0
SMOKE_STEPS = 5


def options(description: str) -> argparse.ArgumentParser:
    """Options that every step takes."""
    parser = step_options(description)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long to train in this run")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate at its highest")
    parser.add_argument("--fresh", action="store_true", help="without a checkpoint begin from nothing, not from the shipped weights")
    return parser


@dataclass
class Run:
    """One training in progress: modules and optimisers by name, and where they are saved."""

    name: str
    arguments: argparse.Namespace
    parts: dict[str, nn.Module | torch.optim.Optimizer]
    step: int = 0
    figures: dict[str, float] = field(default_factory=dict)
    optimised_from: int = 0
    """The step at which the optimisers began: later than 0 where the weights came without them."""
    runs: list[dict[str, Any]] = field(default_factory=list)
    """Seed and data of every run so far, this one last: the card tells them."""

    def __post_init__(self) -> None:
        if self.arguments.smoke and self.arguments.work.name != SMOKE:
            self.arguments.work = self.arguments.work / SMOKE  # a smoke run must never touch a real checkpoint
        self.path = self.arguments.work / f"{self.name}.checkpoint"
        if self.path.exists():
            saved: dict[str, Any] = torch.load(self.path, map_location=device())
            for name, part in self.parts.items():
                if name in saved:
                    part.load_state_dict(saved[name])
            self.step, self.optimised_from = saved["step"], saved.get("optimised_from", 0)
            self.runs = saved.get("runs", [])
            print(f"{self.name}: going on from step {self.step}", file=sys.stderr)
        elif not (self.arguments.smoke or self.arguments.fresh):
            self._start_from_shipped()

    def _start_from_shipped(self) -> None:
        """On a machine without the checkpoint the weights that were exported last are the best beginning; optimisers start from nothing."""
        network = self.parts.get(self.name)
        with suppress(ModelError, FileNotFoundError):
            tensors, metadata = load_weights(weights_directory() / f"{self.name}.safetensors")
            if network is not None:
                load = getattr(network, "load_shipped", network.load_state_dict)
                load(tensors)
                self.runs = self._card().get("runs", [])
                self.step = self.optimised_from = int(metadata.get("step", 0))
                print(f"{self.name}: going on from the shipped weights of step {self.step}", file=sys.stderr)

    def continue_card(self) -> None:
        """The parts begin as the weights that were exported last: count on from the steps and the data of their card."""
        card = self._card()
        self.step, self.runs = card["steps"], card["runs"]
        self.optimised_from = self.step

    def _card(self) -> dict[str, Any]:
        card: dict[str, Any] = json.loads((weights_directory() / f"{self.name}.json").read_text())
        return card

    @property
    def optimised(self) -> int:
        """Steps that the optimisers took."""
        return self.step - self.optimised_from

    def uses(self, data: list[dict[str, Any]]) -> None:
        """Says what this run trains on: rows of `codec.train.card.data_rows`."""
        before = self.runs[-1] if self.runs else {}
        if (before.get("seed"), before.get("data")) != (self.arguments.seed, data):
            self.runs.append({"first_step": self.step, "seed": self.arguments.seed, "data": data})

    def save(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part_path = self.path.with_suffix(".part")
        state = {name: part.state_dict() for name, part in self.parts.items()}
        torch.save({**state, "step": self.step, "optimised_from": self.optimised_from, "runs": self.runs}, part_path)
        os.replace(part_path, self.path)

    def steps(self) -> Iterator[float]:
        """Yields how much of this run is done, 0..1, until its time is over; saves every few minutes and at the end."""
        started = saved = shown = time.monotonic()
        seconds = self.arguments.minutes * 60
        most = SMOKE_STEPS if self.arguments.smoke else sys.maxsize
        first = self.step
        while (gone := time.monotonic() - started) < seconds and self.step - first < most:
            yield gone / seconds
            self.step += 1
            now = time.monotonic()
            if now - shown > 10:
                shown = now
                figures = " ".join(f"{name} {value:.4f}" for name, value in self.figures.items())
                left = (seconds - gone) / 60
                print(f"{self.name} step {self.step} {figures} {left:.1f} min left", file=sys.stderr, flush=True)
            if now - saved > SAVE_SECONDS:
                saved = now
                self.save()
        self.save()

    def note(self, **figures: float) -> None:
        """Smoothed figures for the progress line."""
        for name, value in figures.items():
            self.figures[name] = 0.98 * self.figures.get(name, value) + 0.02 * value


def load_checkpoint(path: Path) -> dict[str, Any]:
    """What `Run.save` wrote, on the CPU. Raises ModelError."""
    try:
        saved: dict[str, Any] = torch.load(path, map_location="cpu")
    except (OSError, RuntimeError, pickle.UnpicklingError) as error:
        reason = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error})"
        raise ModelError(f"The checkpoint {path} {reason}: run the step that trains it first (models/README.md).") from None
    return saved


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def bfloat16(where: torch.device) -> torch.autocast:
    """Computes in bfloat16 where that is faster: on CUDA, and on processors that know it. Others emulate it, far slower."""
    known = torch.cpu.get_capabilities()
    return torch.autocast(where.type, torch.bfloat16, enabled=where.type != "cpu" or known["avx512_bf16"] or known["amx_bf16"])


def set_rate(optimizer: torch.optim.Optimizer, highest: float, done: float, step: int) -> None:
    """Warm up over 200 steps; over the last 40 % of the run fall to a twentieth. step: of the optimiser, see `Run.optimised`."""
    rate = highest * min(1.0, (step + 1) / 200) * min(1.0, max(0.05, (1 - done) / 0.4))
    for group in optimizer.param_groups:
        group["lr"] = rate
