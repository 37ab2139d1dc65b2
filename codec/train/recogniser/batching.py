"""What the trainings of both encoders share: batches of sounds of like length, and how like a teacher a student is."""

import random
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from codec.units.rates import SAMPLE_RATE


class Sounding(Protocol):
    @property
    def pcm(self) -> NDArray[np.int16]: ...


S = TypeVar("S", bound=Sounding)


def groups_of_like_length(sounds: Iterable[S], seconds: float, longest: int, rng: random.Random) -> Iterator[list[S]]:
    """All sounds once, in groups of about `seconds`, in random order; longest: samples at which a sound will be cut."""
    order = sorted(sounds, key=lambda one: min(len(one.pcm), longest) * rng.uniform(0.8, 1.25))
    groups: list[list[S]] = [[]]
    for one in order:
        if len(groups[-1]) and (len(groups[-1]) + 1) * min(len(one.pcm), longest) > seconds * SAMPLE_RATE:
            groups.append([])
        groups[-1].append(one)
    rng.shuffle(groups)
    yield from groups


def likeness(ours: Tensor, theirs: Tensor, within: Tensor) -> Tensor:
    """Huber loss over frames within the sound, in units of each value's own spread; Whisper keeps outliers in some frames of silence."""
    spread = theirs[within].std(0).clamp_min(1e-3)
    return functional.smooth_l1_loss(ours[within] / spread, theirs[within] / spread, beta=0.5)
