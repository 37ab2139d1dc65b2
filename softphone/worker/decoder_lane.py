"""The listening half of a call: payloads in, sound out when it is asked for, on a thread of its own."""

from __future__ import annotations

import dataclasses
import threading
from collections import deque
from typing import Any

from codec.playout.schedule import SpokenPhone
from codec.units.errors import PayloadError
from codec.voice.memory import Remembered
from codec.wire.link_report import LinkReport
from softphone.link.messages import CHUNK_SAMPLES, Pcm
from softphone.link.queue import BoundedQueue
from softphone.worker.codec import CodecRoom
from softphone.worker.encoder_lane import EncoderLane
from softphone.worker.lane import MAX_OBSERVED, Lane, Send

PAYLOAD_QUEUE = 64

MAX_OWED_SAMPLES = 16000

MAX_ANSWER_SAMPLES = 3 * CHUNK_SAMPLES


class DecoderLane(Lane):
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
