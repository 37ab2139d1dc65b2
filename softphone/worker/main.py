"""Load the codec, warm it up, report ready, and serve until the engine closes the link."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import threading
import time

import msgspec

from softphone.link.messages import (
    Close,
    Failure,
    Message,
    NotSaid,
    Observe,
    Open,
    Payload,
    Pcm,
    Pull,
    Ready,
    Say,
    Statistics,
    Stop,
    Tune,
)
from softphone.link.transport import Link
from softphone.worker.codec import SharedModels
from softphone.worker.stream import WorkerStream
from softphone.worker.typed_text import TextSynthesiser

REPORT_S = 1.0
OBSERVE_S = 0.25
MAX_STREAMS = 64
log = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 when the engine ended the link, 1 when the codec cannot be loaded (the engine is told why)."""
    parser = argparse.ArgumentParser(prog="python -m softphone.worker", description="Codec process of a softphone engine, which starts it.")
    parser.add_argument("--fd", type=int, required=True, help="descriptor of the SOCK_SEQPACKET link to the engine")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="worker: %(levelname)s %(message)s")
    # Ctrl-C in a terminal goes to the whole group; the engine ends this process when it is done with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Lanes take turns with the interpreter every 20 ms: switch faster than the default 5 ms.
    sys.setswitchinterval(0.002)
    return Worker(socket.socket(fileno=options.fd), options.threads).run()


class Worker:
    """Streams by number, fed by the pump thread of the link."""

    def __init__(self, sock: socket.socket, threads: int) -> None:
        self._threads = threads
        self._shared: SharedModels | None = None
        self._streams: dict[int, WorkerStream] = {}
        self._texts: TextSynthesiser | None = None
        self._over = threading.Event()
        # When the engine is gone, a worker that loads or computes must end too: exit at once, from the pump thread.
        self._link = Link(sock, self._receive, lambda _reason: os._exit(0), capacity=256, name="engine-link")

    def run(self) -> int:
        """Serve; see `main`."""
        self._link.start()
        began = time.monotonic()
        try:
            self._shared = SharedModels.load(self._threads)
            facts = msgspec.structs.replace(self._shared.facts(), load_s=round(time.monotonic() - began, 2))
        except Exception as error:
            log.debug("cannot load", exc_info=True)
            self._link.send(Failure(0, f"the codec cannot be loaded ({type(error).__name__}: {error})"))
            time.sleep(0.5)
            return 1
        self._link.send(Ready(facts))
        self._shared.load_words()
        next_report = time.monotonic() + REPORT_S
        while not self._over.wait(OBSERVE_S):
            streams = list(self._streams.items())
            for _, stream in streams:
                if (observed := stream.observed()) is not None:
                    self._link.send(observed)
            if time.monotonic() < next_report:
                continue
            next_report += REPORT_S
            for number, stream in streams:
                self._link.send(Statistics(number, stream.statistics()))
                if (kept := stream.keep()) is not None:
                    self._link.send(kept)
        return 0

    def _receive(self, message: Message) -> None:
        match message:
            case Open():
                self._open(message)
            case Pcm(number, pcm):
                if stream := self._streams.get(number):
                    stream.put_pcm(pcm)
            case Payload(number, payload):
                if stream := self._streams.get(number):
                    stream.put_payload(payload)
            case Pull(number):
                if stream := self._streams.get(number):
                    stream.pull(message)
            case Say():
                self._say(message)
            case Observe(number, on, words):
                if stream := self._streams.get(number):
                    stream.observe(on, words)
            case Tune(number):
                if stream := self._streams.get(number):
                    stream.tune(message)
            case Close(number):
                if stream := self._streams.pop(number, None):
                    stream.close()
            case Stop():
                self._link.close()
            case _:
                pass

    def _say(self, request: Say) -> None:
        if self._texts is None and self._shared is not None:
            self._texts = TextSynthesiser(self._shared, self._link.send)
        if self._texts is None:
            self._link.send(NotSaid(request.stream, request.id, "The codec is still being loaded: try again in a moment."))
        else:
            self._texts.put(request, self._streams.get(request.stream))

    def _open(self, opened: Open) -> None:
        number = opened.stream
        if self._shared is None or number in self._streams:
            return
        if len(self._streams) >= MAX_STREAMS:
            self._link.send(Failure(number, f"the codec worker serves at most {MAX_STREAMS} calls at once; end one"))
            return
        try:
            stream = WorkerStream(opened, self._shared, self._link.send)
        except Exception as error:
            self._link.send(Failure(number, f"the codec cannot serve this call ({type(error).__name__}: {error})"))
            return
        self._streams[number] = stream
        stream.start()
