"""What a call does to details before and behind the wire: noise under the speech, groups with fewer codes, lost ones."""

import numpy as np
import torch
from torch import Tensor

from codec.speak.mel import MEL_BANDS
from codec.train.synthesis.token_data import FRAMES
from codec.units.limits import DETAIL_STAGES
from codec.wire.token import TICK_FRAMES

GROUP_FRAMES = 8 * TICK_FRAMES
"""Tokens are lost by whole groups of 160 ms."""
MIXED, LOST_GROUPS = 0.3, 0.25
"""Shares of examples some of whose groups, which were repeated, have fewer codes than the others; that lack some groups' details."""
STAGES_CHANCE = (0.04, 0.12, 0.28, 0.18, 0.1, 0.12, 0.06, 0.1)
"""How often an example has one code a segment, two, and so on."""
SCATTERED_LOSS = 0.04
"""Share of single tokens without details."""
WITHOUT, RUNS = 0.12, 0.15
"""Shares of examples without any details, and with details in some runs of groups only, as a sender has them who waits for words."""
CODES_IN_RUNS = (2, 4, 8), (0.15, 0.25, 0.6)
"""How many codes those runs have, and how often."""
RUN_GROUPS = 5
"""Groups of a run with and of one without details together, about."""
NOISY = 0.35


class Damage:
    """How many codes the frames of one example have (`stages`), (FRAMES,) int, and which have none (`lost`), (FRAMES,) bool."""

    def __init__(self, stages: np.ndarray, lost: np.ndarray, rng: np.random.Generator | None = None) -> None:
        """rng: single tokens are lost besides."""
        self.stages, self.lost, self._rng = stages, lost, rng

    @classmethod
    def of_a_call(cls, rng: np.random.Generator) -> "Damage":
        kind = rng.random()
        if kind < RUNS:
            return cls(np.full(FRAMES, int(rng.choice(CODES_IN_RUNS[0], p=CODES_IN_RUNS[1]))), some_runs(rng), rng)
        stages = 1 + int(rng.choice(DETAIL_STAGES, p=STAGES_CHANCE))
        each = np.full(FRAMES, stages)
        if rng.random() < MIXED:
            each[some_groups(rng)] = int(rng.integers(1, stages + 1))
        if kind < RUNS + WITHOUT:
            return cls(each, np.full(FRAMES, True), rng)
        return cls(each, some_groups(rng) if rng.random() < LOST_GROUPS else np.full(FRAMES, False), rng)

    @classmethod
    def even(cls, codes: int) -> "Damage":
        """The same number everywhere; 0: none arrive."""
        return cls(np.full(FRAMES, codes), np.full(FRAMES, not codes))

    @classmethod
    def every_other(cls) -> "Damage":
        """All codes in every other run of 320 ms, none between them."""
        return cls(np.full(FRAMES, DETAIL_STAGES), np.arange(FRAMES) // (2 * GROUP_FRAMES) % 2 == 0)

    def loses(self, frame: int) -> bool:
        """Whether the token that begins at `frame` arrives without details."""
        return bool(self.lost[frame]) or (self._rng is not None and self._rng.random() < SCATTERED_LOSS)


def some_groups(rng: np.random.Generator) -> np.ndarray:
    """(FRAMES,) bool: frames of the groups that a network with a random loss of up to one half takes."""
    groups = rng.random(FRAMES // GROUP_FRAMES + 2) < rng.uniform(0.05, 0.5)
    start = int(rng.integers(GROUP_FRAMES))
    return np.asarray(np.repeat(groups, GROUP_FRAMES)[start : start + FRAMES])


def some_runs(rng: np.random.Generator) -> np.ndarray:
    """(FRAMES,) bool: runs of groups that have no details, among runs that have."""
    share, lost = rng.uniform(0.3, 0.85), bool(rng.random() < 0.5)
    runs: list[np.ndarray] = []
    while sum(map(len, runs)) < FRAMES:
        runs.append(np.full(GROUP_FRAMES * (1 + int(rng.poisson(RUN_GROUPS * (share if lost else 1 - share)))), lost))
        lost = not lost
    return np.concatenate(runs)[:FRAMES]


def with_noise(mel: Tensor, spoken: Tensor, rng: np.random.Generator) -> Tensor:
    """Log-mel (batch, T, 80) as if steady coloured noise lay 3 to 30 dB under the speech of some examples; spoken (batch, T) bool."""
    result = mel.clone()
    for row in range(len(mel)):
        if rng.random() >= NOISY or not bool(spoken[row].any()):
            continue
        power = float((2 * mel[row][spoken[row]]).exp().mean())
        slope = rng.uniform(-1.0, 0.6) * np.linspace(-1.5, 1.5, MEL_BANDS)
        shape = slope + np.interp(np.arange(MEL_BANDS), np.linspace(0, MEL_BANDS, 9), rng.normal(0, 0.5, 9))
        knots = len(mel[row]) // 20 + 2
        swell = np.interp(np.arange(len(mel[row])), np.arange(knots) * 20, rng.normal(0, rng.uniform(0, 0.5), knots))
        # Magnitudes of noise within a band: Rayleigh, narrowed by the bins that a band averages.
        grain = rng.normal(0, np.linspace(0.5, 0.2, MEL_BANDS), (len(mel[row]), MEL_BANDS))
        noise = torch.from_numpy((shape + swell[:, None] + grain).astype(np.float32)).to(mel.device)
        wanted = power / 10 ** (rng.uniform(3, 30) / 10)
        noise += 0.5 * float(np.log(wanted / float((2 * noise).exp().mean())))
        result[row] = 0.5 * torch.logaddexp(2 * mel[row], 2 * noise)
    return result
