"""Typed text in the worker: a thread that makes tokens of it for the encoder of a call, or sound for a call on another codec."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile
import torch

from codec.speech_files import neutral_voice, to_pcm
from codec.text.speaker import SpokenText, TextSpeaker
from codec.units.errors import CodecError
from codec.units.phones import SILENCE
from codec.units.rates import FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE
from softphone.link.messages import Message, NotSaid, Said, Say
from softphone.worker.codec import SharedModels
from softphone.worker.stream import WorkerStream

MAX_REQUESTS = 32
PART_S = 3.0
"""Sound is delivered in parts of at least this length, cut at pauses: the first is played while the next is synthesised."""

log = logging.getLogger(__name__)


class TextSynthesiser:
    """Answers every `Say` with `Said` or `NotSaid`. What it needs is loaded for the first one."""

    def __init__(self, shared: SharedModels, send: Callable[[Message], None]) -> None:
        self._shared = shared
        self._send = send
        self._requests: queue.Queue[tuple[Say, WorkerStream | None]] = queue.Queue(MAX_REQUESTS)
        self._speaker: TextSpeaker | None = None
        self._thread = threading.Thread(target=self._run, name="typed-text", daemon=True)
        self._thread.start()

    def put(self, request: Say, stream: WorkerStream | None) -> None:
        """stream: the one of that number, or None where there is none."""
        try:
            self._requests.put_nowait((request, stream))
        except queue.Full:
            self._refuse(request, "Too many texts wait to be spoken: wait a little.")

    def _run(self) -> None:
        while True:
            request, stream = self._requests.get()
            try:
                with torch.inference_mode():
                    self._say(request, stream)
            except (CodecError, OSError) as error:
                self._refuse(request, str(error))
            except Exception as error:
                log.exception("typed text failed")
                self._refuse(request, f"The text cannot be spoken ({type(error).__name__}: {error}).")

    def _refuse(self, request: Say, sentence: str) -> None:
        self._send(NotSaid(request.stream, request.id, sentence))

    def _say(self, request: Say, stream: WorkerStream | None) -> None:
        if self._speaker is None:
            self._speaker = TextSpeaker.load()
        spoken = self._speaker.speak(request.text)
        if request.path is not None:
            self._write(request, spoken, Path(request.path))
        elif stream is None:
            self._refuse(request, "The call has no sound on our codec now: try again when it has.")
        else:
            stream.say(
                spoken.tokens,
                lambda seconds: self._send(Said(request.stream, request.id, seconds, list(spoken.doubts))),
                lambda sentence: self._refuse(request, sentence),
            )

    def _write(self, request: Say, spoken: SpokenText, path: Path) -> None:
        voice = self._shared.own_voice.voice or neutral_voice(self._shared.models)
        parts = list(_parts(spoken))
        for place, part in enumerate(parts):
            name = path.with_name(f"{path.stem}-{place}.wav")
            os.close(os.open(name, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
            pause = part.tokens[-1].frames if part.tokens[-1].phone == SILENCE else 0
            sound = np.concatenate((to_pcm(part, self._shared.models, voice), np.zeros(pause * FRAME_SAMPLES, np.int16)))
            soundfile.write(name, sound, SAMPLE_RATE, subtype="PCM_16")
            more = place + 1 < len(parts)
            self._send(Said(request.stream, request.id, spoken.seconds, list(spoken.doubts), str(name), more))


def _parts(spoken: SpokenText) -> Iterator[SpokenText]:
    """Cut behind pauses into parts of at least PART_S."""
    begin = frames = 0
    for place, token in enumerate(spoken.tokens):
        frames += token.frames
        if token.phone == SILENCE and frames * FRAME_MS >= 1000 * PART_S:
            yield SpokenText(spoken.tokens[begin : place + 1], ())
            begin, frames = place + 1, 0
    if begin < len(spoken.tokens):
        yield SpokenText(spoken.tokens[begin:], ())
