"""Starts, watches and restarts the codec worker, and opens the streams of calls in it."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from codec.wire.settings import EncoderSettings
from softphone.config import Phv
from softphone.control.protocol import Worker
from softphone.engine.phv.stream import PhvStream
from softphone.link.counters import WorkerFacts
from softphone.link.messages import Failure, Keep, Message, NotSaid, Observed, Payload, Pcm, Ready, Said, Say, Statistics, Stop
from softphone.link.transport import Link, link_pair

State = Literal["starting", "ready", "died", "unavailable", "stopped"]
READY_DEADLINE_S = 60.0
FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 15.0
SETTLED_S = 30.0
"""A worker that was ready for so long resets the back-off."""
MAX_FAILED_STARTS = 3
HANG_S = 10.0
"""The worker reports on each open stream every second; one that is silent for so long hangs."""


@dataclass(frozen=True)
class WorkerCommand:
    """How to start a worker; tests start other programs."""

    argv: tuple[str, ...] = (sys.executable, "-m", "softphone.worker")
    threads: int = 1


SWITCHED_OFF = "x-phv is switched off in the settings"
"""Why there is no worker until it is started: nothing else keeps the engine from starting it."""


class CodecWorker:
    """Supervisor of the worker process. `on_event` is called on its own threads and must only queue.

    `open_stream` is the `StreamOpener` of the x-phv codec. Streams outlive the worker: a restarted one gets them all again.
    """

    def __init__(
        self,
        on_event: Callable[[Worker], None],
        phv: Phv,
        command: WorkerCommand | None = None,
        deadline_s: float = READY_DEADLINE_S,
    ) -> None:
        self.state: State = "stopped"
        self.reason = SWITCHED_OFF
        self._facts: WorkerFacts | None = None
        self.pid = 0
        self.restarts = 0
        self.on_said: Callable[[Said | NotSaid], None] = lambda _said: None
        """Called with each answer to a `Say` on the pump thread; must only queue."""
        self._on_event = on_event
        self._phv = phv
        self._command = command or WorkerCommand()
        self._deadline_s = deadline_s
        self._numbers = itertools.count(1)
        self._streams: dict[int, PhvStream] = {}
        self._newest: PhvStream | None = None
        self._lock = threading.Lock()
        self._link: Link | None = None
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._ready = threading.Event()
        self._ready_at = 0.0
        self._last_words = ""
        self._thread = threading.Thread(target=self._supervise, name="worker-supervisor", daemon=True)

    @property
    def facts(self) -> WorkerFacts | None:
        """What the worker said of itself when it was ready; None before."""
        return self._facts

    @property
    def is_ready(self) -> bool:
        return self.state == "ready"

    def start(self) -> None:
        """Start the worker; returns at once, events report the rest."""
        self._set("starting", "the codec worker is loading its models")
        self._thread.start()

    def stop(self) -> None:
        """Ask the worker to end, then kill it; returns when it is gone."""
        self._stopping.set()
        self._send(Stop())
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(6)

    def open_stream(self, fmtp_remote: Mapping[str, str]) -> PhvStream:
        """A new stream, usable at once; while the worker is away it gives silence and takes sound for lost."""
        stream = PhvStream(
            next(self._numbers), self._phv, self._send, self._stream_closed, self.encoder_delay_ms, fmtp_remote, self._can_work
        )
        with self._lock:
            self._streams[stream.number] = stream
            self._newest = stream
            ready = self._ready.is_set()
        if ready:  # else the worker's Ready opens it
            stream.open()
        return stream

    def encoder_delay_ms(self) -> float:
        """From the beginning of a phone to when its packet leaves: what the worker measured, at the packet time that is set here."""
        # Measured with the encoder's own packet time; a phone waits half a packet time for its packet.
        return (self._facts.encoder_delay_ms if self._facts is not None else 0.0) + (
            self._phv.interval_ms - EncoderSettings().interval_ms
        ) / 2

    def claim_newest(self) -> PhvStream | None:
        """The stream opened last, once: PJSUA reports a call's stream right after it opened the codec, on the same thread."""
        with self._lock:
            stream, self._newest = self._newest, None
            return stream

    def dropped(self, stream: int) -> dict[str, int]:
        """Media dropped on the way to the worker since it started, by kind."""
        link = self._link
        if link is None:
            return {}
        return {f"link_{kind}_dropped": count for (kind, number), count in list(link.counters.dropped.items()) if number == stream}

    def say(self, request: Say) -> bool:
        """Have typed text spoken; the answer comes to `on_said`. False while there is no worker. Raises LinkError."""
        return self._send(request)

    def _stream_closed(self, stream: PhvStream) -> None:
        with self._lock:
            self._streams.pop(stream.number, None)
            if self._newest is stream:
                self._newest = None

    def _can_work(self) -> bool:
        link = self._link
        return link is not None and link.is_open and self._ready.is_set()

    def _send(self, message: Message) -> bool:
        link = self._link
        if link is None or not self._can_work():
            return False
        link.send(message)
        return True

    def _set(self, state: State, reason: str) -> None:
        self.state, self.reason = state, reason
        self._on_event(Worker(state=state, reason=reason, facts=self.facts))

    def _supervise(self) -> None:
        backoff, failed_starts = FIRST_BACKOFF_S, 0
        while not self._stopping.is_set():
            lived, was_ready, why = self._run_once()
            if self._stopping.is_set():
                break
            failed_starts = 0 if was_ready else failed_starts + 1
            if failed_starts >= MAX_FAILED_STARTS:
                self._set("unavailable", f"{why}; calls use Opus or G.711 until the softphone is started again")
                return
            backoff = FIRST_BACKOFF_S if lived > SETTLED_S else min(2 * backoff, LONGEST_BACKOFF_S)
            self._set("died", f"{why}; it is started again in {backoff:g} s, and calls on our codec are silent until then")
            if self._stopping.wait(backoff):
                break
            self.restarts += 1
            self._set("starting", "the codec worker is started again")
        self._set("stopped", "the codec worker was stopped")

    def _run_once(self) -> tuple[float, bool, str]:
        """Run one worker until it ends: (seconds it was ready, whether it ever was, why it ended)."""
        ours, theirs = link_pair()
        self._ended.clear()
        self._ready.clear()
        self._ready_at, self._last_words = 0.0, ""
        link = Link(ours, self._receive, lambda _reason: self._ended.set(), name="worker-link")
        try:
            process = subprocess.Popen(
                [*self._command.argv, "--fd", str(theirs.fileno()), "--threads", str(self._command.threads)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        except OSError as error:
            ours.close()
            return 0.0, False, f"the codec worker cannot be started ({error.strerror})"
        finally:
            theirs.close()
        self.pid = process.pid
        with self._lock:
            self._link = link
        link.start()
        why = self._wait_end(process, link)
        with self._lock:
            self._link = None
        link.close()
        link.join(2)
        self._reap(process)
        self.pid = 0
        if not why:
            why = self._last_words or f"the codec worker ended unexpectedly ({_ending(process.returncode)})"
        was_ready = self._ready.is_set()
        return (time.monotonic() - self._ready_at if was_ready else 0.0), was_ready, why

    def _wait_end(self, process: subprocess.Popen[bytes], link: Link) -> str:
        """Returns "" when the worker is gone, or the reason when it has to be killed."""
        deadline = time.monotonic() + self._deadline_s
        heard, heard_at = -1, time.monotonic()
        while not self._ended.wait(0.2):
            now = time.monotonic()
            if process.poll() is not None:
                return ""
            if not self._ready.is_set() and now > deadline:
                return f"the codec worker was not ready within {self._deadline_s:g} s (the machine may be overloaded)"
            if link.counters.received != heard or not self._streams:
                heard, heard_at = link.counters.received, now
            elif self._ready.is_set() and now - heard_at > HANG_S:
                return f"the codec worker said nothing for {HANG_S:g} s during a call"
        return ""

    def _reap(self, process: subprocess.Popen[bytes]) -> None:
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _receive(self, message: Message) -> None:
        match message:
            case Pcm() | Payload() | Statistics() | Observed() | Keep():
                stream = self._streams.get(message.stream)
                if stream is not None:
                    stream.receive(message)
            case Said() | NotSaid():
                self.on_said(message)
            case Ready(facts):
                self._facts = facts
                self._ready_at = time.monotonic()
                with self._lock:
                    self._ready.set()
                    streams = list(self._streams.values())
                self._set("ready", "the codec worker is ready")
                for stream in streams:
                    stream.open()
            case Failure(0, sentence):
                self._last_words = sentence
            case Failure(_, sentence):
                self._on_event(Worker(state="stream_failed", reason=sentence))
            case _:
                pass


def _ending(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit status {code}"
