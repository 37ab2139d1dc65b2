"""The worker's side of the training process: batches go out and results come back, and no stream ever waits for either."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

from codec.learning.trainer import TrainingBatch
from softphone.worker.trainer_messages import FROM_TRAINER, Forget, FromTrainer, Pipe, Train

MAX_WAITING = 64
IDLE_S = 60.0
"""The process stays so long after the last stream, for the next call."""
LOOK_S = 1.0
NICENESS = 19
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(512 << 20)}
"""glibc's malloc, mallopt(3), else gives large arrays back to the system after each step of the descent, to fetch them again for the next
one. In calls on a virtual machine more steps fitted into the same time with this, and fewer frames were late."""
log = logging.getLogger(__name__)


def _stand_back(pid: int) -> None:
    """On Linux, let the process run only while nothing else wants the processor (SCHED_IDLE, sched(7)): a codec worker that wakes up for a
    packet then gets this processor at once, which niceness alone does not ensure."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
        if sys.platform == "linux":
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))


class TrainerClient:
    """Starts the process with the first batch, and again, once a call, if it dies; ends it when no stream was open for `idle_s`
    seconds. Methods: any thread."""

    def __init__(self, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._queue: queue.Queue[tuple[int, TrainingBatch]] = queue.Queue(MAX_WAITING)
        self._listeners: dict[int, Callable[[FromTrainer], None]] = {}
        self._over: set[int] = set()
        """Streams that ended and that the process still has."""
        self._last = 0.0
        """When a stream was open."""
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._broken = False

    def open(self, stream: int, learned: Callable[[FromTrainer], None]) -> None:
        """`learned` is called with the progress and results of this stream's batches, on a thread of this client."""
        with self._lock:
            self._listeners[stream] = learned
            self._broken = False

    def train(self, stream: int, batch: TrainingBatch) -> bool:
        """False if it was not taken: the training is behind, or broken."""
        with self._lock:
            if self._broken or stream not in self._listeners:
                return False
            try:
                self._queue.put_nowait((stream, batch))
            except queue.Full:
                return False
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="trainer-client", daemon=True)
                self._thread.start()
        return True

    def close(self, stream: int) -> None:
        """The stream is over."""
        with self._lock:
            if self._listeners.pop(stream, None) is not None:
                self._over.add(stream)
                self._last = time.monotonic()

    def _run(self) -> None:
        try:
            ours, theirs = socket.socketpair()
            with theirs:
                arguments = [sys.executable, "-m", "softphone.worker.trainer", "--fd", str(theirs.fileno())]
                environment = {**KEEP_MEMORY, **os.environ}
                process = subprocess.Popen(arguments, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env=environment)
            _stand_back(process.pid)
        except OSError as error:
            self._give_up(f"cannot be started ({error.strerror})")
            return
        pipe = Pipe(Connection(os.dup(ours.fileno())), FROM_TRAINER)
        threading.Thread(target=self._listen, args=(pipe,), name="training-results", daemon=True).start()
        try:
            while not self._idle():
                self._hand_on(pipe)
        except OSError:
            self._give_up(f"ended with status {process.wait()}")
            return
        finally:
            # Not `close` alone: the listener still reads, and holds the socket.
            with contextlib.suppress(OSError):
                ours.shutdown(socket.SHUT_RDWR)
            ours.close()
        process.wait()

    def _hand_on(self, pipe: Pipe[FromTrainer]) -> None:
        with contextlib.suppress(queue.Empty):
            stream, batch = self._queue.get(timeout=LOOK_S)
            with self._lock:
                wanted = stream in self._listeners
            if wanted:
                pipe.send(Train.of(stream, batch))
        with self._lock:
            over, self._over = self._over, set()
        for stream in over:
            pipe.send(Forget(stream))

    def _idle(self) -> bool:
        """Whether the process is no longer needed; the next batch then starts another."""
        with self._lock:
            if self._listeners or time.monotonic() - self._last < self._idle_s:
                return False
            self._thread = None
            return True

    def _listen(self, pipe: Pipe[FromTrainer]) -> None:
        with contextlib.closing(pipe), contextlib.suppress(EOFError, OSError):
            while True:
                result = pipe.receive()
                with self._lock:
                    listener = self._listeners.get(result.stream)
                if listener is not None:
                    listener(result)

    def _give_up(self, why: str) -> None:
        log.warning("the training of voices %s; calls go on without it", why)
        with self._lock:
            self._thread, self._broken = None, True
