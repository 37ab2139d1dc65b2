"""Typed text in the worker: a thread that makes tokens of it for the encoder of a call, or sound for a call on another codec."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from codec.speech_files import neutral_voice, to_pcm
from codec.text.speaker import SpokenText, TextSpeaker
from codec.units.errors import CodecError
from codec.units.phones import SILENCE
from codec.units.token import FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE
from softphone.link.messages import Message, Said
from softphone.worker.codec import CodecRoom
from softphone.worker.stream import WorkerStream

MAX_REQUESTS = 32
PART_S = 3.0
"""Sound is handed over in parts of at least so much, cut at pauses: the first is heard while the next is made."""

log = logging.getLogger(__name__)


class TextRoom:
    """Answers every request with `Said`. What it needs is loaded at the first one."""

    def __init__(self, room: CodecRoom, send: Callable[[Message], None]) -> None:
        self._room = room
        self._send = send
        self._requests: queue.Queue[tuple[int, dict[str, Any], WorkerStream | None]] = queue.Queue(MAX_REQUESTS)
        self._speaker: TextSpeaker | None = None
        self._thread = threading.Thread(target=self._run, name="typed-text", daemon=True)
        self._thread.start()

    def put(self, number: int, request: dict[str, Any], stream: WorkerStream | None) -> None:
        """Take a `link.Say`; stream: the one of that number, or None where there is none."""
        try:
            self._requests.put_nowait((number, request, stream))
        except queue.Full:
            self._refuse(number, request, "Too many texts wait to be spoken: wait a little.")

    def _run(self) -> None:
        while True:
            number, request, stream = self._requests.get()
            try:
                with torch.inference_mode():
                    self._say(number, request, stream)
            except (CodecError, OSError, KeyError, TypeError) as error:
                self._refuse(number, request, str(error))
            except Exception as error:
                log.exception("typed text failed")
                self._refuse(number, request, f"The text cannot be spoken ({type(error).__name__}: {error}).")

    def _refuse(self, number: int, request: dict[str, Any], sentence: str) -> None:
        self._send(Said(number, {"id": request.get("id"), "error": sentence}))

    def _say(self, number: int, request: dict[str, Any], stream: WorkerStream | None) -> None:
        if self._speaker is None:
            self._speaker = TextSpeaker.load()
        spoken = self._speaker.speak(request["text"])
        answer = {"id": request["id"], "doubts": list(spoken.doubts)}
        if "path" in request:
            self._write(number, spoken, Path(request["path"]), answer)
        elif stream is None:
            self._refuse(number, request, "The call has no sound on our codec now: try again when it has.")
        else:
            stream.say(
                spoken.tokens,
                lambda seconds: self._send(Said(number, {**answer, "seconds": seconds})),
                lambda sentence: self._refuse(number, request, sentence),
            )

    def _write(self, number: int, spoken: SpokenText, path: Path, answer: dict[str, Any]) -> None:
        voice = self._room.own_voice.voice or neutral_voice(self._room.models)
        parts = list(_parts(spoken))
        for place, part in enumerate(parts):
            name = path.with_name(f"{path.stem}-{place}.wav")
            os.close(os.open(name, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
            pause = part.tokens[-1].frames if part.tokens[-1].phone == SILENCE else 0
            sound = np.concatenate((to_pcm(part, self._room.models, voice), np.zeros(pause * FRAME_SAMPLES, np.int16)))
            soundfile.write(name, sound, SAMPLE_RATE, subtype="PCM_16")
            more = place + 1 < len(parts)
            self._send(Said(number, {**answer, "seconds": spoken.seconds, "path": str(name), "more": more}))


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
