"""The instruments that every system is judged by, loaded once a process."""

import hashlib
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from codec.voice.embedding import VoiceEncoder
from softphone.bench.instruments.asr import Asr, second_model_folder
from softphone.bench.instruments.dnsmos import Dnsmos

VERSION = "1"
"""Changes when the same sound would be judged otherwise."""


@dataclass(frozen=True)
class Verdict:
    """See `softphone.bench.codec.result.Result`."""

    heard: str
    heard2: str
    similarity: float
    dnsmos: float | None


class Judge(Protocol):
    """Judges the output of a codec."""

    def judge(self, clean: NDArray[np.int16], heard: NDArray[np.int16]) -> Verdict:
        """clean: the recording, without noise; heard: what the remote party hears of it. Both (samples,) int16 at 16 kHz."""
        ...


class Instruments:
    """Two speech recognisers, a speaker embedding and DNSMOS. Raises AsrError, DnsmosError, ModelError."""

    def __init__(self) -> None:
        self._asr, self._second = Asr(), Asr(folder=second_model_folder())
        self._voices = VoiceEncoder.load()
        self._dnsmos = Dnsmos()
        self._own: dict[bytes, NDArray[np.float32]] = {}

    def judge(self, clean: NDArray[np.int16], heard: NDArray[np.int16]) -> Verdict:
        # A recording comes once for each system.
        name = hashlib.sha256(clean.tobytes()).digest()
        if name not in self._own:
            self._own[name] = _embedding(self._voices, clean)
        similarity = float(_embedding(self._voices, heard) @ self._own[name])
        return Verdict(self._asr.transcribe(heard), self._second.transcribe(heard), similarity, self._dnsmos.score(heard))


def _embedding(voices: VoiceEncoder, pcm: NDArray[np.int16]) -> NDArray[np.float32]:
    """GE2E of the stretches that are not digital silence, as resemblyzer embeds an utterance, unit length."""
    frames = pcm[: len(pcm) // 320 * 320].reshape(-1, 320)
    sound = frames[np.abs(frames).max(1, initial=0) > 0].ravel() / np.float32(32768)
    mean = voices.embed_windows(np.asarray(sound, np.float32)).mean(0)
    return np.asarray(mean / (np.linalg.norm(mean) + 1e-9), np.float32)
