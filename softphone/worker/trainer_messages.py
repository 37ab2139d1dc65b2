"""Messages between the codec worker and its training process: msgspec structs, one message of msgpack each, over a pipe.

Arrays travel as bytes in the order of this machine: both ends are the same program on it.
"""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import Generic, TypeVar

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from codec.learning.fit import Judgement
from codec.learning.hearing import Heard
from codec.learning.trainer import TrainingBatch, VoiceUpdate
from codec.voice.embedding import Voice
from codec.voice.training_example import TrainingExample
from codec.wire.token import WireToken

M = TypeVar("M")


class Example(Struct, frozen=True, array_like=True):
    """`TrainingExample`; pcm: int16."""

    start: int
    tokens: tuple[WireToken, ...]
    pcm: bytes


class Train(Struct, frozen=True, array_like=True, tag=True):
    """Worker -> trainer: `TrainingBatch` of a stream; arrays are float32."""

    stream: int
    speaker: int
    described: bytes
    described_f0: float
    coordinates: bytes
    embedding: bytes
    examples: list[Example]

    @classmethod
    def of(cls, stream: int, batch: TrainingBatch) -> Train:
        examples = [Example(each.start, each.tokens, each.pcm.tobytes()) for each in batch.examples]
        described = batch.described
        return cls(
            stream,
            batch.speaker,
            _bytes(described.embedding),
            float(described.mean_f0),
            _bytes(batch.coordinates),
            _bytes(batch.embedding),
            examples,
        )

    def batch(self) -> TrainingBatch:
        return TrainingBatch(
            self.speaker,
            Voice(_floats(self.described), self.described_f0),
            _floats(self.coordinates),
            _floats(self.embedding),
            tuple(TrainingExample(each.start, each.tokens, np.frombuffer(each.pcm, np.int16)) for each in self.examples),
        )


class Forget(Struct, frozen=True, array_like=True, tag=True):
    """Worker -> trainer: the stream is over."""

    stream: int


class TrainingProgress(Struct, frozen=True, array_like=True, tag=True):
    """Trainer -> worker, after each step: steps and processor time of a stream's training so far."""

    stream: int
    steps: int
    cpu_s: float


class TrainingResult(Struct, frozen=True, array_like=True, tag=True):
    """Trainer -> worker, after some steps: `VoiceUpdate` of a stream, its `Judgement` field by field. found, coordinates: float32."""

    stream: int
    speaker: int
    heard_alone: Heard
    heard_sent: Heard
    heard_found: Heard
    found: bytes
    coordinates: bytes | None

    @classmethod
    def of(cls, stream: int, update: VoiceUpdate) -> TrainingResult:
        judgement = update.judgement
        coordinates = None if update.coordinates is None else _bytes(update.coordinates)
        heard = judgement.alone, judgement.sent, judgement.found
        return cls(stream, update.speaker, *heard, _bytes(judgement.coordinates), coordinates)

    def update(self) -> VoiceUpdate:
        judgement = Judgement(self.heard_alone, self.heard_sent, self.heard_found, _floats(self.found))
        return VoiceUpdate(self.speaker, judgement, None if self.coordinates is None else _floats(self.coordinates))


TO_TRAINER: msgspec.msgpack.Decoder[Train | Forget] = msgspec.msgpack.Decoder(Train | Forget)
FromTrainer = TrainingProgress | TrainingResult
FROM_TRAINER: msgspec.msgpack.Decoder[FromTrainer] = msgspec.msgpack.Decoder(FromTrainer)


class Pipe(Generic[M]):
    """One end; `receive` gives what the decoder knows."""

    def __init__(self, connection: Connection, decoder: msgspec.msgpack.Decoder[M]) -> None:
        self._connection = connection
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = decoder

    def waits(self, timeout: float | None) -> bool:
        """Whether a message is there, or comes within so many seconds; None: however long it takes. Raises OSError, EOFError."""
        return self._connection.poll(timeout)

    def send(self, message: Train | Forget | FromTrainer) -> None:
        """Raises OSError."""
        self._connection.send_bytes(self._encoder.encode(message))

    def receive(self) -> M:
        """Wait for a message. Raises OSError; EOFError when the other process is gone or sends what is no message."""
        data = self._connection.recv_bytes()
        try:
            return self._decoder.decode(data)
        except msgspec.MsgspecError as error:
            raise EOFError(str(error)) from None

    def close(self) -> None:
        self._connection.close()


def _bytes(array: NDArray[np.float32]) -> bytes:
    return np.asarray(array, np.float32).tobytes()


def _floats(data: bytes) -> NDArray[np.float32]:
    return np.frombuffer(data, np.float32).copy()
