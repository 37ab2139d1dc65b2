"""The training during a call: coordinates of the voice's residual, by gradient descent on the difference between what was said and what
the remote party hears of it.

What counts is the sound after the listener's vocoder: the mel distance to the true sound, and the cosine of GE2E embeddings. The newest
seconds are kept out of the descent and decide whether what it found is worth sending.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from codec.learning.embedding import HeardVoice, through_a_line
from codec.learning.far_end import FarEnd, HeardBatch, Stretch
from codec.learning.hearing import Heard, Hearing, heard_mel, mel_loss
from codec.units.rates import FRAME_SAMPLES
from codec.voice.embedding import WINDOW_SAMPLES, Voice, VoiceEncoder
from codec.voice.residual import ResidualCode

STEP_FRAMES = 750
"""Roughly how much a step hears: little, for a budget of a quarter of a core. A speaker of single words has many short stretches."""
RATE = 0.15
LIKENESS, LEAST_LIKENESS, MOST_LIKENESS = 0.7, 0.1, 1.5
"""Weight of 1 - cosine against the mel distance in natural log units, at the beginning, and how far it goes: voices differ in how much the
one costs the other."""
BALANCE, ENOUGH = 1.6, 0.003
"""By how much that weight changes after a judgement in which one of the two improves by less than ENOUGH and the other by more."""
AVERAGED = 0.95
"""What is sent is a mean over the last steps, each older one with so much less weight: a step sees three stretches and leaps."""
PRIOR_SECONDS, LEAST_PRIOR, MOST_PRIOR = 0.6, 0.01, 0.1
"""Weight of the coordinates' mean square, times seconds of speech: speakers differ by about 1 in each, and little speech knows little."""
HELD_FRAMES, MOST_HELD_FRAMES, HELD_SHARE = 600, 1500, 0.3
"""Newest frames that are kept out, about: this share, but six seconds at least and fifteen at most."""
LEAST_FRAMES = 500
"""Frames to learn from, at least."""
MOST_FRAMES = 9000
"""Older ones are forgotten: a minute and a half of speech."""
WORTH = 0.004
"""Gain in mel distance and cosine together, on what was kept out, that is worth an update."""
SHORTER = (1.0, 0.5)
"""What was found is tried whole and by half: half the way keeps the mel distance where data is short."""


def better(found: Heard, known: Heard) -> bool:
    """True if it is worth the bytes of an update: better in both together, and in neither worse."""
    harmless, gain = gain_of(found, known)
    return harmless and gain >= WORTH


def gain_of(found: Heard, known: Heard) -> tuple[bool, float]:
    """Whether it is worse in neither measure, and how much better it is in both together; such pairs are in order."""
    similarity, mel = found.similarity - known.similarity, known.mel_distance - found.mel_distance
    return min(similarity, mel) >= 0, similarity + mel


@dataclass(frozen=True, slots=True)
class Judgement:
    """On the same speech: with the embedding alone, with what was sent, with the best of what the descent found, and that (K,)."""

    alone: Heard
    sent: Heard
    found: Heard
    coordinates: NDArray[np.float32]


class VoiceFit:
    """One speaker in one direction of one call. Not thread-safe; wants gradients enabled."""

    def __init__(self, far_end: FarEnd, code: ResidualCode, encoder: VoiceEncoder, seed: int = 0) -> None:
        self._far_end, self._code, self._encoder = far_end, code, encoder
        self._hears = HeardVoice(encoder)
        self._rng = np.random.default_rng(seed)
        self._stretches: dict[int, Stretch] = {}
        """Oldest first, each with a number of its own."""
        self._count = 0
        self._rows: dict[int, HeardBatch] = {}
        """What the networks are given of each that was needed already."""
        self._hearing = Hearing(far_end, code, encoder)
        self._voice: Voice | None = None
        self._target = torch.zeros(0)
        self._found = torch.zeros(code.size, requires_grad=True)
        self._mean: NDArray[np.float32] = np.zeros(code.size, np.float32)
        self._likeness = LIKENESS
        self._optimizer = torch.optim.Adam([self._found], lr=RATE, betas=(0.8, 0.98))
        self.sent: NDArray[np.float32] = np.zeros(code.size, np.float32)
        """Coordinates that the listener has, or will have when all pieces have arrived."""
        self.steps = 0

    def start_from(self, coordinates: NDArray[np.float32]) -> None:
        """Continue from what an earlier call found."""
        with torch.no_grad():
            self._found.copy_(torch.from_numpy(coordinates))
        self._mean = coordinates.copy()

    def add(self, stretch: Stretch) -> None:
        """More of the speech, in order."""
        self._stretches[self._count] = stretch
        self._count += 1
        while self._frames > MOST_FRAMES + HELD_FRAMES:
            oldest = next(iter(self._stretches))
            del self._stretches[oldest]
            self._rows.pop(oldest, None)

    def know(self, described: Voice, embedding: NDArray[np.float32]) -> None:
        """described: the voice as the listener has it; embedding (256,): the best estimate of the speaker's own."""
        if self._voice is None or self._voice.mean_f0 != described.mean_f0:
            self._rows.clear()
        self._voice, self._target = described, torch.from_numpy(embedding)

    def _part(self, share: float) -> NDArray[np.float32]:
        """So much of what the descent found, as it would arrive: (K,)."""
        return self._code.decode(dict(enumerate(self._code.encode(np.float32(share) * self._mean))))

    @property
    def _frames(self) -> int:
        return sum(each.frames for each in self._stretches.values())

    @property
    def _prior(self) -> float:
        return min(MOST_PRIOR, max(LEAST_PRIOR, PRIOR_SECONDS / (self._frames / 100)))

    @property
    def ready(self) -> bool:
        """Whether there is enough to learn from and to judge by."""
        return self._voice is not None and self._frames >= LEAST_FRAMES + HELD_FRAMES

    @property
    def _held(self) -> dict[int, Stretch]:
        """The newest stretches, which are kept out."""
        held: dict[int, Stretch] = {}
        wanted, frames = min(MOST_HELD_FRAMES, max(HELD_FRAMES, HELD_SHARE * self._frames)), 0
        for number in reversed(self._stretches):
            held[number] = self._stretches[number]
            frames += held[number].frames
            if frames >= wanted:
                break
        return held

    def _batch(self, numbers: Sequence[int], voice: Voice) -> HeardBatch:
        for number in numbers:
            if number not in self._rows:
                self._rows[number] = self._far_end.prepare([self._stretches[number]], voice.mean_f0)
        return HeardBatch.of([self._rows[number] for number in numbers])

    def step(self) -> float:
        """One step of the descent -> its loss. Only when `ready`."""
        voice = self._voice
        if voice is None:
            raise ValueError("the listener's voice is not known yet")
        learned = list(self._stretches)[: max(1, len(self._stretches) - len(self._held))]
        numbers = self._draw(learned)
        loss = self._loss(numbers, voice) + self._prior * self._found.square().mean()
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        self._optimizer.step()
        # The very first steps are forgotten sooner.
        kept = min(AVERAGED, self.steps / (self.steps + 5))
        self._mean = np.asarray(kept * self._mean + (1 - kept) * self._found.detach().numpy(), np.float32)
        self.steps += 1
        return float(loss.detach())

    def _draw(self, learned: Sequence[int]) -> list[int]:
        """Stretches at random, until there are STEP_FRAMES."""
        drawn: list[int] = []
        frames = 0
        for number in self._rng.permutation(learned).tolist():
            if frames >= STEP_FRAMES:
                break
            drawn.append(number)
            frames += self._stretches[number].frames
        return sorted(drawn)

    def _loss(self, numbers: Sequence[int], voice: Voice) -> Tensor:
        batch = self._batch(numbers, voice)
        sound = self._far_end.sound(*self._far_end.frames(batch, voice, self._code.shift(self._found)))
        loss = mel_loss(heard_mel(sound, batch.true.shape[1]), batch)
        lengths = batch.lengths.tolist()
        together = torch.cat([row[: length * FRAME_SAMPLES] for row, length in zip(sound, lengths, strict=True)])
        count = (len(together) - 1) // WINDOW_SAMPLES
        if count:
            said = np.concatenate([self._stretches[number].speech for number in numbers]).astype(np.float32) / np.float32(32768)
            first = int(self._rng.integers(len(together) - count * WINDOW_SAMPLES))
            windows = [slice(at, at + WINDOW_SAMPLES) for at in range(first, first + count * WINDOW_SAMPLES, WINDOW_SAMPLES)]
            true = torch.stack([torch.from_numpy(said[place]) for place in windows])
            loss = loss + self._likeness * self._unlike(torch.stack([together[place] for place in windows]), true)
        return loss

    def _unlike(self, heard: Tensor, said: Tensor) -> Tensor:
        """1 - cosine of what is heard in some windows (n, WINDOW_SAMPLES), together, to what was said in them, and to the speaker: one
        window tells more of its words than of its speaker."""
        mean = nn.functional.normalize(self._hears.embed(through_a_line(heard, self._rng)).mean(0), dim=0)
        with torch.no_grad():
            true = nn.functional.normalize(self._hears.embed(said).mean(0), dim=0)
        return 1 - (mean @ self._target + mean @ true) / 2

    @torch.no_grad()
    def judge(self) -> Judgement:
        """Hear the speech that was kept out. Only when `ready`."""
        voice = self._voice
        if voice is None:
            raise ValueError("the listener's voice is not known yet")
        held = self._held
        alone = self._hearing.hear(held, voice, np.zeros(self._code.size, np.float32))
        sent = self._hearing.hear(held, voice, self.sent) if self.sent.any() else alone
        tried = [(part, self._hearing.hear(held, voice, part)) for part in map(self._part, SHORTER)]
        self._balance(tried[0][1], alone)
        coordinates, found = max(tried, key=lambda each: gain_of(each[1], alone))
        return Judgement(alone, sent, found, coordinates)

    def _balance(self, found: Heard, alone: Heard) -> None:
        """Give more weight to the measure that lags behind: both have to improve."""
        similar, near = found.similarity - alone.similarity >= ENOUGH, alone.mel_distance - found.mel_distance >= ENOUGH
        if similar != near:
            weight = self._likeness * BALANCE ** (near - similar)
            self._likeness = min(MOST_LIKENESS, max(LEAST_LIKENESS, weight))
