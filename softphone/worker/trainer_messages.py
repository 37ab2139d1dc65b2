"""What passes between the codec worker and its training process, pickled over a pipe that only both hold."""

from __future__ import annotations

from dataclasses import dataclass

from codec.learning.trainer import Lecture, Update


@dataclass(frozen=True, slots=True)
class Taught:
    """Worker -> trainer: something to learn for a stream; None: the stream is over."""

    stream: int
    lecture: Lecture | None


@dataclass(frozen=True, slots=True)
class Learned:
    """Trainer -> worker: what came of it, and the processor time that the stream's training has taken so far."""

    stream: int
    update: Update
    steps: int
    cpu_s: float
