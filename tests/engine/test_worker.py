"""The codec worker as a process: speech becomes payloads, payloads become speech, one bad stream harms no other, nothing is left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from codec.units.rates import CHUNK_SAMPLES
from codec.wire.link_report import LinkReport
from codec.wire.settings import EncoderSettings
from softphone import sound_file
from softphone.link.messages import (
    CHUNK_BYTES,
    Close,
    Failure,
    Message,
    Observe,
    Observed,
    Open,
    PathQuality,
    Payload,
    Pcm,
    Pull,
    Ready,
    Statistics,
    Tune,
)
from softphone.link.transport import Link, link_pair
from softphone.worker.main import MAX_STREAMS
from tests.places import ROOT

SETTINGS = EncoderSettings(interval_ms=160, redundancy=1)
M = TypeVar("M")


class WorkerProcess:
    """A worker with our end of its link; keeps every message."""

    def __init__(self, folder: Path = ROOT) -> None:
        ours, theirs = link_pair()
        self.messages: list[Message] = []
        self._news = threading.Condition()
        self.link = Link(ours, self._receive, lambda _reason: None, capacity=2000)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "softphone.worker", "--fd", str(theirs.fileno())], pass_fds=[theirs.fileno()], cwd=folder
        )
        theirs.close()
        self.link.start()

    def _receive(self, message: Message) -> None:
        with self._news:
            self.messages.append(message)
            self._news.notify_all()

    def wait(self, kind: type[M], wanted: Callable[[M], bool] = lambda _message: True, seconds: float = 60) -> M:
        deadline = time.monotonic() + seconds
        with self._news:
            while True:
                for message in self.messages:
                    if isinstance(message, kind) and wanted(message):
                        return message
                left = deadline - time.monotonic()
                assert left > 0 and self._news.wait(left), f"no such {kind.__name__} within {seconds} s"

    def sound(self, stream: int) -> np.ndarray:
        return np.frombuffer(b"".join(m.pcm for m in self.messages if isinstance(m, Pcm) and m.stream == stream), np.int16)

    def payloads(self, stream: int) -> list[bytes]:
        return [m.payload for m in self.messages if isinstance(m, Payload) and m.stream == stream]

    def stop(self) -> int:
        self.link.close()
        return self.process.wait(60)


@pytest.fixture(scope="module")
def worker() -> Iterator[WorkerProcess]:
    process = WorkerProcess()
    process.wait(Ready)
    yield process
    assert process.stop() == 0


def say(worker: WorkerProcess, stream: int, speech: Path) -> None:
    """Send speech at twice the speed of life, which the queues of the worker hold."""
    pcm = sound_file.read(speech).tobytes()
    for start in range(0, len(pcm) - CHUNK_BYTES, CHUNK_BYTES):
        worker.link.send(Pcm(stream, pcm[start : start + CHUNK_BYTES]))
        time.sleep(0.01)


def listen(worker: WorkerProcess, stream: int, chunks: int) -> np.ndarray:
    """Pull at twice the speed of life, or as fast as a busy machine answers: a second of unanswered pulls would be given up."""
    before = len(worker.sound(stream))
    for asked in range(1, chunks + 1):
        worker.link.send(Pull(stream, CHUNK_SAMPLES))
        time.sleep(0.01)
        if asked % 25 == 0 or asked == chunks:
            worker.wait(Pcm, lambda _, asked=asked: len(worker.sound(stream)) >= before + CHUNK_SAMPLES * asked)  # type: ignore[misc]
    return worker.sound(stream)[before:]


def test_ready_says_what_sdp_needs(worker: WorkerProcess) -> None:
    facts = worker.wait(Ready).facts
    assert facts.version >= 1 and facts.inventory
    int(facts.model, 16)
    assert facts.load_s >= facts.warm_s > 0


def test_speech_goes_through_two_streams_of_one_worker(worker: WorkerProcess, speech: Path) -> None:
    worker.link.send(Open(1, SETTINGS))
    worker.link.send(Open(2, SETTINGS))
    say(worker, 1, speech)
    worker.wait(Payload, lambda _: len(worker.payloads(1)) > 5)
    assert all(0 < len(payload) <= 200 for payload in worker.payloads(1))
    assert not worker.payloads(2), "a stream that hears nothing sends nothing"
    for payload in worker.payloads(1):
        worker.link.send(Payload(2, payload))
    heard = listen(worker, 2, 150)
    assert np.sqrt(np.mean(heard.astype(float) ** 2)) > 100, "nothing was spoken"
    counted = worker.wait(Statistics, lambda m: m.stream == 2 and m.counters.tokens_received > 0)
    assert counted.counters.packets > 0
    worker.link.send(Close(1))
    worker.link.send(Close(2))


def test_who_asks_is_told_what_is_sent_and_spoken(worker: WorkerProcess, speech: Path) -> None:
    worker.link.send(Open(21, SETTINGS))
    worker.link.send(Open(22, SETTINGS))
    say(worker, 21, speech)
    worker.wait(Payload, lambda _: len(worker.payloads(21)) > 5)
    assert not [m for m in worker.messages if isinstance(m, Observed)], "nobody asked"
    for stream in (21, 22):
        worker.link.send(Observe(stream, True))
    say(worker, 21, speech)
    done = len(worker.payloads(21))
    # Every other payload is lost: what the next one repeats is recovered.
    for payload in worker.payloads(21)[: done // 2 * 2 : 2]:
        worker.link.send(Payload(22, payload))
    listen(worker, 22, 150)
    sent = worker.wait(Observed, lambda m: m.stream == 21 and bool(m.sent) and m.voice.sent_similarity is not None)
    assert all(phone.label.isalpha() and phone.duration_ms % 20 == 0 for phone in sent.sent)
    assert sent.voice.sent_bytes >= 4 and sent.voice.sent_similarity is not None and 0.5 < sent.voice.sent_similarity <= 1.0
    spoken = worker.wait(Observed, lambda m: m.stream == 22 and any(phone.state == "recovered" for phone in m.spoken))
    assert worker.wait(Observed, lambda m: m.stream == 22 and m.voice.received_bytes > 0)
    assert {phone.state for phone in spoken.spoken} <= {"received", "recovered", "lost"}
    for stream in (21, 22):
        worker.link.send(Observe(stream, False))
        worker.link.send(Close(stream))


def test_silence_sends_only_what_holds_the_way_open(worker: WorkerProcess) -> None:
    worker.link.send(Open(3, SETTINGS))
    for _ in range(500):  # two seconds are enough, but a busy machine drops some of them
        worker.link.send(Pcm(3, bytes(CHUNK_BYTES)))
        time.sleep(0.01)
        if len(worker.payloads(3)) == 2:
            break
    worker.wait(Statistics, lambda m: m.stream == 3 and m.counters.encoder_keep_alives == 2)
    assert [len(payload) for payload in worker.payloads(3)] == [1, 1]
    worker.link.send(Close(3))


def test_a_stream_that_cannot_be_is_reported_and_harms_no_other(worker: WorkerProcess) -> None:
    for stream in range(1000, 1000 + MAX_STREAMS + 1):
        worker.link.send(Open(stream, SETTINGS))
    assert "at most" in worker.wait(Failure, lambda m: m.stream == 1000 + MAX_STREAMS).sentence
    worker.link.send(Pcm(1000 + MAX_STREAMS, bytes(CHUNK_BYTES)))
    assert len(listen(worker, 1000, 20)) == 20 * CHUNK_SAMPLES
    for stream in range(1000, 1000 + MAX_STREAMS):
        worker.link.send(Close(stream))


def test_payloads_that_are_none_are_counted(worker: WorkerProcess) -> None:
    worker.link.send(Open(7, SETTINGS))
    random = np.random.default_rng(7)
    for length in [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 500]:
        worker.link.send(Payload(7, random.integers(0, 256, length, np.uint8).tobytes()))
    assert len(listen(worker, 7, 50)) == 50 * 320
    counted = worker.wait(Statistics, lambda m: m.stream == 7 and m.counters.decoder_payloads_unreadable > 0)
    assert counted.counters.decoder_failures == 0
    worker.link.send(Close(7))


def test_more_pulls_than_can_be_answered_are_bounded(worker: WorkerProcess) -> None:
    worker.link.send(Open(8, SETTINGS))
    for _ in range(200):
        worker.link.send(Pull(8, 3200))
    worker.wait(Statistics, lambda m: m.stream == 8 and m.counters.decoder_samples_not_made > 0)
    worker.link.send(Close(8))


def test_ctrl_c_in_the_terminal_does_not_end_it(worker: WorkerProcess) -> None:
    os.kill(worker.process.pid, signal.SIGINT)
    worker.link.send(Open(9, SETTINGS))
    assert len(listen(worker, 9, 5)) == 5 * 320
    worker.link.send(Close(9))


def test_it_leaves_with_its_engine_even_while_loading() -> None:
    process = WorkerProcess()
    time.sleep(0.3)
    assert process.stop() == 0


def test_without_weights_it_says_so(tmp_path: Path) -> None:
    for package in ("softphone", "codec"):
        (tmp_path / package).symlink_to(ROOT / package)
    process = WorkerProcess(tmp_path)
    sentence = process.wait(Failure).sentence
    assert "weights" in sentence and "reinstall" in sentence
    assert process.process.wait(10) == 1
    process.stop()


def test_settings_change_and_reports_travel_during_a_stream(worker: WorkerProcess, speech: Path) -> None:
    worker.link.send(Open(31, SETTINGS))
    worker.link.send(Open(32, SETTINGS))
    worker.link.send(
        Tune(31, EncoderSettings(redundancy=4, interval_ms=320, repeated_detail=1), PathQuality(LinkReport(0.25, 2.5, 300, 20)))
    )
    say(worker, 31, speech)
    worker.wait(Payload, lambda _: len(worker.payloads(31)) > 5)
    assert max(map(len, worker.payloads(31))) > 60, "four earlier groups with details are many bytes"
    for payload in worker.payloads(31):
        worker.link.send(Payload(32, payload))
    listen(worker, 32, 20)
    heard = worker.wait(Statistics, lambda m: m.stream == 32 and m.counters.link_reports == 1).counters
    assert heard.link_report == LinkReport(0.25, 2.5, 300.0, 20.0)
    sent = worker.wait(Statistics, lambda m: m.stream == 31 and m.counters.sent_packets > 5).counters
    assert sent.sent_bytes > 40 * sent.sent_packets
    assert sent.sent_speech_ms > 1000
    # A report that cannot wait goes by itself, in silence.
    before = len(worker.payloads(32))
    worker.link.send(Tune(32, report=PathQuality(LinkReport(0.5, 1.5, 0, 20), urgent=True)))
    for _ in range(50):
        worker.link.send(Pcm(32, bytes(CHUNK_BYTES)))
        time.sleep(0.01)
    # What arrived of the voice is told with it.
    worker.wait(Payload, lambda m: m.stream == 32 and len(worker.payloads(32)) > before and 6 < len(m.payload) < 24)
    for stream in (31, 32):
        worker.link.send(Close(stream))


def test_words_are_waited_for_and_counted(worker: WorkerProcess, speech: Path) -> None:
    """The word recogniser is loaded after the codec; a stream that waits uses it from then on, also when it is told to in the middle."""
    worker.link.send(Open(41, SETTINGS))
    worker.wait(Statistics, lambda m: m.stream == 41 and m.counters.word_recogniser == "ready")
    assert not worker.wait(Statistics, lambda m: m.stream == 41).counters.word_looks, "nobody waits"
    worker.link.send(Tune(41, replace(SETTINGS, wait=True)))
    pcm = sound_file.read(speech).tobytes()
    for start in range(0, 2 * len(pcm) - CHUNK_BYTES, CHUNK_BYTES):
        worker.link.send(Pcm(41, pcm[start % len(pcm) : start % len(pcm) + CHUNK_BYTES].ljust(CHUNK_BYTES, b"\0")))
        time.sleep(0.02)
    counted = worker.wait(Statistics, lambda m: m.stream == 41 and m.counters.word_words + m.counters.word_rests > 0)
    assert counted.counters.word_looks > 0
    assert len(worker.payloads(41)) > 5
    worker.link.send(Close(41))
