"""The instruments that every system is judged by, loaded once a process."""

import hashlib
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from codec.voice.embedding import VoiceEncoder
from softphone.bench.instruments.asr import Asr, second_model_folder
from softphone.bench.instruments.dnsmos import Dnsmos
from softphone.bench.instruments.second_voice import SecondVoice

VERSION = "2"
"""Changes when the same sound would be judged otherwise."""


@dataclass(frozen=True)
class Verdict:
    """See `softphone.bench.codec.result.Result`."""

    heard: str
    heard2: str
    similarity: float
    similarity2: float
    dnsmos: float | None


class Judge(Protocol):
    """Judges the output of a codec."""

    def judge(self, clean: NDArray[np.int16], heard: NDArray[np.int16]) -> Verdict:
        """clean: the recording, without noise; heard: what the remote party hears of it. Both (samples,) int16 at 16 kHz."""
        ...


class Instruments:
    """Two speech recognisers, two speaker encoders and DNSMOS. Raises AsrError, DnsmosError, ModelError, SecondVoiceError."""

    def __init__(self) -> None:
        self._asr, self._second = Asr(), Asr(folder=second_model_folder())
        self._voices, self._second_voice = VoiceEncoder.load(), SecondVoice()
        self._dnsmos = Dnsmos()
        self._own: dict[bytes, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}

    def judge(self, clean: NDArray[np.int16], heard: NDArray[np.int16]) -> Verdict:
        # A recording comes once for each system.
        name = hashlib.sha256(clean.tobytes()).digest()
        if name not in self._own:
            self._own[name] = self._embed(clean)
        own, found = self._own[name], self._embed(heard)
        likeness, likeness2 = float(own[0] @ found[0]), float(own[1] @ found[1])
        return Verdict(self._asr.transcribe(heard), self._second.transcribe(heard), likeness, likeness2, self._dnsmos.score(heard))

    def _embed(self, pcm: NDArray[np.int16]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """GE2E and the second encoder's, of the stretches that are not digital silence, of unit length."""
        frames = pcm[: len(pcm) // 320 * 320].reshape(-1, 320)
        sound = frames[np.abs(frames).max(1, initial=0) > 0].ravel()
        mean = self._voices.embed_windows(np.asarray(sound / np.float32(32768), np.float32)).mean(0)
        return np.asarray(mean / (np.linalg.norm(mean) + 1e-9), np.float32), self._second_voice.embed(sound)
