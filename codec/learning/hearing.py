"""How like a speaker the far end's sound is: what training during a call and the benchmark of voices both measure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from codec.learning.far_end import FarEnd, HeardBatch, Stretch
from codec.speak.mel import log_mel
from codec.units.rates import FRAME_SAMPLES
from codec.voice.embedding import Voice, VoiceEncoder
from codec.voice.residual import ResidualCode

REMEMBERED = 4
"""Voices: the one without what was learned, the one that was sent, and two that are tried."""


@dataclass(frozen=True, slots=True)
class Heard:
    """similarity: cosine of the GE2E embeddings of what was said and what is heard; mel_distance: mean absolute difference of log-mel
    frames where somebody speaks, natural log."""

    similarity: float
    mel_distance: float


def utterance_embedding(encoder: VoiceEncoder, wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """As resemblyzer embeds an utterance: wave (samples,) -> (256,) of unit length."""
    mean = encoder.embed_windows(wave).mean(0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-6), np.float32)


def heard_mel(sound: Tensor, frames: int) -> Tensor:
    """Log-mel (batch, frames, 80) of what `FarEnd.sound` gave; the half frame that the vocoder still holds is silence."""
    return log_mel(torch.nn.functional.pad(sound, (0, frames * FRAME_SAMPLES - sound.shape[1])))


def mel_loss(heard: Tensor, batch: HeardBatch) -> Tensor:
    """Mel distance of `heard_mel` to the true sound, by the weights of the frames."""
    return ((heard - batch.true).abs() * batch.weight[..., None]).sum() / (batch.weight.sum() * heard.shape[2]).clamp_min(1)


class _Spoken(NamedTuple):
    """One stretch as it is heard: wave (samples,), sum of the mel differences, and of how many values."""

    wave: NDArray[np.float32]
    difference: float
    values: float


_Told = tuple[bytes, float, bytes]


class Hearing:
    """True speech, heard again and again in different voices. What was heard of a stretch in a voice is remembered while the voice is
    among the last REMEMBERED, as judgements come back to the same ones. Not thread-safe."""

    def __init__(self, far_end: FarEnd, code: ResidualCode, encoder: VoiceEncoder) -> None:
        self._far_end, self._code, self._encoder = far_end, code, encoder
        self._known: dict[_Told, dict[int, _Spoken]] = {}
        self._true: tuple[tuple[int, ...], NDArray[np.float32]] | None = None

    @torch.no_grad()
    def hear(self, stretches: Mapping[int, Stretch], voice: Voice, coordinates: NDArray[np.float32]) -> Heard:
        """stretches: each with a number of its own; voice, coordinates (K,): as the listener knows them."""
        told = (voice.embedding.tobytes(), voice.mean_f0, coordinates.tobytes())
        known = self._known.pop(told, {})
        missing = {number: stretch for number, stretch in stretches.items() if number not in known}
        if missing:
            known |= zip(missing, self._speak(list(missing.values()), voice, coordinates), strict=True)
        self._known[told] = {number: known[number] for number in stretches}
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
        spoken = list(self._known[told].values())
        heard = utterance_embedding(self._encoder, np.concatenate([each.wave for each in spoken]))
        return Heard(
            float(heard @ self._said(stretches)), sum(each.difference for each in spoken) / max(1.0, sum(each.values for each in spoken))
        )

    def _said(self, stretches: Mapping[int, Stretch]) -> NDArray[np.float32]:
        numbers = tuple(stretches)
        if self._true is None or self._true[0] != numbers:
            said = np.concatenate([stretch.speech for stretch in stretches.values()]).astype(np.float32) / np.float32(32768)
            self._true = numbers, utterance_embedding(self._encoder, said)
        return self._true[1]

    def _speak(self, stretches: Sequence[Stretch], voice: Voice, coordinates: NDArray[np.float32]) -> list[_Spoken]:
        batch = self._far_end.prepare(stretches, voice.mean_f0)
        shift = self._code.shift(torch.from_numpy(coordinates)) if coordinates.any() else None
        sound = self._far_end.sound(*self._far_end.frames(batch, voice, shift))
        mel = heard_mel(sound, batch.true.shape[1])
        counts = (batch.weight == 1).float()
        differences = ((mel - batch.true).abs().sum(2) * counts).sum(1).tolist()
        values = (counts.sum(1) * mel.shape[2]).tolist()
        waves = [row[: length * FRAME_SAMPLES].numpy() for row, length in zip(sound, batch.lengths.tolist(), strict=True)]
        return [_Spoken(*each) for each in zip(waves, differences, values, strict=True)]
