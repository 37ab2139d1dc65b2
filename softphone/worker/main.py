"""Load the codec, warm it up, say so, serve until the engine closes the link."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import threading
import time
from typing import Any

from softphone.link.messages import (
    Close,
    Failure,
    Keep,
    Message,
    Observe,
    Observed,
    Open,
    Payload,
    Pcm,
    Pull,
    Ready,
    Said,
    Say,
    Statistics,
    Stop,
    Tune,
)
from softphone.link.transport import Link
from softphone.worker.codec import CodecRoom
from softphone.worker.stream import WorkerStream
from softphone.worker.typed_text import TextRoom

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
    # Lanes hand the interpreter to each other every 20 ms chunk: wait less than the default 5 ms for it.
    sys.setswitchinterval(0.002)
    return Worker(socket.socket(fileno=options.fd), options.threads).run()


class Worker:
    """Streams by number, fed by the pump thread of the link."""

    def __init__(self, sock: socket.socket, threads: int) -> None:
        self._threads = threads
        self._room: CodecRoom | None = None
        self._streams: dict[int, WorkerStream] = {}
        self._texts: TextRoom | None = None
        self._over = threading.Event()
        # A worker that loads or computes when the engine goes must not linger: leave from the pump thread, at once.
        self._link = Link(sock, self._receive, lambda _reason: os._exit(0), capacity=256, name="engine-link")

    def run(self) -> int:
        """Serve; see `main`."""
        self._link.start()
        began = time.monotonic()
        try:
            self._room = CodecRoom.load(self._threads)
            facts = {**self._room.facts, **self._room.warm_up(), "load_s": round(time.monotonic() - began, 2)}
        except Exception as error:
            log.debug("cannot load", exc_info=True)
            self._link.send(Failure(0, f"the codec cannot be loaded ({type(error).__name__}: {error})"))
            time.sleep(0.5)
            return 1
        self._link.send(Ready(facts))
        self._room.load_words()
        next_report = time.monotonic() + REPORT_S
        while not self._over.wait(OBSERVE_S):
            streams = list(self._streams.items())
            for number, stream in streams:
                if observed := stream.observed():
                    self._link.send(Observed(number, observed))
            if time.monotonic() < next_report:
                continue
            next_report += REPORT_S
            for number, stream in streams:
                self._link.send(Statistics(number, stream.statistics()))
                if voices := stream.keep():
                    self._link.send(Keep(number, voices))
        return 0

    def _receive(self, message: Message) -> None:
        match message:
            case Open(number, settings):
                self._open(number, settings)
            case Pcm(number, pcm):
                if stream := self._streams.get(number):
                    stream.put_pcm(pcm)
            case Payload(number, payload):
                if stream := self._streams.get(number):
                    stream.put_payload(payload)
            case Pull(number, samples):
                if stream := self._streams.get(number):
                    stream.pull(samples)
            case Say(number, request):
                self._say(number, request)
            case Observe(number, on):
                if stream := self._streams.get(number):
                    stream.observe(on)
            case Tune(number, changes):
                if stream := self._streams.get(number):
                    stream.tune(changes)
            case Close(number):
                if stream := self._streams.pop(number, None):
                    stream.close()
            case Stop():
                self._link.close()
            case _:
                pass

    def _say(self, number: int, request: dict[str, Any]) -> None:
        if self._texts is None and self._room is not None:
            self._texts = TextRoom(self._room, self._link.send)
        if self._texts is None:
            self._link.send(Said(number, {"id": request.get("id"), "error": "The codec is still being loaded: try again in a moment."}))
        else:
            self._texts.put(number, request, self._streams.get(number))

    def _open(self, number: int, settings: dict[str, Any]) -> None:
        if self._room is None or number in self._streams:
            return
        if len(self._streams) >= MAX_STREAMS:
            self._link.send(Failure(number, f"the codec worker serves at most {MAX_STREAMS} calls at once; end one"))
            return
        try:
            stream = WorkerStream(number, self._room, settings, self._link.send)
        except Exception as error:
            self._link.send(Failure(number, f"the codec cannot serve this call ({type(error).__name__}: {error})"))
            return
        self._streams[number] = stream
        stream.start()
