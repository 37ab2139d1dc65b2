"""The codec as the worker uses it: models loaded once, encoders and decoders made per call."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import soundfile
import torch

from codec.decoder import Decoder
from codec.encoder import Encoder
from codec.models import Models
from codec.recognise.recogniser import Recogniser
from codec.recognise.second_pass import WordService
from codec.units.errors import CodecError
from codec.units.phones import INVENTORY_NAME
from codec.units.rates import CHUNK_SAMPLES, SAMPLE_RATE
from codec.wire.packet import VERSION, parse
from codec.wire.token import TICK_MS
from softphone import paths
from softphone.link.counters import WorkerFacts
from softphone.worker.own_voice import OwnVoice
from softphone.worker.trainer_client import TrainerClient

WARM_UP_S = 2
WORDS_NICENESS = 5
"""Priority of the word recogniser's thread below the others: first the words go, never the call."""


@dataclass(frozen=True)
class SharedModels:
    """What all streams share; only the own voice changes."""

    models: Models
    own_voice: OwnVoice = field(default_factory=OwnVoice)
    trainer: TrainerClient = field(default_factory=TrainerClient)
    words: list[str] = field(default_factory=lambda: ["loading"])
    """State of the word recogniser, newest last: "loading", "ready", or why there is none."""

    def load_words(self) -> None:
        """Load the word recogniser in a thread of its own; calls go without it until it is there."""
        threading.Thread(target=self._load_words, name="words-loader", daemon=True).start()

    def _load_words(self) -> None:
        _be_nice()
        try:
            service = WordService.load(ThreadPoolExecutor(1, "words", _be_nice))
            service.recogniser.stream().hear(np.zeros(SAMPLE_RATE, np.int16), 0, ())
        except (CodecError, OSError) as error:
            self.words.append(str(error))
            return
        if isinstance(self.models.recogniser, Recogniser):
            self.models.recogniser.use_words(service)
        self.words.append("ready")

    @classmethod
    def load(cls, threads: int) -> SharedModels:
        """Raises CodecError or OSError when the weights are not there or not whole."""
        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)
        torch.set_grad_enabled(False)
        return cls(Models.load())

    def facts(self) -> WorkerFacts:
        """What the engine is told when the worker is ready. Sends bundled speech through everything first, so that the first call does not
        pay for what torch does once."""
        began = time.monotonic()
        pcm, rate = soundfile.read(paths.demo_recording()[0], frames=WARM_UP_S * SAMPLE_RATE, dtype="int16")
        assert rate == SAMPLE_RATE
        encoder, decoder = Encoder(self.models), Decoder(self.models)
        with torch.inference_mode():
            delays: list[int] = []
            for start in range(0, len(pcm), CHUNK_SAMPLES):
                for payload in encoder.encode(np.ascontiguousarray(pcm[start : start + CHUNK_SAMPLES])):
                    delays += self._delays(payload, start // CHUNK_SAMPLES + 1)
                    decoder.receive(payload)
            for payload in encoder.flush():
                decoder.receive(payload)
            for _ in range(50 * WARM_UP_S):
                decoder.pull(CHUNK_SAMPLES)
        return WorkerFacts(
            version=VERSION,
            inventory=INVENTORY_NAME,
            model=self.models.model_id,
            warm_s=round(time.monotonic() - began, 2),
            encoder_delay_ms=round(float(np.mean(delays))) if delays else 0,
        )

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
