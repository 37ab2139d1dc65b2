"""The codec as the worker uses it: models loaded once, encoders and decoders made per call."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import soundfile
import torch

from codec.decoder import Decoder
from codec.encoder import Encoder
from codec.models import Models
from codec.recognise.second_pass import WordService
from codec.units.errors import CodecError
from codec.units.phones import INVENTORY_NAME
from codec.wire.packet import VERSION, parse
from codec.wire.settings import EncoderSettings
from codec.wire.token import TICK_MS
from softphone import paths
from softphone.worker.own_voice import OwnVoice
from softphone.worker.trainer_client import VoiceRoom

WARM_UP_S = 2
WORDS_NICENESS = 5
"""Priority of the word recogniser's thread below the others: first the words go, never the call."""
NOT_THE_CODECS = ("learn",)
"""Settings of a stream that say what the worker does beside the codec."""


@dataclass(frozen=True)
class CodecRoom:
    """Everything that lanes share; read only, but for the voice."""

    models: Models
    own_voice: OwnVoice = field(default_factory=OwnVoice)
    voices: VoiceRoom = field(default_factory=VoiceRoom)
    words: list[str] = field(default_factory=lambda: ["loading"])
    """State of the word recogniser, newest last: "loading", "ready", or why there is none."""

    def load_words(self) -> None:
        """Load the word recogniser in a thread of its own; calls go without it until it is there."""
        threading.Thread(target=self._load_words, name="words-loader", daemon=True).start()

    def _load_words(self) -> None:
        _be_nice()
        try:
            service = WordService.load(ThreadPoolExecutor(1, "words", _be_nice))
            service.recogniser.hear(np.zeros(16000, np.int16), (), ())
        except (CodecError, OSError) as error:
            self.words.append(str(error))
            return
        self.models.recogniser.words = service
        self.words.append("ready")

    @classmethod
    def load(cls, threads: int) -> CodecRoom:
        """Raises CodecError or OSError when the weights are not there or not whole."""
        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)
        torch.set_grad_enabled(False)
        return cls(Models.load())

    @property
    def facts(self) -> dict[str, Any]:
        """What the engine puts into SDP."""
        return {"version": VERSION, "inventory": INVENTORY_NAME, "model": self.models.model_id}

    def encoder(self, settings: dict[str, Any]) -> Encoder:
        """Raises CodecError for settings out of range."""
        return Encoder(self.models, self.settings(settings))

    def settings(self, settings: dict[str, Any]) -> EncoderSettings:
        """Raises CodecError for values out of range, TypeError for names that are none."""
        return EncoderSettings(**{name: value for name, value in settings.items() if name not in NOT_THE_CODECS})

    def decoder(self) -> Decoder:
        return Decoder(self.models)

    def warm_up(self) -> dict[str, Any]:
        """Send bundled speech once through everything, so that the first call pays for no first time.

        Returns `warm_s`, how long it took, and `encoder_delay_ms`: from the beginning of a phone to when its packet leaves, on average.
        """
        began = time.monotonic()
        pcm, rate = soundfile.read(paths.demo_recording()[0], frames=WARM_UP_S * 16000, dtype="int16")
        assert rate == 16000
        encoder, decoder = Encoder(self.models, EncoderSettings()), self.decoder()
        with torch.inference_mode():
            delays: list[int] = []
            for start in range(0, len(pcm), 320):
                for payload in encoder.encode(np.ascontiguousarray(pcm[start : start + 320])):
                    delays += self._delays(payload, start // 320 + 1)
                    decoder.receive(payload)
            for payload in encoder.flush():
                decoder.receive(payload)
            for _ in range(50 * WARM_UP_S):
                decoder.pull(320)
        facts = {"warm_s": round(time.monotonic() - began, 2)}
        return {**facts, "encoder_delay_ms": round(float(np.mean(delays)))} if delays else facts

    def _delays(self, payload: bytes, now: int) -> list[int]:
        """How long ago each new phone of a payload began, ms. now: ticks since the stream began, fewer than the 256 of the wire."""
        packet = parse(payload, self.models.entropy)
        at = packet.time
        ages: list[int] = []
        for group in packet.groups:
            ages = []
            for token in group:
                ages.append((now - at) * TICK_MS)
                at += token.ticks
        return ages


def _be_nice() -> None:
    """This thread, not the process: priorities are per thread on Linux."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), WORDS_NICENESS)
