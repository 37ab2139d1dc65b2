"""Sound in, payloads out."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from codec.describe.prosody import RunningMeanF0
from codec.describe.sound_history import SoundHistory
from codec.describe.typed import TypedSpeech
from codec.detail.writer import MARGIN, DetailWriter
from codec.recognise.recogniser import RecognisedPhone
from codec.recognise.speech_gate import HeardPhone, SpeechGate
from codec.speak.comfort_noise import BackgroundMeter
from codec.units.token import FRAME_SAMPLES, Token
from codec.voice import lesson
from codec.voice.embedding import Voice, VoiceEstimator
from codec.voice.lesson import Lesson
from codec.voice.memory import MemorySender, OwnMemory, Remembered
from codec.voice.receipt import ReceiptWriter, VoiceReceipt
from codec.voice.residual import ResidualSender
from codec.voice.updates import VoiceReceiver, VoiceSender
from codec.wire.link_report import LinkReport
from codec.wire.packet import MAX_EXTENSIONS, TIME_MODULO, Extension, Packet, serialize
from codec.wire.packetiser import Packetiser, without_oldest
from codec.wire.settings import EncoderSettings
from codec.wire.token import TICK_FRAMES, TICK_MS, WireToken, split_ticks, to_wire

if TYPE_CHECKING:
    from codec.models import Models

STEP_SAMPLES = TICK_FRAMES * FRAME_SAMPLES
"""Sound is worked on in steps of 20 ms, so that packets go at the same times however it comes in."""

REMEMBERED_TOKENS = 64
REMEMBERED_LESSONS = 128
"""Twenty seconds of speech, for whoever learns from them."""
LONGEST_PAYLOAD = 400
"""Earlier groups are left out of a payload that would be longer: it has to fit one packet of the network, and PJMEDIA's buffers."""

UNANSWERED_SECONDS = 5.0
"""Of speech, after which a far end that says nothing is taken to have forgotten the voice."""

KNOWN_SECONDS = 60.0
"""A voice that was learned elsewhere is described as finely as one heard for so long."""


class Encoder:
    """One direction of one call. Not thread-safe.

    `settings` may be replaced between calls of `encode`; the change holds from the next packet.
    """

    def __init__(self, models: Models, settings: EncoderSettings | None = None) -> None:
        self.settings = settings or EncoderSettings()
        self.sent: deque[WireToken] = deque(maxlen=REMEMBERED_TOKENS)
        """Tokens sent, newest last, for whoever shows them: take them out with `popleft`; the oldest are forgotten."""
        self.lessons: deque[Lesson] | None = None
        """Set to a deque by whoever trains the voice's residual (`codec.learning.fit`): what was sent and how it sounded, newest last."""
        self._models = models
        self._start()

    def _start(self) -> None:
        self._unstepped = np.zeros(0, np.int16)
        self._recogniser = self._models.recogniser.stream()
        self._history = SoundHistory()
        self._gate = SpeechGate()
        self._packets = Packetiser()
        self._typed = TypedSpeech()
        self._mean_f0 = RunningMeanF0()
        self._voice = VoiceEstimator(self._models.voice_encoder)
        self._voice_sender = VoiceSender(self._models.voice_code)
        self._details = DetailWriter(self._models.detail)
        self._voice_heard = VoiceReceiver(self._models.voice_code)
        self._residual_sender = ResidualSender(self._models.voice_residual)
        self._speakers = 0
        self._residual_bytes = 0
        self._memory = MemorySender()
        self._unanswered_from: float | None = None
        self._receipts = ReceiptWriter()
        self._receipt: VoiceReceipt | None = None
        self._background = BackgroundMeter()
        self._report: Extension | None = None
        self._report_is_urgent = False

    def report(self, report: LinkReport, urgent: bool) -> None:
        """Tell the far end how its packets fare: with the next packet, or, where it is urgent and none is under way, with one of its own.
        A newer report takes the place of one that was not sent yet."""
        self._report, self._report_is_urgent = report.extension(), urgent or self._report_is_urgent

    def tell(self, receipt: VoiceReceipt) -> None:
        """Tell the far end what has arrived of its voice (`Decoder.voice_receipt`), with packets that go anyway."""
        self._receipt = receipt

    def acknowledge(self, receipt: VoiceReceipt) -> None:
        """The far end told what has arrived of this voice (`Decoder.receipt`)."""
        self._memory.answered()
        self._unanswered_from = None
        self._voice_sender.acknowledge(receipt)
        self._residual_sender.acknowledge(receipt)

    def recall(self, own: OwnMemory | None, known: Remembered | None, permit: bool) -> None:
        """Begin with what earlier calls learned. own: of the user's voice; known: what the far end is believed to remember of it; permit:
        whether the far end may keep the voice beyond this call."""
        self._memory.allow(permit and self.settings.voice)
        if own is not None and self._voice.seconds == 0:
            self._voice.resume(own.voice.embedding, own.seconds)
            self._mean_f0.resume(own.voice.mean_f0)
            self._resume_residual(own)
        if known is None or own is None or self._voice_sender.pieces or not self.settings.voice:
            return
        self._memory.claim(known)
        self._voice_sender.resume([known.pieces[index] for index in sorted(known.pieces)], own.voice.mean_f0, own.seconds)
        self._voice_heard.know(known.pieces)
        if known.residual and known.basis == self._models.voice_residual.basis:
            self._residual_sender.resume([known.residual[index] for index in sorted(known.residual)])
        self._unanswered_from = 0.0

    def _resume_residual(self, own: OwnMemory) -> None:
        """Send what earlier calls learned to whoever does not know it yet; the training goes on from it, or takes it back."""
        code = self._models.voice_residual
        if self.settings.voice and own.basis == code.basis and len(own.coordinates) == code.size and own.coordinates.any():
            self._residual_sender.update(own.coordinates)

    @property
    def own_memory(self) -> OwnMemory | None:
        """What a later call may begin with; None before the voice is known."""
        if (known := self.voice) is None:
            return None
        coordinates = self._residual_sender.coordinates
        return OwnMemory(*known, coordinates, self._models.voice_residual.basis)

    @property
    def known_there(self) -> Remembered | None:
        """What a listener knows of this voice who got everything that was sent; None before any."""
        pieces, residual = self._voice_heard.pieces, self._residual_sender.pieces
        return Remembered(pieces, residual, self._models.voice_residual.basis) if pieces else None

    def teach(self, coordinates: NDArray[np.float32], speaker: int) -> None:
        """Send the voice's residual (K,), learned from the lessons of this speaker (`speakers`); of another one it is passed over."""
        if speaker == self._speakers and self.settings.voice:
            self._residual_sender.update(coordinates)

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
            else:
                levels = self._history.push(step)
                self._gate.hear(levels)
                if self.settings.comfort_noise:
                    self._background.push(step, float(levels.max(initial=-96.0)), self._gate.floor, self._gate.speaking)
            self._recogniser.wait = self.settings.wait
            payloads += self._take(self._recogniser.push(step))
            if self._typed.active and not self._gate.speaking:
                payloads += self._utter()
            if self._packets.due(self._now, self.settings):
                payloads += self._send()
            elif self.quiet and self._has_news:
                payloads.append(self._empty(self._extensions()))
        self._unstepped = self._unstepped[whole:]
        return payloads

    @property
    def quiet(self) -> bool:
        """True while nobody speaks and nothing of what was said waits to be sent."""
        return not self._packets.waiting and not self._gate.speaking

    def keep_alive(self) -> bytes:
        """A payload without speech, for who has to send something where nothing is said. What waits to be told goes with it, but for the
        background, which would be heard."""
        return self._empty(self._extensions(with_noise=False))

    def _empty(self, extensions: tuple[Extension, ...]) -> bytes:
        return serialize(Packet(self._now % TIME_MODULO, ((),), extensions=extensions), self._models.entropy)

    def say(self, tokens: Sequence[Token], known: Voice | None = None) -> None:
        """Speak typed text (`codec.text.speaker`) instead of what the microphone hears.

        It begins after the word that is being said and what waits already. tokens: semitones relative to the speaker's mean F0. known: the
        caller's voice as learned elsewhere, spoken in while too little was heard here. Raises TextError when too much waits.
        """
        mean_f0 = self._mean_f0.hz
        if known is not None and self._voice.embedding is None:
            mean_f0 = known.mean_f0
            if self.settings.voice:
                self._voice_sender.update(known, KNOWN_SECONDS)
        self._typed.add([to_wire(token, mean_f0) for token in tokens])

    @property
    def typed_seconds(self) -> float:
        """How much typed speech is still to be sent."""
        return self._typed.seconds

    @property
    def words(self) -> dict[str, int]:
        """What the word recogniser did since the stream began: the counters of `codec.recognise.second_pass.SecondPass`."""
        return dict(self._recogniser.counters)

    @property
    def spoken_ms(self) -> float:
        """How much speech was sent so far."""
        return float(self._packets.spoken_ticks * TICK_MS)

    @property
    def voice(self) -> tuple[Voice, float] | None:
        """The caller's voice as heard so far, and from how many seconds of speech; None before the first guess."""
        embedding = self._voice.embedding
        return None if embedding is None else (Voice(embedding, self._mean_f0.hz), self._voice.seconds)

    @property
    def speakers(self) -> int:
        """How often the phone was handed on to somebody else."""
        return self._speakers

    @property
    def described(self) -> tuple[Voice, NDArray[np.float32]]:
        """The voice that a listener has who got everything that was sent, and the coordinates of its residual that are being sent."""
        return self._voice_heard.voice(self._mean_f0.hz), self._residual_sender.coordinates

    def flush(self) -> list[bytes]:
        """End of the sound: the payloads that were still waiting. The encoder starts anew afterwards."""
        self._gate.hear(self._history.push(self._unstepped))
        self._history.finish()
        payloads = self._take(self._recogniser.push(self._unstepped)) + self._take(self._recogniser.flush())
        payloads += self._end()
        self._start()
        return payloads

    @property
    def voice_bytes(self) -> int:
        """Of the voice's description and of its residual sent so far, repeats included."""
        return self._voice_heard.bytes + self._residual_bytes

    @property
    def voice_progress(self) -> tuple[int, float | None]:
        """(bytes of the voice's description sent so far, repeats included; cosine of the voice that a listener who got them all has to
        the best estimate of the speaker's, None while nothing is known)."""
        best = self._voice.embedding
        if best is None or not self._voice_heard.known:
            return self._voice_heard.bytes, None
        return self.voice_bytes, float(self._voice_heard.voice(self._mean_f0.hz).embedding @ best)

    @property
    def _now(self) -> int:
        return self._history.frames // TICK_FRAMES

    def _take(self, phones: list[RecognisedPhone]) -> list[bytes]:
        payloads: list[bytes] = []
        for phone in phones:
            start, end = phone.start_frame, phone.end_frame
            heard = HeardPhone(phone.phone, start, end, phone.confidence, self._history.level(start, end))
            spoken, ended = self._gate.push(heard)
            if ended:
                payloads += self._end()
            for each in spoken:
                payloads += self._add(each)
        return payloads

    def _add(self, phone: HeardPhone) -> list[bytes]:
        payloads: list[bytes] = []
        self._learn_voice(phone)
        start, end = (round(frame / TICK_FRAMES) for frame in (phone.start, phone.end))
        for ticks in split_ticks(end - start):
            token = self._history.token(phone.phone, start * TICK_FRAMES, (start + ticks) * TICK_FRAMES, self._mean_f0.hz, phone.confidence)
            if self._packets.full:
                payloads += self._send()
            self._packets.add(start, to_wire(token, self._mean_f0.hz))
            self.sent.append(to_wire(token, self._mean_f0.hz))
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
            self.sent.append(token)
        return payloads

    def _learn_voice(self, phone: HeardPhone) -> None:
        self._mean_f0.push(self._history.f0(phone.start, phone.end))
        if self.settings.voice and self._voice.push(self._history.pcm(phone.start, phone.end)):
            if self._voice.speakers != self._speakers:
                self._speakers = self._voice.speakers
                self._mean_f0.begin_anew()
                self._voice_sender.begin_anew()
                self._residual_sender.begin_anew()
            embedding = self._voice.embedding
            if embedding is not None:
                self._voice_sender.update(Voice(embedding, self._mean_f0.hz), self._voice.seconds)

    def _end(self) -> list[bytes]:
        self._packets.end()
        if self._packets.waiting and not self._packets.wants_packet_for_end(self.settings):
            self._packets.forget_end()
        return self._send() if self._packets.waiting else []

    def _send(self) -> list[bytes]:
        piece, spoken = None, self._packets.spoken_ticks * TICK_MS / 1000
        if self.settings.voice:
            piece = self._voice_sender.next_piece(spoken)
        if piece is not None:
            self._voice_heard.receive(piece)
        details = self._detail if self.settings.detail else None
        # One of both a packet: a packet stays small.
        extensions = self._extensions() if piece else (*self._extensions(), *self._residual(spoken))
        if len(extensions) < MAX_EXTENSIONS and (memory := self._memory.next(spoken)) is not None:
            extensions = (*extensions, memory)
        if self._unanswered_from is not None and spoken >= self._unanswered_from + UNANSWERED_SECONDS:
            self._unanswered_from = None
            self._voice_sender.doubt()
            self._residual_sender.doubt()
        packet = replace(self._packets.packet(self._now, self.settings, piece, details), extensions=extensions)
        if self.lessons is not None and not self._typed.active:
            self._learn(packet.groups[-1])
        payload = serialize(packet, self._models.entropy)
        while len(payload) > LONGEST_PAYLOAD and len(packet.groups) > 1:
            packet = without_oldest(packet)
            payload = serialize(packet, self._models.entropy)
        return [payload]

    @property
    def _has_news(self) -> bool:
        return self._report_is_urgent or (self.settings.comfort_noise and self._background.worth_a_packet)

    def _extensions(self, with_noise: bool = True) -> tuple[Extension, ...]:
        """What goes with the packet that goes now; it is not sent again."""
        noise = self._background.description() if with_noise and self.settings.comfort_noise else None
        report, self._report, self._report_is_urgent = self._report, None, False
        receipt = None
        if self._receipt is not None and not (report and noise):
            receipt = self._receipts.due(self._now * TICK_MS / 1000, self._receipt)
        return tuple(extension for extension in (report, noise, receipt) if extension is not None)

    def _residual(self, spoken: float) -> tuple[Extension, ...]:
        piece = self._residual_sender.next_piece(spoken) if self.settings.voice else None
        if piece is None:
            return ()
        extension = piece.extension()
        self._residual_bytes += len(extension.data)
        return (extension,)

    def _learn(self, tokens: tuple[WireToken, ...]) -> None:
        """Keep the group that goes now, with its sound, for whoever learns from it."""
        end = self._packets.next_tick
        start = end - sum(token.ticks for token in tokens)
        sound = self._history.around(start * TICK_FRAMES - lesson.MARGIN, end * TICK_FRAMES + lesson.MARGIN)
        if self.lessons is not None and tokens:
            self.lessons.append(Lesson(start, tokens, sound))

    def _detail(self, tokens: tuple[WireToken, ...], start: int) -> tuple[WireToken, ...]:
        first, last = start * TICK_FRAMES, (start + sum(token.ticks for token in tokens)) * TICK_FRAMES
        return self._details.describe(tokens, self._history.around(first - MARGIN, last + MARGIN), self.settings.detail)
