"""Sound made of tones and noise with its phones known, and a recogniser that reads them from the script."""

from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from codec.detail.layer import DetailLayer
from codec.recognise.word_search import LONGEST
from codec.speak.synthesiser import Synthesiser
from codec.speak.vocoder import Vocoder
from codec.units.phones import UNVOICED, phone_index
from codec.units.rates import CHUNK_MS, CHUNK_SAMPLES
from codec.units.token import RecognisedPhone
from codec.units.weights import load_weights
from codec.voice.code import VoiceCode
from codec.voice.embedding import VoiceEncoder
from codec.voice.residual import ResidualCode
from codec.wire.tables import Entropy
from tests.places import MODELS

torch.set_num_threads(1)

LAG_TICKS = 7
CHUNK_TICKS = 8

WORDS = "HH AH L OW W ER L D DH IH S IH Z AH T EH S T AH V S P IY CH"
HELLO = [(label, 60 if label in "HH L D DH S Z T V P CH".split() else 120) for label in WORDS.split()]
"""(label, ms) of some words, 2.2 s."""


@dataclass
class Script:
    """pcm (samples,) int16; phones of the whole of it, silence included."""

    pcm: NDArray[np.int16]
    phones: list[RecognisedPhone]


def script(spans: list[tuple[str, int]], f0: float = 120.0, silence_db: float = -90.0) -> Script:
    """Sound for (label, ms) after another, ms a multiple of 20: what is voiced is harmonics of f0, the rest noise, SIL faint noise."""
    rng = np.random.default_rng(1)
    blocks, phones, tick = [], [], 0
    for label, ms in spans:
        phone, samples = phone_index(label), ms * 16
        time = (tick * CHUNK_SAMPLES + np.arange(samples)) / 16000
        noise = rng.standard_normal(samples)
        if label == "SIL":
            sound = noise * 10 ** (silence_db / 20)
        elif phone in UNVOICED:
            sound = noise * 0.01
        else:
            sound = sum(np.sin(2 * np.pi * f0 * k * time) / k for k in range(1, 20)) * (0.1 if phone <= 15 else 0.04)
        blocks.append(np.asarray(sound))
        phones.append(RecognisedPhone(phone, tick, tick + ms // CHUNK_MS, 0.9))
        tick += ms // CHUNK_MS
    return Script(np.asarray(np.clip(np.concatenate(blocks) * 32768, -32768, 32767), dtype=np.int16), phones)


class ScriptedRecogniser:
    """Gives the phones of a script out as the real one does: in lots of 160 ms, some 140 ms late, long ones in parts."""

    def __init__(self, phones: list[RecognisedPhone]) -> None:
        self.counters: Counter[str] = Counter()
        self._phones = [
            replace(phone, start=start, end=min(start + LONGEST, phone.end))
            for phone in phones
            for start in range(phone.start, phone.end, LONGEST)
        ]

    wait = False

    def stream(self) -> "ScriptedRecogniser":
        fresh = ScriptedRecogniser(list(self._phones))
        fresh._heard = 0
        return fresh

    _heard = 0

    def push(self, pcm: NDArray[np.int16]) -> list[RecognisedPhone]:
        self._heard += len(pcm)
        known = self._heard // CHUNK_SAMPLES // CHUNK_TICKS * CHUNK_TICKS - LAG_TICKS
        ready = [phone for phone in self._phones if phone.end <= known]
        self._phones = self._phones[len(ready) :]
        return ready

    def flush(self) -> list[RecognisedPhone]:
        rest, self._phones = self._phones, []
        return rest


@cache
def _shared() -> dict[str, Any]:
    detail = load_weights(MODELS / "detail.safetensors")[0]
    return {
        "synthesiser": Synthesiser.from_weights(load_weights(MODELS / "synthesiser.safetensors")[0]),
        "vocoder": Vocoder.from_weights(load_weights(MODELS / "vocoder.safetensors")[0]),
        "detail": DetailLayer.from_weights(detail),
        "entropy": Entropy.from_weights(load_weights(MODELS / "entropy.safetensors")[0], detail),
        "voice_code": VoiceCode.from_weights(load_weights(MODELS / "voice_code.safetensors")[0]),
        "voice_residual": ResidualCode.from_weights(load_weights(MODELS / "voice_residual.safetensors")[0]),
        "voice_encoder": VoiceEncoder.load(),
    }


def models_for(phones: list[RecognisedPhone]) -> Any:
    """The shipped networks, with the script in place of the recogniser."""
    return SimpleNamespace(recogniser=ScriptedRecogniser(phones), model_id="0123abcd", **_shared())
