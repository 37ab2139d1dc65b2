"""The sending half of a call: sound and typed text in, payloads out, on a thread of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from codec.encoder import REMEMBERED_LESSONS
from codec.learning.hearing import Heard
from codec.learning.trainer import Lecture
from codec.units.errors import CodecError, PayloadError
from codec.units.token import Token
from codec.voice.memory import OwnMemory, Remembered
from codec.voice.receipt import VoiceReceipt
from codec.wire.link_report import LinkReport
from codec.wire.token import WireToken
from softphone.link.messages import SAMPLE_RATE, Payload
from softphone.link.queue import BoundedQueue
from softphone.worker.codec import CodecRoom
from softphone.worker.keep_alive import KeepAlive
from softphone.worker.lane import MAX_OBSERVED, Lane, Send
from softphone.worker.trainer_messages import Learned

PCM_QUEUE = 50

MAX_TUNES = 16

T = TypeVar("T")

LESSONS, FIRST_LESSONS = 6, 42
"""Groups of a lecture: about a second of speech; of the first one as many seconds as the training needs before it can do anything, so that
a call of a few words starts no process for it."""


@dataclass(frozen=True)
class KnownVoices:
    """What earlier calls learned; see `link.Tune`."""

    permit: bool
    own: OwnMemory | None
    mine: Remembered | None
    theirs: Remembered | None

    @classmethod
    def of(cls, told: dict[str, Any]) -> KnownVoices:
        """What cannot be read is left out: it is learned again."""

        def read(name: str, reader: Callable[[Any], T]) -> T | None:
            try:
                return reader(told[name]) if told.get(name) else None
            except PayloadError:
                return None

        own, mine, theirs = read("own", OwnMemory.from_json), read("mine", Remembered.from_json), read("theirs", Remembered.from_json)
        return cls(bool(told.get("permit")), own, mine, theirs)


@dataclass(frozen=True)
class TypedText:
    """Tokens to be spoken; one of both functions is called: with the seconds until all is said, or with why not."""

    tokens: Sequence[Token]
    accept: Callable[[float], None]
    refuse: Callable[[str], None]


class EncoderLane(Lane):
    def __init__(self, number: int, room: CodecRoom, settings: dict[str, Any], send: Send) -> None:
        super().__init__(number, "encoder", send)
        self._room = room
        self._settings = settings
        self._queue: BoundedQueue[bytes] = BoundedQueue(PCM_QUEUE)
        self.observing = False
        self.observed: deque[WireToken] = deque(maxlen=MAX_OBSERVED)
        self.voice_progress: tuple[int, float | None] = (0, None)
        self.typed_s = 0.0
        self.sent: tuple[float, int, int] = (0.0, 0, 0)
        """Speech in ms, packets and bytes sent; one tuple, so that they belong together."""
        self.voice_bytes = 0
        self.words: dict[str, int] = {}
        """What the word recogniser did: see `Encoder.words`."""
        self._texts: deque[TypedText] = deque()
        self._tunes: deque[dict[str, Any]] = deque(maxlen=MAX_TUNES)
        self._taught = False
        self._learned: deque[Learned] = deque(maxlen=MAX_TUNES)
        self.heard: Heard | None = None
        """How the far end hears this voice, as the training knows it."""
        self.training: tuple[int, float] = (0, 0.0)
        """Steps of this stream, and processor time of the training process."""
        self.arrived: VoiceReceipt | None = None
        """What has arrived of the far end's voice; set by the decoder's lane."""
        self.acknowledged: deque[VoiceReceipt] = deque(maxlen=1)
        """What the far end told last; from the decoder's lane."""
        self._memory: KnownVoices | None = None
        self.keeps: tuple[OwnMemory | None, Remembered | None] = (None, None)
        """The own voice, and what the far end knows of it, where they may be kept."""
        self._learns = bool(settings.get("learn", True)) and bool(settings.get("voice", True))
        if self._learns:
            room.voices.open(number, self._learn)
        self._make()

    def put(self, pcm: bytes) -> None:
        if self._queue.put(pcm) is not None:
            self.counters["pcm_dropped"] += 1
        self._work.release()

    def say(self, text: TypedText) -> None:
        self._texts.append(text)
        self._work.release()

    def tune(self, changes: dict[str, Any]) -> None:
        """Take a `link.Tune`."""
        self._tunes.append(changes)
        self._work.release()

    def close(self) -> None:
        self._room.voices.close(self._number)
        super().close()

    def _make(self) -> None:
        self._encoder = self._room.encoder(self._settings)
        self._keep_alive = KeepAlive()
        if self._learns:
            self._encoder.lessons = deque(maxlen=REMEMBERED_LESSONS)
        self._recall()

    def _learn(self, learned: Learned) -> None:
        # On a thread of the room: the encoder is told in its own.
        self._learned.append(learned)
        judgement = learned.update.judgement
        self.heard = judgement.sent if learned.update.coordinates is None else judgement.found
        self.training = learned.steps, learned.cpu_s

    def _lecture(self) -> None:
        """Hand on what was said lately to the training; what it has no room for waits, and the oldest is forgotten."""
        lessons, best = self._encoder.lessons, self._encoder.voice
        if lessons is None or best is None or len(lessons) < (LESSONS if self._taught else FIRST_LESSONS):
            return
        lecture = Lecture(self._encoder.speakers, *self._encoder.described, best[0].embedding, tuple(lessons))
        if self._room.voices.teach(self._number, lecture):
            lessons.clear()
            self._taught = True

    def _step(self) -> None:
        while self._tunes:
            self._tune(self._tunes.popleft())
        while self._learned:
            update = self._learned.popleft().update
            if update.coordinates is not None:
                self._encoder.teach(update.coordinates, update.speaker)
        if self.arrived is not None:
            self._encoder.tell(self.arrived)
        while self.acknowledged:
            self._encoder.acknowledge(self.acknowledged.popleft())
        while self._texts:
            self._speak(self._texts.popleft())
        chunks = []
        while (chunk := self._queue.get()) is not None:
            chunks.append(chunk)
        if not chunks:
            return
        if self._encoder.quiet and self._keep_alive.due():
            # Before the sound: where it is the first packet that a listener gets, nothing older than it is expected.
            self.counters["keep_alives"] += 1
            self._send(Payload(self._number, self._encoder.keep_alive()))
        pcm = np.frombuffer(b"".join(chunks), np.int16)
        payloads = self._encoder.encode(pcm)
        self._keep_alive.passed(len(pcm) / SAMPLE_RATE, bool(payloads))
        for payload in payloads:
            self.counters["payloads_made"] += 1
            self._send(Payload(self._number, payload))
            self.sent = (self._encoder.spoken_ms, self.sent[1] + 1, self.sent[2] + len(payload))
        self.voice_bytes = self._encoder.voice_bytes
        self.words = self._encoder.words
        self._observe()
        self.typed_s = self._encoder.typed_seconds
        self._room.own_voice.learn(self._encoder.voice)
        self._lecture()
        if self._memory is not None:
            self.keeps = self._encoder.own_memory, self._encoder.known_there

    def _tune(self, changes: dict[str, Any]) -> None:
        if settings := changes.get("settings"):
            wanted = {**self._settings, **settings}
            self._encoder.settings = self._room.settings(wanted)
            self._settings = wanted
        if "memory" in changes:
            self._memory = KnownVoices.of(changes["memory"])
            self._recall()
        if report := changes.get("report"):
            *figures, urgent = report
            self._encoder.report(LinkReport(*figures), urgent)

    def _recall(self) -> None:
        memory = self._memory
        if memory is not None:
            self._encoder.recall(memory.own, memory.mine, memory.permit)

    def _speak(self, text: TypedText) -> None:
        try:
            self._encoder.say(text.tokens, self._room.own_voice.voice)
        except CodecError as error:
            text.refuse(str(error))
        else:
            self.typed_s = self._encoder.typed_seconds
            text.accept(self.typed_s)

    def _observe(self) -> None:
        # In this lane's thread: the codec is not thread-safe, the deque between here and the report is.
        if self.observing and self._encoder.sent:
            self.observed.extend(self._encoder.sent)
            self.voice_progress = self._encoder.voice_progress
        self._encoder.sent.clear()
