"""The worker's side of the training process: lectures go out and updates come back, and no stream ever waits for either."""

from __future__ import annotations

import contextlib
import logging
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection

from codec.voice_trainer import Lecture
from softphone.worker.lectures import Learned, Taught

MAX_WAITING = 64
log = logging.getLogger(__name__)


class VoiceRoom:
    """Starts the process with the first lecture, and again, once a call, if it dies. Methods: any thread."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Taught] = queue.Queue(MAX_WAITING)
        self._pupils: dict[int, Callable[[Learned], None]] = {}
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._broken = False

    def open(self, stream: int, learned: Callable[[Learned], None]) -> None:
        """`learned` is called with what comes of this stream's lectures, on a thread of this room."""
        with self._lock:
            self._pupils[stream] = learned
            self._broken = False

    def teach(self, stream: int, lecture: Lecture) -> bool:
        """False where it was not taken: the training is behind, or broken."""
        with self._lock:
            if self._broken or stream not in self._pupils:
                return False
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="voice-room", daemon=True)
                self._thread.start()
        try:
            self._queue.put_nowait(Taught(stream, lecture))
        except queue.Full:
            return False
        return True

    def close(self, stream: int) -> None:
        """The stream is over."""
        with self._lock:
            known = self._pupils.pop(stream, None)
        if known is not None and self._thread is not None:
            with contextlib.suppress(queue.Full):
                self._queue.put_nowait(Taught(stream, None))

    def _run(self) -> None:
        try:
            ours, theirs = socket.socketpair()
            with theirs:
                arguments = [sys.executable, "-m", "softphone.worker.trainer", "--fd", str(theirs.fileno())]
                process = subprocess.Popen(arguments, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        except OSError as error:
            self._give_up(f"cannot be started ({error.strerror})")
            return
        pipe = Connection(ours.detach())
        threading.Thread(target=self._listen, args=(pipe,), name="voice-updates", daemon=True).start()
        try:
            while True:
                pipe.send(self._queue.get())
        except OSError:
            self._give_up(f"ended with status {process.wait()}")
        finally:
            pipe.close()

    def _listen(self, pipe: Connection) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                learned: Learned = pipe.recv()
                with self._lock:
                    pupil = self._pupils.get(learned.stream)
                if pupil is not None:
                    pupil(learned)

    def _give_up(self, why: str) -> None:
        log.warning("the training of voices %s; calls go on without it", why)
        with self._lock:
            self._thread, self._broken = None, True
