"""One direction of one call in training: examples in, updates of the voice's residual out, in steps of a fraction of a second.

Runs beside the call, in a process of low priority (`softphone.worker.trainer`); the codec itself never waits for it.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from codec.learning.far_end import FarEnd, Joiner
from codec.learning.fit import Judgement, VoiceFit, better, gain_of
from codec.models import listener
from codec.units.errors import ModelError
from codec.units.weights import load_weights
from codec.units.weights_files import weights_directory
from codec.voice.embedding import Voice, VoiceEncoder
from codec.voice.residual import ResidualCode
from codec.voice.training_example import TrainingExample

JUDGE_STEPS, DUE_STEPS = 12, 6
"""The speech that was kept out is heard after so many steps, or after fewer when an update is due: it costs as much as three of them."""
EVIDENCE = 3
"""Judgements of what was sent that are taken together."""
SLACK = 0.005
"""How much worse what was sent may seem in either measure: that is how much the same voice differs on another ten seconds of speech."""
FIRST_SECONDS, LATER, MOST_LATER = 16.0, 1.6, 13.0
"""Of speech, before an update is worth its bytes; how many times as many as at the last one there must be for the next, as what is learned
from little speech is soon overtaken; and how many seconds more suffice."""
FIRST_STEPS = 8
STEPS_PER_SECOND = 0.9
"""Steps for each second of speech that was heard; more would find nothing new in it."""


@dataclass(frozen=True, slots=True)
class TrainingBatch:
    """What the encoder gives to be learned from. speaker: `SentVoice.speakers`; described, coordinates: `SentVoice.described`; embedding
    (256,): the best estimate of the speaker's own."""

    speaker: int
    described: Voice
    coordinates: NDArray[np.float32]
    embedding: NDArray[np.float32]
    examples: tuple[TrainingExample, ...]


@dataclass(frozen=True, slots=True)
class VoiceUpdate:
    """A result of the training. judgement: how the remote party hears this speaker; coordinates (K,): to be sent, or None."""

    speaker: int
    judgement: Judgement
    coordinates: NDArray[np.float32] | None


@dataclass(frozen=True, slots=True)
class ListenerNetworks:
    """The listener's networks, to be shared by the trainers of a process."""

    far_end: FarEnd
    code: ResidualCode
    encoder: VoiceEncoder

    @classmethod
    def load(cls) -> "ListenerNetworks":
        """Raises ModelError."""
        synthesiser, detail, vocoder, entropy = listener()
        encoder = VoiceEncoder.load()
        for network in (synthesiser, detail, vocoder, encoder):
            network.requires_grad_(False)
        directory = weights_directory()
        try:
            code = ResidualCode.from_weights(load_weights(directory / "voice_residual.safetensors")[0])
        except (KeyError, ValueError) as error:
            raise ModelError(f"The basis of the voice's residual in {directory} does not fit ({error}): reinstall the package.") from error
        return cls(FarEnd(synthesiser, detail, vocoder, entropy.level_offset), code, encoder)


class VoiceTrainer:
    """One stream. Not thread-safe."""

    def __init__(self, networks: ListenerNetworks) -> None:
        self._networks = networks
        self._speaker = -1
        self.steps = 0
        """Of the descent, over all speakers."""
        self._begin(0)

    def _begin(self, speaker: int) -> None:
        self._speaker = speaker
        self._joiner = Joiner()
        self._fit = VoiceFit(self._networks.far_end, self._networks.code, self._networks.encoder)
        self._seconds = 0.0
        self._judged = 0
        self._due = FIRST_SECONDS
        self._evidence: deque[Judgement] = deque(maxlen=EVIDENCE)

    def take(self, batch: TrainingBatch) -> None:
        """Add this batch to what is learned from."""
        if batch.speaker != self._speaker:
            self._begin(batch.speaker)
        if not self._fit.steps and not self._seconds and batch.coordinates.any():
            self._fit.start_from(batch.coordinates)
        self._fit.know(batch.described, batch.embedding)
        self._fit.sent = batch.coordinates
        self.add(batch.examples)

    def add(self, examples: Sequence[TrainingExample]) -> None:
        """More speech of the same speaker."""
        for example in examples:
            if (stretch := self._joiner.push(example)) is not None:
                self._seconds += stretch.frames / 100
                self._fit.add(stretch)

    @property
    def wants_work(self) -> bool:
        """Whether another step is worth its time."""
        return self._fit.ready and self._fit.steps < FIRST_STEPS + STEPS_PER_SECOND * self._seconds

    def work(self) -> VoiceUpdate | None:
        """One step, a fraction of a second; now and then a judgement, and an update where it is worth one. Only when `wants_work`."""
        with torch.inference_mode(False), torch.enable_grad():
            self._fit.step()
        self.steps += 1
        due = self._seconds >= self._due
        if self._fit.steps - self._judged < (DUE_STEPS if due else JUDGE_STEPS):
            return None
        self._judged = self._fit.steps
        judgement = self._fit.judge()
        found = judgement.coordinates
        helps = better(judgement.found, judgement.alone)
        if self._disappoints(judgement) and not helps:
            found = np.zeros_like(found)
        elif not (helps and due and gain_of(judgement.found, judgement.alone) > gain_of(judgement.sent, judgement.alone)):
            return VoiceUpdate(self._speaker, judgement, None)
        if np.array_equal(found, self._fit.sent):
            return VoiceUpdate(self._speaker, judgement, None)
        self._fit.sent = found
        self._due = min(LATER * self._seconds, self._seconds + MOST_LATER)
        self._evidence.clear()
        return VoiceUpdate(self._speaker, judgement, found)

    def _disappoints(self, judgement: Judgement) -> bool:
        """Whether what was sent proves no better than nothing, on speech that came after it was chosen."""
        if not self._fit.sent.any():
            return False
        self._evidence.append(judgement)
        similarity = sum(each.sent.similarity - each.alone.similarity for each in self._evidence) / len(self._evidence)
        mel = sum(each.alone.mel_distance - each.sent.mel_distance for each in self._evidence) / len(self._evidence)
        return similarity + mel < 0 or similarity < -SLACK or mel < -SLACK
