"""Sound in, payloads out."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from codec.describe.sound_history import SoundHistory
from codec.describe.typed import TypedSpeech
from codec.detail.writer import MARGIN, DetailWriter
from codec.recognise.recogniser import WaitingPhoneStream
from codec.recognise.rest import Rest, RestingRecognition
from codec.recognise.speech_gate import SpeechGate
from codec.sent_extensions import SentExtensions
from codec.sent_voice import SentVoice
from codec.units.phones import SILENCE
from codec.units.rates import FRAME_SAMPLES
from codec.units.token import RecognisedPhone, Token
from codec.voice import training_example
from codec.voice.embedding import Voice
from codec.voice.training_example import TrainingExample
from codec.wire.packet import MAX_CODES, TIME_MODULO, Extension, Packet, codes_in, serialize
from codec.wire.packetiser import Packetiser, without_oldest
from codec.wire.settings import EncoderSettings
from codec.wire.token import TICK_FRAMES, TICK_MS, WireToken, split_ticks, to_wire
from codec.wire.token_coding import segments_of

if TYPE_CHECKING:
    from codec.models import Models

STEP_SAMPLES = TICK_FRAMES * FRAME_SAMPLES
"""Sound is processed in steps of 20 ms, so that packets leave at the same times however it comes in."""

REMEMBERED_TOKENS = 64
REMEMBERED_EXAMPLES = 128
"""Twenty seconds of speech, for the training during the call."""
MANY_CODES = 3
"""So many for each 40 ms, and words that are certain are understood better with them than without."""
LONGEST_PAYLOAD = 400
"""Earlier groups are left out of a payload that would be longer: it has to fit one network packet and PJMEDIA's buffers."""


class Encoder:
    """One direction of one call. Not thread-safe.

    `settings` may be replaced between calls of `encode`; the change holds from the next packet.
    """

    def __init__(self, models: Models, settings: EncoderSettings | None = None) -> None:
        self._settings = settings or EncoderSettings()
        self.sent: deque[tuple[WireToken, bool]] = deque(maxlen=REMEMBERED_TOKENS)
        """Tokens sent, newest last, for display, each with whether it was sent as heard because the sound confirms no word there though
        the settings wait for words. Take them out with `popleft`; the oldest are dropped."""
        self.examples: deque[TrainingExample] | None = None
        """None, or a deque that collects what was sent and how it sounded, to train the voice's residual (`codec.learning.fit`)."""
        self._models = models
        self._start()

    def _start(self) -> None:
        self._unstepped = np.zeros(0, np.int16)
        self._history = SoundHistory()
        self._recognition = RestingRecognition(self._models.recogniser, self._history)
        self._gate = SpeechGate()
        self._packets = Packetiser()
        self._typed = TypedSpeech()
        self.voice = SentVoice(self._models, self._settings.voice)
        """The speaker's voice and its description; replaced by `flush`."""
        self.extensions = SentExtensions(self.voice, self._settings.comfort_noise)
        """Reports and receipts for the far end; replaced by `flush`."""
        self._details = DetailWriter(self._models.detail, self._models.entropy.details)
        self._heard_until = 0  # tick at which the last phone ended
        self._doubtful_until = 0  # and the last one that was sent as it was heard

    @property
    def settings(self) -> EncoderSettings:
        return self._settings

    @settings.setter
    def settings(self, settings: EncoderSettings) -> None:
        self._settings = settings
        self.voice.enabled, self.extensions.comfort_noise = settings.voice, settings.comfort_noise

    def encode(self, pcm: NDArray[np.int16]) -> list[bytes]:
        """pcm (samples,) int16, 16 kHz mono, any length -> the payloads that became ready, in order; none in silence."""
        payloads: list[bytes] = []
        self._unstepped = np.concatenate((self._unstepped, pcm))
        whole = len(self._unstepped) // STEP_SAMPLES * STEP_SAMPLES
        for at in range(0, whole, STEP_SAMPLES):
            step = self._unstepped[at : at + STEP_SAMPLES]
            if self._typed.active:
                # What the microphone hears meanwhile is not sent; the recogniser keeps its clock.
                step = np.zeros(STEP_SAMPLES, np.int16)
                self._history.push(step)
                level = -96.0
            else:
                levels = self._history.push(step)
                self._gate.hear(levels)
                level = float(levels.max(initial=-96.0))
                self.extensions.hear(step, level, self._gate.floor, self._gate.speaking)
            self._recognition.wait(self.settings.wait)
            payloads += self._take(self._recognition.push(step, self._gate.loud(level)))
            if self._recognition.rests and self._gate.close():
                payloads += self._end()
            if self._typed.active and not self._gate.speaking:
                payloads += self._utter()
            if self._packets.due(self._now, self.settings):
                payloads += self._send()
            elif self.quiet and self.extensions.need_packet:
                payloads.append(self._empty(self.extensions.without_speech(self._now_s)))
        self._unstepped = self._unstepped[whole:]
        return payloads

    @property
    def may_rest(self) -> Rest:
        """How far the recogniser may rest: nothing of what is said is then sent. See `codec.recognise.rest`."""
        return self._recognition.may_rest

    @may_rest.setter
    def may_rest(self, rest: Rest) -> None:
        self._recognition.may_rest = rest

    @property
    def rests(self) -> bool:
        """Whether the recogniser did not hear what was encoded last."""
        return self._recognition.rests

    @property
    def quiet(self) -> bool:
        """True while nobody speaks and nothing of what was said waits to be sent."""
        return not self._packets.waiting and not self._gate.speaking

    def keep_alive(self) -> bytes:
        """A keep-alive payload: no speech, only pending reports. The background is left out, because it would be heard."""
        return self._empty(self.extensions.without_speech(self._now_s, with_noise=False))

    def _empty(self, extensions: tuple[Extension, ...]) -> bytes:
        return serialize(Packet(self._now % TIME_MODULO, ((),), extensions=extensions), self._models.entropy)

    def say(self, tokens: Sequence[Token], known: Voice | None = None) -> None:
        """Speak typed text (`codec.text.speaker`) instead of what the microphone hears.

        It begins after the current word and after texts that wait already. tokens: semitones relative to the speaker's mean F0. known: the
        caller's voice as learned elsewhere, spoken in while too little was heard here. Raises TextError when too much waits.
        """
        mean_f0 = self.voice.mean_f0 if known is None else self.voice.assume(known)
        self._typed.add([to_wire(token, mean_f0) for token in tokens])

    @property
    def typed_seconds(self) -> float:
        """How much typed speech is still to be sent."""
        return self._typed.seconds

    @property
    def words(self) -> dict[str, int]:
        """What the word recogniser did since the stream began: the counters of `codec.recognise.second_pass.SecondPass`."""
        stream = self._recognition.stream
        return dict(stream.counters) if isinstance(stream, WaitingPhoneStream) else {}

    @property
    def spoken_ms(self) -> float:
        """How much speech was sent so far."""
        return float(self._packets.spoken_ticks * TICK_MS)

    def flush(self) -> list[bytes]:
        """End of the sound: the payloads that were still waiting. The encoder is reset afterwards."""
        self._gate.hear(self._history.push(self._unstepped))
        self._history.finish()
        payloads = self._take(self._recognition.flush(self._unstepped))
        payloads += self._end()
        self._start()
        return payloads

    @property
    def _now(self) -> int:
        return self._history.frames // TICK_FRAMES

    @property
    def _now_s(self) -> float:
        return self._now * TICK_MS / 1000

    def _take(self, phones: list[RecognisedPhone]) -> list[bytes]:
        payloads: list[bytes] = []
        for phone in phones:
            spoken, ended = self._gate.push(phone, self._history.level(phone.start * TICK_FRAMES, phone.end * TICK_FRAMES))
            if ended:
                payloads += self._end()
            for each in spoken:
                payloads += self._add(each)
        return payloads

    def _add(self, phone: RecognisedPhone) -> list[bytes]:
        payloads: list[bytes] = []
        first, last = phone.start * TICK_FRAMES, phone.end * TICK_FRAMES
        self.voice.hear(self._history.pcm(first, last), self._history.f0(first, last))
        mean_f0 = self.voice.mean_f0
        start = phone.start
        self._heard_until = phone.end
        doubtful = phone.phone != SILENCE and not phone.sure
        if doubtful:
            self._doubtful_until = phone.end
        for ticks in split_ticks(phone.end - start):
            first, last = start * TICK_FRAMES, (start + ticks) * TICK_FRAMES
            token = to_wire(self._history.token(phone.phone, first, last, mean_f0, phone.confidence), mean_f0)
            if self._packets.full:
                payloads += self._send()
            self._packets.add(start, token)
            self.sent.append((token, doubtful and self.settings.wait))
            start += ticks
        return payloads

    def _utter(self) -> list[bytes]:
        payloads: list[bytes] = []
        for start, token in self._typed.due(self._now):
            if token is None:
                payloads += self._end()
                continue
            if self._packets.full:
                payloads += self._send()
            self._packets.add(start, token)
            self.sent.append((token, False))
        return payloads

    def _end(self) -> list[bytes]:
        self._packets.end()
        if self._packets.waiting and not self._packets.wants_packet_for_end(self.settings):
            self._packets.forget_end()
        return self._send() if self._packets.waiting else []

    def _send(self) -> list[bytes]:
        spoken = self._packets.spoken_ticks * TICK_MS / 1000
        piece = self.voice.next_piece(spoken)
        details = self._detail if self.settings.detail else None
        # At most one of the two in a packet, which keeps it small.
        extensions = self.extensions.with_speech(self._now_s, spoken, has_voice=piece is not None)
        self.voice.expect_receipt(spoken)
        packet = replace(self._packets.packet(self._now, self.settings, piece, details), extensions=extensions)
        if self.examples is not None and not self._typed.active:
            self._learn(packet.groups[-1])
        while True:
            payload = serialize(packet, self._models.entropy) if codes_in(packet.groups) <= MAX_CODES else None
            if payload and (len(payload) <= LONGEST_PAYLOAD or len(packet.groups) == 1):
                return [payload]
            packet = without_oldest(packet)

    def _learn(self, tokens: tuple[WireToken, ...]) -> None:
        """Keep the group that is being sent, with its sound, for the training."""
        end = self._packets.next_tick
        start = end - sum(token.ticks for token in tokens)
        sound = self._history.around(start * TICK_FRAMES - training_example.MARGIN, end * TICK_FRAMES + training_example.MARGIN)
        if self.examples is not None and tokens:
            self.examples.append(TrainingExample(start, tokens, sound))

    def _detail(self, tokens: tuple[WireToken, ...], start: int) -> tuple[WireToken, ...]:
        """Fewer than MANY_CODES only where phones may be wrong: words that are certain are understood better without them (50 utterances,
        with the layer before: 21.8 % of the words wrong, 23.2 % with two codes everywhere, 18.8 % with four)."""
        first, last = start * TICK_FRAMES, (start + sum(token.ticks for token in tokens)) * TICK_FRAMES
        if self._heard_until <= start:
            # Typed text: the microphone hears something else.
            return tokens
        stages = self.settings.detail if self._doubtful_until > start or self.settings.detail >= MANY_CODES else 0
        stages = min(stages, MAX_CODES // max(1, segments_of(tokens)))
        return self._details.describe(tokens, self._history.around(first - MARGIN, last + MARGIN), stages)
