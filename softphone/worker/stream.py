"""One call in the worker: an encoder lane and a decoder lane, each a thread of its own, so that no call waits for another."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from codec.units.phones import PHONES
from codec.units.token import Token
from codec.wire.token import TICK_MS
from softphone.worker.codec import CodecRoom
from softphone.worker.decoder_lane import DecoderLane
from softphone.worker.encoder_lane import EncoderLane, KnownVoices, TypedText
from softphone.worker.lane import Send

T = TypeVar("T")


class WorkerStream:
    """Both lanes. Raises CodecError when the settings are out of range."""

    def __init__(self, number: int, room: CodecRoom, settings: dict[str, Any], send: Send) -> None:
        self._encoder = EncoderLane(number, room, settings, send)
        self._decoder = DecoderLane(number, room, send, self._encoder)
        self._words = room.words
        self._last_voice: list[Any] = [0, None, 0, None]
        self.put_pcm = self._encoder.put
        self.put_payload = self._decoder.put
        self.pull = self._decoder.pull
        self._remembers = False
        self._kept: dict[str, Any] = {}

    def tune(self, changes: dict[str, Any]) -> None:
        """Take a `link.Tune`."""
        if "memory" in changes:
            self._remembers = True
            self._decoder.theirs = KnownVoices.of(changes["memory"]).theirs
        self._encoder.tune(changes)

    def keep(self) -> dict[str, Any]:
        """The voices of `link.Keep`, where they have changed since the last time; else empty."""
        if not self._remembers:
            return {}
        (own, mine), (theirs, permitted) = self._encoder.keeps, self._decoder.keeps
        known = {"own": own, "mine": mine, "theirs": theirs}
        voices = {name: None if each is None else each.as_json() for name, each in known.items()} | {"permitted": permitted}
        if voices == self._kept or (mine is None and theirs is None):
            return {}
        self._kept = voices
        return voices

    def say(self, tokens: Sequence[Token], accept: Callable[[float], None], refuse: Callable[[str], None]) -> None:
        """Speak typed text; `accept` or `refuse` is called on the encoder's thread."""
        self._encoder.say(TypedText(tokens, accept, refuse))

    def start(self) -> None:
        self._encoder.start()
        self._decoder.start()

    def close(self) -> None:
        self._encoder.close()
        self._decoder.close()

    def observe(self, on: bool) -> None:
        """Begin or stop to keep what `observed` gives."""
        self._encoder.observing = self._decoder.observing = on

    def observed(self) -> dict[str, Any]:
        """The report of `link.Observed`: what is new since the last one; empty where nothing is."""
        sent, spoken = _taken(self._encoder.observed), _taken(self._decoder.observed)
        sent_bytes, cosine = self._encoder.voice_progress
        heard = self._encoder.heard
        voice = [
            sent_bytes,
            None if cosine is None else round(cosine, 3),
            self._decoder.statistics()["voice_bytes"],
            None if heard is None else round(heard.similarity, 3),
        ]
        if not (sent or spoken or (voice != self._last_voice and self._encoder.observing)):
            return {}
        self._last_voice = voice
        return {
            "tx": [[PHONES[token.phone], token.ticks * TICK_MS] for token in sent],
            "rx": [[PHONES[phone.phone], phone.ticks * TICK_MS, phone.state] for phone in spoken],
            "voice": voice,
        }

    def statistics(self) -> dict[str, Any]:
        """Counters of the codec and of both lanes; `*_cpu_s` is the processor time they took, `*_longest_ms` their longest step."""
        speech_ms, packets, size = self._encoder.sent
        heard = self._encoder.heard
        reports, report = self._decoder.link_report
        told = [] if report is None else [report.loss, report.burst, report.queue_ms, report.jitter_ms]
        return {
            **self._decoder.statistics(),
            "sent_speech_ms": speech_ms,
            "sent_packets": packets,
            "sent_bytes": size,
            "sent_voice_bytes": self._encoder.voice_bytes,
            "link_reports": reports,
            "link_report": told,
            **{f"encoder_{name}": count for name, count in self._encoder.counters.items()},
            **{f"decoder_{name}": count for name, count in self._decoder.counters.items()},
            "training_steps": self._encoder.training[0],
            "training_cpu_s": round(self._encoder.training[1], 2),
            **({} if heard is None else {f"heard_{name}": round(value, 3) for name, value in dataclasses.asdict(heard).items()}),
            "word_recogniser": self._words[-1],
            **{f"word_{name}": count for name, count in self._encoder.words.items()},
            "typed_s": round(self._encoder.typed_s, 2),
            "encoder_cpu_s": round(self._encoder.busy_s, 3),
            "encoder_longest_ms": round(1000 * self._encoder.longest_s),
            "decoder_cpu_s": round(self._decoder.busy_s, 3),
            "decoder_longest_ms": round(1000 * self._decoder.longest_s),
        }


def _taken(items: deque[T]) -> list[T]:
    """Everything in the deque, taken out while another thread may put more in."""
    taken = []
    with contextlib.suppress(IndexError):
        while True:
            taken.append(items.popleft())
    return taken
