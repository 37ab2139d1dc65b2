"""One call in the worker: an encoder lane and a decoder lane, each a thread of its own, so that no call waits for another."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch

from codec.encoder import REMEMBERED_LESSONS
from codec.learning.hearing import Heard
from codec.learning.trainer import Lecture
from codec.playout.schedule import SpokenPhone
from codec.units.errors import CodecError, PayloadError
from codec.units.phones import PHONES
from codec.units.token import Token
from codec.voice.memory import OwnMemory, Remembered
from codec.voice.receipt import VoiceReceipt
from codec.wire.link_report import LinkReport
from codec.wire.token import TICK_MS, WireToken
from softphone.link.transport import CHUNK_SAMPLES, SAMPLE_RATE, BoundedQueue, Failure, Message, Payload, Pcm
from softphone.worker.codec import CodecRoom
from softphone.worker.keep_alive import KeepAlive
from softphone.worker.trainer_messages import Learned

PCM_QUEUE = 50
PAYLOAD_QUEUE = 64
MAX_OWED_SAMPLES = 16000
MAX_ANSWER_SAMPLES = 3 * CHUNK_SAMPLES
MAX_FAILURES = 3
MAX_TUNES = 16
LESSONS, FIRST_LESSONS = 6, 42
"""Groups of a lecture: about a second of speech; of the first one as many seconds as the training needs before it can do anything, so that
a call of a few words starts no process for it."""
MAX_OBSERVED = 48
"""Phones of one direction that wait to be reported: some four seconds of speech, and little enough for one message."""

Send = Callable[[Message], None]
T = TypeVar("T")


@dataclass(frozen=True)
class _Memory:
    """What earlier calls learned; see `link.Tune`."""

    permit: bool
    own: OwnMemory | None
    mine: Remembered | None
    theirs: Remembered | None

    @classmethod
    def of(cls, told: dict[str, Any]) -> _Memory:
        """What cannot be read is left out: it is learned again."""

        def read(name: str, reader: Callable[[Any], T]) -> T | None:
            try:
                return reader(told[name]) if told.get(name) else None
            except PayloadError:
                return None

        own, mine, theirs = read("own", OwnMemory.from_json), read("mine", Remembered.from_json), read("theirs", Remembered.from_json)
        return cls(bool(told.get("permit")), own, mine, theirs)


@dataclass(frozen=True)
class _Text:
    """Tokens to be spoken; one of both functions is called: with the seconds until all is said, or with why not."""

    tokens: Sequence[Token]
    accept: Callable[[float], None]
    refuse: Callable[[str], None]


class _Lane(ABC):
    """A thread that works whenever there is work. What fails is reported and made anew, `MAX_FAILURES` times."""

    def __init__(self, number: int, name: str, send: Send) -> None:
        self.counters: Counter[str] = Counter()
        self.busy_s = 0.0
        self.longest_s = 0.0
        self._number = number
        self._name = name
        self._send = send
        self._work = threading.Semaphore(0)
        self._open = True
        self._thread = threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._open = False
        self._work.release()

    @abstractmethod
    def _make(self) -> None:
        """Begin anew."""

    @abstractmethod
    def _step(self) -> None:
        """Do what waits."""

    def _run(self) -> None:
        failures = 0
        while self._open:
            self._work.acquire()
            if not self._open:
                return
            began, began_cpu = time.monotonic(), time.thread_time()
            try:
                with torch.inference_mode():
                    self._step()
            except Exception as error:
                failures += 1
                self.counters["failures"] += 1
                end = "it begins anew" if failures < MAX_FAILURES else "it stays silent until the next call"
                self._send(Failure(self._number, f"the {self._name} of a call failed ({type(error).__name__}: {error}); {end}"))
                if failures >= MAX_FAILURES:
                    return
                self._make()
            self.busy_s += time.thread_time() - began_cpu
            self.longest_s = max(self.longest_s, time.monotonic() - began)


class EncoderLane(_Lane):
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
        self._texts: deque[_Text] = deque()
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
        self._memory: _Memory | None = None
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

    def say(self, text: _Text) -> None:
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
            self._memory = _Memory.of(changes["memory"])
            self._recall()
        if report := changes.get("report"):
            *figures, urgent = report
            self._encoder.report(LinkReport(*figures), urgent)

    def _recall(self) -> None:
        memory = self._memory
        if memory is not None:
            self._encoder.recall(memory.own, memory.mine, memory.permit)

    def _speak(self, text: _Text) -> None:
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


class DecoderLane(_Lane):
    def __init__(self, number: int, room: CodecRoom, send: Send, encoder: EncoderLane) -> None:
        super().__init__(number, "decoder", send)
        self._room = room
        self._queue: BoundedQueue[bytes] = BoundedQueue(PAYLOAD_QUEUE)
        self.link_report: tuple[int, LinkReport | None] = (0, None)
        self._encoder = encoder
        self._receipts = 0
        self.theirs: Remembered | None = None
        """What is remembered of the far end's voice."""
        self.keeps: tuple[Remembered | None, bool] = (None, False)
        """What has arrived of it, and whether it may be kept."""
        self._owed = 0
        self._lock = threading.Lock()
        self.observing = False
        self.observed: deque[SpokenPhone] = deque(maxlen=MAX_OBSERVED)
        self._make()

    def put(self, payload: bytes) -> None:
        if self._queue.put(payload) is not None:
            self.counters["payloads_dropped"] += 1
        self._work.release()

    def pull(self, samples: int) -> None:
        with self._lock:
            self._owed += samples
            surplus = self._owed - MAX_OWED_SAMPLES
            if surplus > 0:
                self._owed -= surplus
                self.counters["samples_not_made"] += surplus
        self._work.release()

    def statistics(self) -> dict[str, Any]:
        return dataclasses.asdict(self._statistics)

    def _make(self) -> None:
        self._decoder = self._room.decoder()
        self._statistics = self._decoder.statistics

    def _step(self) -> None:
        if self.theirs is not None:
            self._decoder.remember(self.theirs)
            self.theirs = None
        while (payload := self._queue.get()) is not None:
            try:
                self._decoder.receive(payload)
            except PayloadError:
                self.counters["payloads_unreadable"] += 1
        with self._lock:
            samples = min(self._owed, MAX_ANSWER_SAMPLES)
            self._owed -= samples
            more = self._owed > 0
        if samples:
            self._send(Pcm(self._number, self._decoder.pull(samples).astype("<i2").tobytes()))
            if self.observing:
                self.observed.extend(self._decoder.spoken)
            self._decoder.spoken.clear()
        self._statistics = self._decoder.statistics
        self.link_report = self._decoder.link_report
        self._encoder.arrived = self._decoder.voice_receipt
        self.keeps = self._decoder.to_keep
        receipts, receipt = self._decoder.receipt
        if receipt is not None and receipts != self._receipts:
            self._receipts = receipts
            self._encoder.acknowledged.append(receipt)
        if more:
            self._work.release()


class WorkerStream:
    """Both lanes. Raises CodecError when the settings are out of range."""

    def __init__(self, number: int, room: CodecRoom, settings: dict[str, Any], send: Send) -> None:
        self._encoder = EncoderLane(number, room, settings, send)
        self._decoder = DecoderLane(number, room, send, self._encoder)
        self._last_voice: list[Any] = [0, None, 0, None]
        self.put_pcm = self._encoder.put
        self.put_payload = self._decoder.put
        self.pull = self._decoder.pull
        self._remembers = False
        self._kept: dict[str, Any] = {}

    def tune(self, changes: dict[str, Any]) -> None:
        """Take a `link.Tune`."""
        if "memory" in changes:
            self._remembers = True
            self._decoder.theirs = _Memory.of(changes["memory"]).theirs
        self._encoder.tune(changes)

    def keep(self) -> dict[str, Any]:
        """The voices of `link.Keep`, where they have changed since the last time; else empty."""
        if not self._remembers:
            return {}
        (own, mine), (theirs, permitted) = self._encoder.keeps, self._decoder.keeps
        known = {"own": own, "mine": mine, "theirs": theirs}
        voices = {name: None if each is None else each.as_json() for name, each in known.items()} | {"permitted": permitted}
        if voices == self._kept or (mine is None and theirs is None):
            return {}
        self._kept = voices
        return voices

    def say(self, tokens: Sequence[Token], accept: Callable[[float], None], refuse: Callable[[str], None]) -> None:
        """Speak typed text; `accept` or `refuse` is called on the encoder's thread."""
        self._encoder.say(_Text(tokens, accept, refuse))

    def start(self) -> None:
        self._encoder.start()
        self._decoder.start()

    def close(self) -> None:
        self._encoder.close()
        self._decoder.close()

    def observe(self, on: bool) -> None:
        """Begin or stop to keep what `observed` gives."""
        self._encoder.observing = self._decoder.observing = on

    def observed(self) -> dict[str, Any]:
        """The report of `link.Observed`: what is new since the last one; empty where nothing is."""
        sent, spoken = _taken(self._encoder.observed), _taken(self._decoder.observed)
        sent_bytes, cosine = self._encoder.voice_progress
        heard = self._encoder.heard
        voice = [
            sent_bytes,
            None if cosine is None else round(cosine, 3),
            self._decoder.statistics()["voice_bytes"],
            None if heard is None else round(heard.similarity, 3),
        ]
        if not (sent or spoken or (voice != self._last_voice and self._encoder.observing)):
            return {}
        self._last_voice = voice
        return {
            "tx": [[PHONES[token.phone], token.ticks * TICK_MS] for token in sent],
            "rx": [[PHONES[phone.phone], phone.ticks * TICK_MS, phone.state] for phone in spoken],
            "voice": voice,
        }

    def statistics(self) -> dict[str, Any]:
        """Counters of the codec and of both lanes; `*_cpu_s` is the processor time they took, `*_longest_ms` their longest step."""
        speech_ms, packets, size = self._encoder.sent
        heard = self._encoder.heard
        reports, report = self._decoder.link_report
        told = [] if report is None else [report.loss, report.burst, report.queue_ms, report.jitter_ms]
        return {
            **self._decoder.statistics(),
            "sent_speech_ms": speech_ms,
            "sent_packets": packets,
            "sent_bytes": size,
            "sent_voice_bytes": self._encoder.voice_bytes,
            "link_reports": reports,
            "link_report": told,
            **{f"encoder_{name}": count for name, count in self._encoder.counters.items()},
            **{f"decoder_{name}": count for name, count in self._decoder.counters.items()},
            "training_steps": self._encoder.training[0],
            "training_cpu_s": round(self._encoder.training[1], 2),
            **({} if heard is None else {f"heard_{name}": round(value, 3) for name, value in dataclasses.asdict(heard).items()}),
            "typed_s": round(self._encoder.typed_s, 2),
            "encoder_cpu_s": round(self._encoder.busy_s, 3),
            "encoder_longest_ms": round(1000 * self._encoder.longest_s),
            "decoder_cpu_s": round(self._decoder.busy_s, 3),
            "decoder_longest_ms": round(1000 * self._decoder.longest_s),
        }


def _taken(items: deque[T]) -> list[T]:
    """Everything in the deque, taken out while another thread may put more in."""
    taken = []
    with contextlib.suppress(IndexError):
        while True:
            taken.append(items.popleft())
    return taken
