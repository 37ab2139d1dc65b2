"""One call in the worker: an encoder lane and a decoder lane, each a thread of its own, so that no call waits for another."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from codec.units.phones import PHONES
from codec.units.token import Token
from codec.wire.token import TICK_MS
from softphone.link.messages import HeardPhone, Keep, KnownVoice, Observed, Open, OwnVoice, SentPhone, StreamStatistics, Tune, VoiceProgress
from softphone.worker.codec import SharedModels
from softphone.worker.decoder_lane import DecoderLane
from softphone.worker.encoder_lane import EncoderLane, KnownVoices, TypedText
from softphone.worker.lane import Send
from softphone.worker.utterance import Utterance

T = TypeVar("T")


class WorkerStream:
    """Both lanes."""

    def __init__(self, opened: Open, shared: SharedModels, send: Send) -> None:
        self._number = opened.stream
        self._encoder = EncoderLane(opened, shared, send)
        self._decoder = DecoderLane(opened.stream, shared, send, self._encoder)
        self._words = shared.words
        self._last_voice = VoiceProgress()
        self.put_pcm = self._encoder.put
        self.put_payload = self._decoder.put
        self.pull = self._decoder.pull
        self._remembers = False
        self._kept: Keep | None = None
        self._utterances: tuple[Utterance, Utterance] | None = None
        """What is said and heard, where its words are asked for."""

    def tune(self, changes: Tune) -> None:
        """Take what changes during a stream."""
        if changes.memory is not None:
            self._remembers = True
            if (theirs := KnownVoices.of(changes.memory).theirs) is not None:
                self._decoder.remember(theirs)
        self._encoder.tune(changes)

    def keep(self) -> Keep | None:
        """What a later call may begin with, where that has changed since the last time."""
        if not self._remembers:
            return None
        (own, mine), (theirs, permitted) = self._encoder.keeps, self._decoder.keeps
        if mine is None and theirs is None:
            return None
        kept = Keep(
            self._number,
            None if own is None else OwnVoice(**own.as_json()),
            None if mine is None else KnownVoice(**mine.as_json()),
            None if theirs is None else KnownVoice(**theirs.as_json()),
            permitted,
        )
        if kept == self._kept:
            return None
        self._kept = kept
        return kept

    def say(self, tokens: Sequence[Token], accept: Callable[[float], None], refuse: Callable[[str], None]) -> None:
        """Speak typed text; `accept` or `refuse` is called on the encoder's thread."""
        self._encoder.say(TypedText(tokens, accept, refuse))

    def start(self) -> None:
        self._encoder.start()
        self._decoder.start()

    def close(self) -> None:
        self._encoder.close()
        self._decoder.close()

    def observe(self, on: bool, words: bool) -> None:
        """Start or stop collecting what `observed` returns."""
        self._encoder.observing = self._decoder.observing = on
        if words != (self._utterances is not None):
            self._utterances = (Utterance(), Utterance()) if words else None

    def observed(self) -> Observed | None:
        """What is new since the last one, or None."""
        sent, spoken = _taken(self._encoder.observed), _taken(self._decoder.observed)
        sent_bytes, cosine = self._encoder.voice_progress
        heard = self._encoder.heard
        voice = VoiceProgress(
            sent_bytes,
            None if cosine is None else round(cosine, 3),
            self._decoder.statistics.voice_bytes,
            None if heard is None else round(heard.similarity, 3),
        )
        said = spoken_words = ""
        if (utterances := self._utterances) is not None:
            said = utterances[0].push((token.phone, token.ticks) for token, _ in sent)
            spoken_words = utterances[1].push((phone.phone, phone.ticks) for phone in spoken)
        if not (sent or spoken or said or spoken_words or (voice != self._last_voice and self._encoder.observing)):
            return None
        self._last_voice = voice
        return Observed(
            self._number,
            [SentPhone(PHONES[token.phone], token.ticks * TICK_MS, doubtful) for token, doubtful in sent],
            [HeardPhone(PHONES[phone.phone], phone.ticks * TICK_MS, phone.state) for phone in spoken],
            voice,
            said,
            spoken_words,
        )

    def statistics(self) -> StreamStatistics:
        speech_ms, packets, size = self._encoder.sent
        steps, cpu_s = self._encoder.training
        heard = self._encoder.heard
        reports, report = self._decoder.link_report
        encoder, decoder, words = self._encoder.counters, self._decoder.counters, self._encoder.words
        return StreamStatistics(
            **dataclasses.asdict(self._decoder.statistics),
            sent_speech_ms=speech_ms,
            sent_packets=packets,
            sent_bytes=size,
            sent_voice_bytes=self._encoder.voice_bytes,
            link_reports=reports,
            link_report=report,
            encoder_pcm_dropped=encoder["pcm_dropped"],
            encoder_payloads_made=encoder["payloads_made"],
            encoder_keep_alives=encoder["keep_alives"],
            encoder_failures=encoder["failures"],
            encoder_rested_ms=encoder["rested_ms"],
            encoder_cpu_s=round(self._encoder.busy_s, 3),
            encoder_longest_ms=round(1000 * self._encoder.longest_s),
            decoder_payloads_dropped=decoder["payloads_dropped"],
            decoder_payloads_unreadable=decoder["payloads_unreadable"],
            decoder_samples_not_made=decoder["samples_not_made"],
            decoder_failures=decoder["failures"],
            decoder_cpu_s=round(self._decoder.busy_s, 3),
            decoder_longest_ms=round(1000 * self._decoder.longest_s),
            training_steps=steps,
            training_cpu_s=round(cpu_s, 2),
            heard_similarity=None if heard is None else round(heard.similarity, 3),
            heard_mel_distance=None if heard is None else round(heard.mel_distance, 3),
            typed_s=round(self._encoder.typed_s, 2),
            word_recogniser=self._words[-1],
            word_looks=words.get("looks", 0),
            word_words=words.get("words", 0),
            word_words_alone=words.get("words_alone", 0),
            word_words_rejected=words.get("words_rejected", 0),
            word_loops=words.get("loops", 0),
            word_ticks_as_heard=words.get("ticks_as_heard", 0),
            word_rests=words.get("rests", 0),
        )


def _taken(items: deque[T]) -> list[T]:
    """Everything in the deque, taken out while another thread may put more in."""
    taken = []
    with contextlib.suppress(IndexError):
        while True:
            taken.append(items.popleft())
    return taken
