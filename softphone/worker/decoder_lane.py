"""The listening half of a call: payloads in, sound out when it is asked for, on a thread of its own."""

from __future__ import annotations

import threading
from collections import deque
from typing import Protocol

from codec.decoder import Decoder, DecoderStatistics
from codec.playout.schedule import SpokenPhone
from codec.units.errors import PayloadError
from codec.units.rates import CHUNK_SAMPLES, SAMPLE_RATE
from codec.voice.memory import Remembered
from codec.voice.receipt import VoiceReceipt
from codec.wire.link_report import LinkReport
from codec.wire.packet import TIME_MODULO
from softphone.link.messages import Pcm, Pull
from softphone.link.queue import BoundedQueue
from softphone.worker.codec import SharedModels
from softphone.worker.lane import MAX_OBSERVED, Lane, Send

PAYLOAD_QUEUE = 64

MAX_OWED_SAMPLES = SAMPLE_RATE

MAX_ANSWER_SAMPLES = 3 * CHUNK_SAMPLES


class ReceiptListener(Protocol):
    """What the sending half has to know of what arrives. Called on the decoder's thread; must only queue."""

    def voice_arrived(self, receipt: VoiceReceipt) -> None:
        """What has arrived of the remote party's voice by now: the receipt to send to it."""

    def voice_acknowledged(self, receipt: VoiceReceipt) -> None:
        """The far end reported how much of the user's voice it has."""


class DecoderLane(Lane):
    def __init__(self, number: int, shared: SharedModels, send: Send, receipts: ReceiptListener) -> None:
        super().__init__(number, "decoder", send)
        self._shared = shared
        self._queue: BoundedQueue[bytes] = BoundedQueue(PAYLOAD_QUEUE)
        self.link_report: tuple[int, LinkReport | None] = (0, None)
        self._listener = receipts
        self._receipts = 0
        self._remembered: deque[Remembered] = deque(maxlen=1)
        self.keeps: tuple[Remembered | None, bool] = (None, False)
        """What has arrived of the remote party's voice, and whether it may be kept."""
        self._owed = 0
        self._heard, self._since = True, -1
        self._lock = threading.Lock()
        self.observing = False
        self.observed: deque[SpokenPhone] = deque(maxlen=MAX_OBSERVED)
        self._make()

    def put(self, payload: bytes) -> None:
        if self._queue.put(payload) is not None:
            self.counters["payloads_dropped"] += 1
        self._work.release()

    def pull(self, wanted: Pull) -> None:
        with self._lock:
            self._owed += wanted.samples
            self._heard, self._since = wanted.heard, wanted.since
            surplus = self._owed - MAX_OWED_SAMPLES
            if surplus > 0:
                self._owed -= surplus
                self.counters["samples_not_made"] += surplus
        self._work.release()

    def remember(self, theirs: Remembered) -> None:
        """What earlier calls learned of the remote party's voice."""
        self._remembered.append(theirs)
        self._work.release()

    def _make(self) -> None:
        self._decoder = Decoder(self._shared.models)
        self.statistics: DecoderStatistics = self._decoder.statistics
        """As they were after the last step; a new object each time, so that any thread may read it."""

    def _step(self) -> None:
        while self._remembered:
            self._decoder.remember(self._remembered.popleft())
        while (payload := self._queue.get()) is not None:
            try:
                self._decoder.receive(payload)
            except PayloadError:
                self.counters["payloads_unreadable"] += 1
        with self._lock:
            samples = min(self._owed, MAX_ANSWER_SAMPLES)
            self._owed -= samples
            more, heard, since = self._owed > 0, self._heard, self._since
        if since >= 0:
            self._decoder.skip(since)
        if samples:
            pcm, ticks = b"", []
            for at in range(0, samples, CHUNK_SAMPLES):
                pcm += self._decoder.pull(min(CHUNK_SAMPLES, samples - at), heard).astype("<i2").tobytes()
                ticks.append(-1 if (said := self._decoder.said_at) is None else said % TIME_MODULO)
            self._send(Pcm(self._number, pcm, ticks))
            if self.observing:
                self.observed.extend(self._decoder.spoken)
            self._decoder.spoken.clear()
        self.statistics = self._decoder.statistics
        self.link_report = self._decoder.link_report
        self._listener.voice_arrived(self._decoder.voice_receipt)
        self.keeps = self._decoder.to_keep
        receipts, receipt = self._decoder.receipt
        if receipt is not None and receipts != self._receipts:
            self._receipts = receipts
            self._listener.voice_acknowledged(receipt)
        if more:
            self._work.release()
