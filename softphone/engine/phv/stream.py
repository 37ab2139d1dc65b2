"""One call's sound and payloads on their way to the codec worker and back. No method waits for the worker."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import msgspec

from codec.units.rates import CHUNK_SAMPLES
from softphone.config import Phv
from softphone.control.protocol import CallStatistics
from softphone.engine.phv.rate_model import WORDS_WAIT_S
from softphone.engine.phv.receiver_report import Received, TransitTimes
from softphone.engine.phv.tuning import PhvTuning
from softphone.link.messages import (
    CHUNK_BYTES,
    Close,
    Keep,
    Memory,
    Message,
    Observe,
    Observed,
    Open,
    Payload,
    Pcm,
    Pull,
    Statistics,
    StreamStatistics,
    Tune,
    VoiceProgress,
)
from softphone.link.queue import BoundedQueue

FILL_SAMPLES = 3 * CHUNK_SAMPLES
"""60 ms of decoded sound are kept ahead of the playout: the time that the worker has for an answer."""
LONGEST_FILL_SAMPLES = 12 * CHUNK_SAMPLES
"""So much may wait after the worker was late; the next pause in speech brings it back to `FILL_SAMPLES`."""
PAYLOAD_QUEUE = 16
REPORT_QUEUE = 8
EMPTY_BYTES = 2
"""A payload of no more is a keep-alive."""


class PhvStream:
    """Implements `media.stream.CodecStream`.

    Each `take_pcm` asks the worker for as much as it takes, so that `FILL_SAMPLES` are always here or under way. Where an answer
    comes after its turn was played as silence, delay has grown: silence in the answers is then left out, and beyond
    `LONGEST_FILL_SAMPLES` the oldest sound is.
    """

    def __init__(
        self,
        number: int,
        phv: Phv,
        send: Callable[[Message], bool],
        closed: Callable[[PhvStream], None],
        encoder_delay_ms: Callable[[], float] = lambda: 0.0,
        fmtp_remote: Mapping[str, str] | None = None,
    ) -> None:
        self.number = number
        self.counters: Counter[str] = Counter()
        self.statistics = StreamStatistics()
        """The worker's counters of this stream, newest."""
        self.voice_told = VoiceProgress()
        """What was published last of the voice."""
        self.voices: Keep | None = None
        """What a later call may begin with, newest."""
        self._memory: Memory | None = None
        self.encoder_delay_ms = encoder_delay_ms
        """Of our encoder; the far end's is taken to be as slow."""
        self.transit = TransitTimes()
        self.tuning = PhvTuning(phv, fmtp_remote or {})
        """What is sent; main thread only."""
        self._tokens_wait_ms = 0.0
        self._observed = False
        self._reports: BoundedQueue[Observed] = BoundedQueue(REPORT_QUEUE)
        self._learn = phv.learn
        self._send = send
        self._closed = closed
        self._payloads: BoundedQueue[bytes] = BoundedQueue(PAYLOAD_QUEUE)
        self._is_up = False
        self._held: bytes | None = None  # a keep-alive, until the call is up
        self._sound = bytearray()
        self._lock = threading.Lock()

    def open(self) -> None:
        """Tell a worker, new or restarted, of this stream."""
        with self._lock:
            self._sound.clear()
        self._payloads.clear()
        self._send(Open(self.number, self.tuning.settings, self._learn))
        self._send(Pull(self.number, FILL_SAMPLES))
        if self._observed:
            self._send(Observe(self.number, True))
        if self._memory is not None:
            self._send(Tune(self.number, memory=self._memory))

    def call_is_up(self) -> None:
        """Keep-alives may leave from now on: earlier, on a slow link, they would delay the answer."""
        self._is_up = True
        if self._held is not None:
            self._put_payload_out(self._held)
            self._held = None

    def observe(self, on: bool) -> None:
        """Whether the worker reports what it sends and speaks."""
        if on != self._observed:
            self._observed = on
            self._send(Observe(self.number, on))

    def limit(self, ceiling_bps: int) -> None:
        """Another ceiling in IP bit/s than the configuration's, RTCP counted; 0 for none."""
        before = self.tuning.settings
        self.tuning.limit(ceiling_bps)
        if self.tuning.settings != before:
            self._send(Tune(self.number, self.tuning.settings))

    @property
    def delay_ms(self) -> float:
        """From the beginning of a phone to when its packet leaves, on average; of the far end's, which is taken to do as we do."""
        return self.encoder_delay_ms() + 1000 * WORDS_WAIT_S * self.tuning.waits

    def wait(self, mode: str) -> None:
        """Whether what is said waits for its words from now on: "clear", "quick" or "auto"."""
        before = self.tuning.settings
        self.tuning.wait = mode
        if self.tuning.settings != before:
            self._send(Tune(self.number, self.tuning.settings))

    def set_up_at(self, bps: float | None) -> None:
        """How fast the call's SIP messages travelled, None while unknown; may be called repeatedly."""
        before = self.tuning.settings
        self.tuning.set_up_at(time.monotonic(), bps)
        if self.tuning.settings != before:
            self._send(Tune(self.number, self.tuning.settings))

    def tune(self, event: CallStatistics, received: Received, rtcp: tuple[int, int] = (0, 0)) -> None:
        """Called each second: adapt what is sent, and report to the far end on its packets. rtcp: how often the far
        end reported on our packets, and on how many the last time."""
        now = time.monotonic()
        changed, report = self.tuning.turn(now, event, self.statistics, received, rtcp, self.transit.queue_ms(now))
        if changed or report is not None:
            self._send(Tune(self.number, self.tuning.settings if changed else None, report))

    def remember(self, memory: Memory) -> None:
        """What earlier calls learned. Any thread."""
        self._memory = memory
        self._send(Tune(self.number, memory=memory))

    def take_reports(self) -> Iterator[Observed]:
        """The reports that came since the last time, oldest first."""
        while (report := self._reports.get()) is not None:
            yield report

    @property
    def codec_counters(self) -> dict[str, object]:
        """`statistics` as they are published."""
        return {name: value for name, value in msgspec.structs.asdict(self.statistics).items() if value is not None}

    @property
    def waiting_ms(self) -> float:
        """How long what arrived waits to be heard while somebody speaks: as tokens in the worker, then as sound here."""
        with self._lock:
            return self._tokens_wait_ms + len(self._sound) / 32

    def put_pcm(self, pcm: bytes) -> None:
        if not self._send(Pcm(self.number, pcm)):
            self.counters["pcm_without_worker"] += 1

    def take_payload(self) -> bytes | None:
        return self._payloads.get()

    def put_payload(self, payload: bytes, timestamp: int) -> None:
        self.transit.arrived(timestamp, time.monotonic(), len(payload))
        if not self._send(Payload(self.number, payload)):
            self.counters["payloads_without_worker"] += 1

    def take_pcm(self, samples: int) -> bytes:
        self._send(Pull(self.number, samples))
        wanted = 2 * samples
        with self._lock:
            pcm = bytes(self._sound[:wanted])
            del self._sound[:wanted]
        if len(pcm) < wanted:
            self.counters["playout_underruns"] += 1
            pcm += bytes(wanted - len(pcm))
        return pcm

    def close(self) -> None:
        self._send(Close(self.number))
        self._closed(self)

    def receive(self, message: Pcm | Payload | Statistics | Observed | Keep) -> None:
        """An answer of the worker; called on the pump thread."""
        match message:
            case Payload(_, payload) if not self._is_up and len(payload) <= EMPTY_BYTES:
                self._held = payload
            case Payload(_, payload):
                self._put_payload_out(payload)
            case Observed():
                self._reports.put(message)
            case Keep():
                self.voices = message
            case Statistics(_, counters):
                self.statistics = counters
                # Speech arrives as fast as it is spoken, so its waiting time is the amount that waits (Little's law).
                if waiting := counters.waiting_ms:
                    self._tokens_wait_ms = float(waiting) if not self._tokens_wait_ms else 0.8 * self._tokens_wait_ms + 0.2 * waiting
            case Pcm(_, pcm):
                with self._lock:
                    self._put_sound(pcm)

    def _put_payload_out(self, payload: bytes) -> None:
        if self._payloads.put(payload) is not None:
            self.counters["payloads_not_taken"] += 1

    def _put_sound(self, pcm: bytes) -> None:
        for start in range(0, len(pcm), CHUNK_BYTES):
            chunk = pcm[start : start + CHUNK_BYTES]
            if len(self._sound) >= 2 * FILL_SAMPLES and chunk.count(0) == len(chunk):
                self.counters["playout_silence_left_out"] += len(chunk) // 2
            else:
                self._sound += chunk
        surplus = len(self._sound) - 2 * LONGEST_FILL_SAMPLES
        if surplus > 0:
            del self._sound[:surplus]
            self.counters["playout_late_samples"] += surplus // 2
