"""How like a speaker the far end's sound is: what training during a call and the benchmark of voices both measure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from codec.far_end import FarEnd, HeardBatch, Stretch
from codec.features import log_mel
from codec.tokens import FRAME_SAMPLES
from codec.voice import Voice, VoiceEncoder
from codec.voice_residual import ResidualCode


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


class Hearing:
    """Some stretches of true speech, heard again and again in different voices."""

    def __init__(
        self, far_end: FarEnd, code: ResidualCode, encoder: VoiceEncoder, stretches: Sequence[Stretch], batch: HeardBatch | None = None
    ) -> None:
        """batch: of these stretches, where it is made already, for the mean F0 that `hear` is asked with."""
        self._far_end, self._code, self._encoder = far_end, code, encoder
        self._stretches, self._batch = stretches, batch
        said = np.concatenate([stretch.speech for stretch in stretches]).astype(np.float32) / np.float32(32768)
        self._true = utterance_embedding(encoder, said)

    @torch.no_grad()
    def hear(self, voice: Voice, coordinates: NDArray[np.float32]) -> Heard:
        """voice, coordinates (K,): as the listener knows them."""
        batch = self._batch or self._far_end.prepare(self._stretches, voice.mean_f0)
        shift = self._code.shift(torch.from_numpy(coordinates)) if coordinates.any() else None
        sound = self._far_end.sound(*self._far_end.frames(batch, voice, shift))
        mel = heard_mel(sound, batch.true.shape[1])
        spoken = (batch.weight == 1).float()[..., None]
        distance = float(((mel - batch.true).abs() * spoken).sum() / (spoken.sum() * mel.shape[2]))
        lengths = [length * FRAME_SAMPLES for length in batch.lengths.tolist()]
        wave = torch.cat([row[:length] for row, length in zip(sound, lengths, strict=True)]).numpy()
        return Heard(float(utterance_embedding(self._encoder, wave) @ self._true), distance)
