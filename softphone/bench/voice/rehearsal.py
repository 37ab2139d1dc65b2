"""A one-way call faster than real time, to measure when the far end knows how much of a voice."""

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from codec.decoder import Decoder
from codec.encoder import Encoder
from codec.learning.far_end import Stretch, stretches_of
from codec.learning.trainer import ListenerNetworks, TrainingBatch, VoiceTrainer
from codec.units.rates import SAMPLE_RATE
from codec.voice.embedding import Voice
from codec.voice.residual import TYPE as RESIDUAL_TYPE
from codec.wire.packet import parse
from codec.wire.settings import EncoderSettings

if TYPE_CHECKING:
    from codec.models import Models

STEP = 320
PIECE_BITS = 40
"""Of a voice piece with its version and index."""
EXTENSION_BITS = 17
"""Of an extension's type and length, and of whether another follows."""
TAIL_STEPS = 75
"""1.5 s: how long after the last packet the decoder may still speak."""
RECEIPT_STEPS = 100
"""The far end answers every two seconds."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the far end knows after so many seconds of speech. size: bytes spent on it, headers of pieces and repeats included; pieces: as
    `Decoder.know` takes them; voice, coordinates: what they say; training_s: processor time of the training so far."""

    seconds: float
    size: float
    pieces: tuple[dict[int, bytes], dict[int, bytes]]
    voice: Voice
    coordinates: NDArray[np.float32]
    training_s: float


def rehearse(
    models: "Models", networks: ListenerNetworks | None, pcm: NDArray[np.int16], marks: Sequence[float], share: float
) -> Iterator[Known]:
    """What the far end knows at each of `marks` (seconds of speech, rising), and at the end of the sound if that is half as much again
    after the last mark that was reached.

    networks: for the training, None for a call without; share: of a core that the training may take.
    """
    encoder, far = Encoder(models, EncoderSettings()), Decoder(models)
    encoder.examples = deque()
    trainer = None if networks is None else VoiceTrainer(networks)
    bits, training, waiting = 0, 0.0, list(marks)
    for step, at in enumerate(range(0, len(pcm), STEP)):
        with torch.inference_mode():
            payloads = encoder.encode(pcm[at : at + STEP])
        for payload in payloads:
            packet = parse(payload, models.entropy)
            far.receive(payload)
            bits += PIECE_BITS * (packet.voice is not None)
            bits += sum(EXTENSION_BITS + 8 * len(each.data) for each in packet.extensions if each.type == RESIDUAL_TYPE)
        if step % RECEIPT_STEPS == 0:
            encoder.voice.acknowledge(far.voice_receipt)
        best = encoder.voice.estimate
        if trainer is not None and best is not None and encoder.examples:
            trainer.take(TrainingBatch(encoder.voice.speakers, *encoder.voice.described, best[0].embedding, tuple(encoder.examples)))
            encoder.examples.clear()
        began = time.process_time()
        while trainer is not None and trainer.wants_work and training + time.process_time() - began < share * step * STEP / SAMPLE_RATE:
            update = trainer.work()
            if update is not None and update.coordinates is not None:
                encoder.voice.set_residual(update.coordinates, update.speaker)
        training += time.process_time() - began
        while waiting and encoder.spoken_ms >= 1000 * waiting[0]:
            yield Known(waiting.pop(0), bits / 8, far.pieces, *far.speaker, training)
    reached = [mark for mark in marks if mark not in waiting]
    if waiting and reached and encoder.spoken_ms >= 1500 * reached[-1]:
        yield Known(round(encoder.spoken_ms / 1000, 1), bits / 8, far.pieces, *far.speaker, training)


@torch.inference_mode()
def lessons_of(models: "Models", pcm: NDArray[np.int16]) -> tuple[list[tuple[int, bytes]], list[Stretch]]:
    """The payloads of a sound without a voice, each with its step of 20 ms, and its stretches with their tokens."""
    encoder = Encoder(models, EncoderSettings(voice=False))
    encoder.examples = deque()
    payloads = [(at // STEP, payload) for at in range(0, len(pcm), STEP) for payload in encoder.encode(pcm[at : at + STEP])]
    return payloads, stretches_of(list(encoder.examples))


@torch.inference_mode()
def listen(
    models: "Models", payloads: Sequence[tuple[int, bytes]], pieces: Mapping[int, bytes], residual: Mapping[int, bytes]
) -> NDArray[np.int16]:
    """What a listener hears of payloads who knows these pieces of the voice and of its residual: (samples,) int16."""
    decoder, waiting, blocks = Decoder(models), deque(payloads), []
    decoder.know(pieces, residual)
    for step in range(payloads[-1][0] + TAIL_STEPS if payloads else 0):
        while waiting and waiting[0][0] <= step:
            decoder.receive(waiting.popleft()[1])
        blocks.append(decoder.pull(STEP))
    return np.concatenate(blocks) if blocks else np.zeros(0, np.int16)
