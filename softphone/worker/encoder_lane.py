"""The sending half of a call: sound and typed text in, payloads out, on a thread of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import numpy as np

from codec.encoder import REMEMBERED_EXAMPLES, Encoder
from codec.learning.hearing import Heard
from codec.learning.trainer import TrainingBatch
from codec.units.errors import CodecError, PayloadError
from codec.units.rates import SAMPLE_RATE
from codec.units.token import Token
from codec.voice.memory import OwnMemory, Remembered
from codec.voice.receipt import VoiceReceipt
from codec.wire.settings import EncoderSettings
from codec.wire.token import WireToken
from softphone.link.messages import KnownVoice, Memory, Open, OwnVoice, Payload, Tune
from softphone.link.queue import BoundedQueue
from softphone.worker.codec import SharedModels
from softphone.worker.keep_alive import KeepAlive
from softphone.worker.lane import MAX_OBSERVED, Lane, Send
from softphone.worker.rest import RestPlan
from softphone.worker.trainer_messages import FromTrainer, TrainingProgress, TrainingResult

PCM_QUEUE = 50

MAX_TUNES = 16

T = TypeVar("T")

EXAMPLES, FIRST_EXAMPLES = 6, 42
"""Groups of tokens in a training batch: about a second of speech. The first batch holds as much as the training needs before it can do
anything, so that a call of a few words starts no process for it."""


@dataclass(frozen=True)
class KnownVoices:
    """What earlier calls learned, as the codec has it; see `link.Memory`."""

    permit: bool
    own: OwnMemory | None
    mine: Remembered | None
    theirs: Remembered | None

    @classmethod
    def of(cls, memory: Memory) -> KnownVoices:
        """What is damaged is left out: it is learned again."""
        mine, theirs = _known(memory.mine), _known(memory.theirs)
        return cls(memory.permit, _own(memory.own), mine, theirs)


def _own(voice: OwnVoice | None) -> OwnMemory | None:
    try:
        return None if voice is None else OwnMemory.from_json(msgspec.structs.asdict(voice))
    except PayloadError:
        return None


def _known(voice: KnownVoice | None) -> Remembered | None:
    try:
        return None if voice is None else Remembered.from_json(msgspec.structs.asdict(voice))
    except PayloadError:
        return None


@dataclass(frozen=True)
class TypedText:
    """Tokens to be spoken. One of the two functions is called: with the seconds until all is said, or with the reason why not."""

    tokens: Sequence[Token]
    accept: Callable[[float], None]
    refuse: Callable[[str], None]


class EncoderLane(Lane):
    def __init__(self, opened: Open, shared: SharedModels, send: Send) -> None:
        super().__init__(opened.stream, "encoder", send)
        self._shared = shared
        self._settings: EncoderSettings = opened.settings
        self._queue: BoundedQueue[bytes] = BoundedQueue(PCM_QUEUE)
        self.observing = False
        self.observed: deque[tuple[WireToken, bool]] = deque(maxlen=MAX_OBSERVED)
        self.voice_progress: tuple[int, float | None] = (0, None)
        self.typed_s = 0.0
        self.sent: tuple[float, int, int] = (0.0, 0, 0)
        """Speech in ms, packets and bytes sent; one tuple, so that they belong together."""
        self.voice_bytes = 0
        self.words: dict[str, int] = {}
        """What the word recogniser did: see `Encoder.words`."""
        self._texts: deque[TypedText] = deque()
        self._tunes: deque[Tune] = deque(maxlen=MAX_TUNES)
        self._trains = False
        self._results: deque[TrainingResult] = deque(maxlen=MAX_TUNES)
        self.heard: Heard | None = None
        """How the remote party hears this voice, by the latest training result."""
        self.training: tuple[int, float] = (0, 0.0)
        """Steps of this stream, and processor time of the training process."""
        self._arrived: deque[VoiceReceipt] = deque(maxlen=1)
        self._acknowledged: deque[VoiceReceipt] = deque(maxlen=1)
        self._memory: KnownVoices | None = None
        self.keeps: tuple[OwnMemory | None, Remembered | None] = (None, None)
        """The own voice, and what the far end knows of it, where they may be kept."""
        self._learns = opened.learn and opened.settings.voice
        self._rest = RestPlan(self._learns)
        if self._learns:
            shared.trainer.open(opened.stream, self._put_result)
        self._make()

    def put(self, pcm: bytes) -> None:
        if self._queue.put(pcm) is not None:
            self.counters["pcm_dropped"] += 1
        self._work.release()

    def say(self, text: TypedText) -> None:
        self._texts.append(text)
        self._work.release()

    def tune(self, changes: Tune) -> None:
        self._tunes.append(changes)
        self._work.release()

    def voice_arrived(self, receipt: VoiceReceipt) -> None:
        """See `decoder_lane.ReceiptListener`; it goes with what is sent next."""
        self._arrived.append(receipt)

    def voice_acknowledged(self, receipt: VoiceReceipt) -> None:
        """See `decoder_lane.ReceiptListener`."""
        self._acknowledged.append(receipt)

    def close(self) -> None:
        self._shared.trainer.close(self._number)
        super().close()

    def _make(self) -> None:
        self._encoder = Encoder(self._shared.models, self._settings)
        self._keep_alive = KeepAlive()
        if self._learns:
            self._encoder.examples = deque(maxlen=REMEMBERED_EXAMPLES)
        self._recall()

    def _put_result(self, result: FromTrainer) -> None:
        if isinstance(result, TrainingProgress):
            self.training = result.steps, result.cpu_s
            return
        # On a thread of the trainer's client: the encoder is told in its own.
        self._results.append(result)
        self.heard = result.heard_sent if result.coordinates is None else result.heard_found

    def _train(self) -> None:
        """Hand on what was said lately to the training; what its queue does not take waits, and the oldest is forgotten."""
        examples, best = self._encoder.examples, self._encoder.voice.estimate
        if examples is None or best is None or len(examples) < (EXAMPLES if self._trains else FIRST_EXAMPLES):
            return
        batch = TrainingBatch(self._encoder.voice.speakers, *self._encoder.voice.described, best[0].embedding, tuple(examples))
        if self._shared.trainer.train(self._number, batch):
            examples.clear()
            self._trains = True

    def _step(self) -> None:
        while self._tunes:
            self._tune(self._tunes.popleft())
        while self._results:
            update = self._results.popleft().update()
            if update.coordinates is not None:
                self._encoder.voice.set_residual(update.coordinates, update.speaker)
        while self._arrived:
            self._encoder.extensions.acknowledge(self._arrived.popleft())
        while self._acknowledged:
            self._encoder.voice.acknowledge(self._acknowledged.popleft())
        while self._texts:
            self._speak(self._texts.popleft())
        chunks = []
        while (chunk := self._queue.get()) is not None:
            chunks.append(chunk)
        if not chunks:
            return
        if self._encoder.quiet and self._keep_alive.due():
            # Before the sound: if it is the first packet that a listener gets, nothing older is expected.
            self.counters["keep_alives"] += 1
            self._send(Payload(self._number, self._encoder.keep_alive()))
        pcm = np.frombuffer(b"".join(chunks), np.int16)
        seconds, spoken_s = len(pcm) / SAMPLE_RATE, self._encoder.spoken_ms / 1000
        self._encoder.may_rest = self._rest.heard(seconds, self._encoder.rests, spoken_s)
        self.counters["rested_ms"] += round(1000 * seconds) if self._encoder.rests else 0
        payloads = self._encoder.encode(pcm)
        self._keep_alive.passed(len(pcm) / SAMPLE_RATE, bool(payloads))
        for payload in payloads:
            self.counters["payloads_made"] += 1
            self._send(Payload(self._number, payload))
            self.sent = (self._encoder.spoken_ms, self.sent[1] + 1, self.sent[2] + len(payload))
        self.voice_bytes = self._encoder.voice.bytes
        self.words = self._encoder.words
        self._observe()
        self.typed_s = self._encoder.typed_seconds
        self._shared.own_voice.learn(self._encoder.voice.estimate)
        self._train()
        if self._memory is not None:
            self.keeps = self._encoder.voice.own_memory, self._encoder.voice.known_there

    def _tune(self, changes: Tune) -> None:
        if changes.settings is not None:
            self._encoder.settings = self._settings = changes.settings
        if changes.rest is not None:
            self._rest.calm = changes.rest
        if changes.memory is not None:
            self._memory = KnownVoices.of(changes.memory)
            self._recall()
        if changes.report is not None:
            self._encoder.extensions.report(changes.report.report, changes.report.urgent)

    def _recall(self) -> None:
        memory = self._memory
        if memory is not None:
            self._encoder.voice.recall(memory.own, memory.mine, memory.permit)

    def _speak(self, text: TypedText) -> None:
        try:
            self._encoder.say(text.tokens, self._shared.own_voice.voice)
        except CodecError as error:
            text.refuse(str(error))
        else:
            self.typed_s = self._encoder.typed_seconds
            text.accept(self.typed_s)

    def _observe(self) -> None:
        # In this lane's thread: the codec is not thread-safe, the deque between here and the report is.
        if self.observing and self._encoder.sent:
            self.observed.extend(self._encoder.sent)
            self.voice_progress = self._encoder.voice.progress
        self._encoder.sent.clear()
