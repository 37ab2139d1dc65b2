"""Payloads in, sound out."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from codec.describe.prosody import DEFAULT_MEAN_F0
from codec.detail.reader import DetailReader
from codec.playout.schedule import Playout, SpokenPhone, Undecided, Upcoming
from codec.received_extensions import ReceivedExtensions
from codec.speak.prosody_fill import ProsodyFill
from codec.speak.synthesiser import SpokenFrames
from codec.units.rates import FRAME_SAMPLES
from codec.units.token import Token
from codec.voice.embedding import Voice
from codec.voice.memory import Remembered
from codec.voice.receipt import VoiceReceipt
from codec.voice.updates import VoiceReceiver
from codec.wire.link_report import LinkReport
from codec.wire.packet import VoicePiece, parse
from codec.wire.token import TICK_FRAMES, TICK_MS, WIRE_F0, SegmentCodes, WireToken

if TYPE_CHECKING:
    from codec.models import Models

TICK_SAMPLES = TICK_FRAMES * FRAME_SAMPLES
LEAD_FRAMES = 2
"""A talkspurt begins and ends with so much silence, so that its first sound has an onset and its last one decays."""

VOICE_STEP = 0.3
"""How far the voice moves towards a new estimate with each token: a voice does not change at once."""

PITCH_STEP = 0.05


@dataclass(frozen=True, slots=True)
class DecoderStatistics:
    """Counts since the decoder was made."""

    packets: int = 0
    """Payloads that could be read."""
    tokens_received: int = 0
    """Tokens that were accepted, each once."""
    tokens_recovered: int = 0
    """Of these, those that only a redundant copy brought."""
    tokens_late: int = 0
    """Tokens that came after their time had been played."""
    tokens_dropped: int = 0
    """Tokens thrown away because too many were waiting, or because they overlapped others."""
    gaps: int = 0
    """Gaps in speech where nothing arrived in time."""
    lost_ms: int = 0
    """Their total length."""
    voice_known: bool = False
    """Whether any piece of the speaker's voice has arrived."""
    voice_bytes: int = 0
    """Bytes of its description that have arrived, repeats included."""
    waiting_ms: int = 0
    """Speech that has arrived and waits to be spoken."""


class Decoder:
    """One direction of one call. Not thread-safe."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._playout = Playout()
        self._fill = ProsodyFill(models.entropy.level_offset)
        self._voice = VoiceReceiver(models.voice_code)
        self._embedding = models.voice_code.neutral
        self._heard_f0 = self._mean_f0 = DEFAULT_MEAN_F0
        self._synthesiser = models.synthesiser.stream()
        self._details = DetailReader(models.detail)
        self._vocoder = models.vocoder.stream()
        self._sound = np.zeros(0, np.int16)
        self._pulled = 0
        self._packets = 0
        self._talking = False
        self._heard = True
        self._sounding = 0  # ticks of the token that was told to the synthesiser and not yet spoken
        self._told: tuple[int, int] | None = None  # its time, and where it ends
        self._span: tuple[int, int, int] | None = None  # the same of `_sound`, and how many samples that has
        self.said_at: int | None = None
        """When the first sample of the last pull was said, in ticks of the sender's clock; None where nothing was being said."""
        self._extensions = ReceivedExtensions(models.voice_residual)
        self._coordinates = np.zeros(models.voice_residual.size, np.float32)

    @property
    def statistics(self) -> DecoderStatistics:
        counts = self._playout.counts
        return DecoderStatistics(
            packets=self._packets,
            tokens_received=counts.tokens_received,
            tokens_recovered=counts.tokens_recovered,
            tokens_late=counts.tokens_late,
            tokens_dropped=counts.tokens_dropped,
            gaps=counts.gaps,
            lost_ms=counts.lost_ticks * TICK_MS,
            voice_known=self._voice.known,
            voice_bytes=self._voice.bytes,
            waiting_ms=sum(token.ticks for token in self._playout.following()) * TICK_MS,
        )

    @property
    def link_report(self) -> tuple[int, LinkReport | None]:
        """How many reports on our packets the far end has sent, and the newest."""
        return self._extensions.reports, self._extensions.report

    @property
    def receipt(self) -> tuple[int, VoiceReceipt | None]:
        """How many receipts for our voice the far end has sent, and the newest."""
        return self._extensions.receipts, self._extensions.receipt

    @property
    def voice_receipt(self) -> VoiceReceipt:
        """What has arrived of the remote party's voice: the receipt to send to it."""
        residual = self._extensions.residual
        return VoiceReceipt(*self._voice.progress, *(residual.progress if residual else (0, 0, 0)))

    @property
    def speaker(self) -> tuple[Voice, NDArray[np.float32]]:
        """The remote party's voice as far as it has arrived, and the coordinates of its residual."""
        residual = self._extensions.residual
        nothing = np.zeros(self._models.voice_residual.size, np.float32)
        return self._voice.voice(self._heard_f0), nothing if residual is None else residual.coordinates

    @property
    def spoken(self) -> deque[SpokenPhone]:
        """Phones that were spoken, and gaps that were concealed, newest last. Take them out with `popleft`; the oldest are dropped."""
        return self._playout.spoken

    def receive(self, payload: bytes) -> None:
        """Take one payload as it came from the network, in any order, repeated or not. Raises PayloadError."""
        packet = parse(payload, self._models.entropy)
        self._packets += 1
        self._extensions.receive(packet)
        if (known := self._extensions.memory.take()) is not None:
            same_basis = known.basis == self._models.voice_residual.basis
            self.know(known.pieces, known.residual if same_basis else {})
        if packet.voice is not None:
            self._voice.receive(packet.voice)
        self._playout.receive(packet, self._now)

    def know(self, pieces: Mapping[int, bytes], residual: Mapping[int, bytes]) -> None:
        """Use the voice that arrived in an earlier call, as pieces, from the first word on."""
        self._voice.know(pieces)
        self._embedding = self._voice.voice(self._heard_f0).embedding
        if self._extensions.residual is not None:
            self._extensions.residual.know(residual)
            self._coordinates = self._extensions.residual.coordinates.copy()

    def remember(self, known: Remembered) -> None:
        """The voice remembered of this contact: used as soon as the far end confirms that it means this one."""
        self._extensions.memory.know(known)

    @property
    def to_keep(self) -> tuple[Remembered | None, bool]:
        """What has arrived of the remote party's voice, None before any, and whether it may be kept beyond the call."""
        pieces, residual = self.pieces
        known = Remembered(pieces, residual, self._models.voice_residual.basis) if pieces else None
        return known, self._extensions.memory.may_keep

    @property
    def pieces(self) -> tuple[dict[int, bytes], dict[int, bytes]]:
        """What `know` takes: the pieces of the remote party's voice that have arrived."""
        return self._voice.pieces, {} if self._extensions.residual is None else self._extensions.residual.pieces

    def set_voice(self, voice: Voice) -> None:
        """Use this voice from the first word on, described as finely as the code can."""
        for index, piece in enumerate(self._models.voice_code.encode(voice)):
            self._voice.receive(VoicePiece(0, index, piece))
        self._embedding = self._voice.voice(voice.mean_f0).embedding

    def skip(self, time: int) -> None:
        """What was said before this tick of the sender's clock, modulo 256, was heard already, by other means: it is not spoken."""
        self._playout.skip(time, self._now)

    def pull(self, samples: int, heard: bool = True) -> NDArray[np.int16]:
        """The next `samples` of sound at 16 kHz, exactly so many, zeros when nobody speaks: (samples,) int16. heard: False where nobody
        listens; then all is silent, and nothing but `said_at`, `spoken` and the counters goes on."""
        if heard != self._heard:
            self._heard = heard
            if not heard and self._talking:
                self._hush()
        blocks, missing = [], samples
        while missing > 0:
            if len(self._sound) == 0:
                self._sound = self._speak_on(missing)
            if missing == samples:
                self.said_at = self._position()
            block = self._sound[:missing]
            self._sound = self._sound[len(block) :]
            self._pulled += len(block)
            missing -= len(block)
            blocks.append(block)
        if not blocks or not heard:
            return np.zeros(samples, np.int16)
        return self._extensions.noise.fill(np.concatenate(blocks))

    @property
    def _now(self) -> int:
        return self._pulled // TICK_SAMPLES

    def _speak_on(self, at_most: int) -> NDArray[np.int16]:
        if not self._heard:
            return self._pass_over(at_most)
        told = self._told
        sound = self._speak(at_most)
        self._span = None if told is None else (*told, len(sound))
        return sound

    def _hush(self) -> None:
        """Nobody listens any more: what was told to the synthesiser passes in silence, and it and the vocoder restart."""
        rest, self._span = np.zeros(self._sounding * TICK_SAMPLES, np.int16), None
        self._sound = np.concatenate((np.zeros(len(self._sound), np.int16), rest))
        if self._told is not None and len(self._sound):
            self._span = (*self._told, len(self._sound))
        self._talking, self._sounding, self._told = False, 0, None
        self._synthesiser, self._vocoder = self._models.synthesiser.stream(), self._models.vocoder.stream()
        self._details = DetailReader(self._models.detail)

    def _pass_over(self, at_most: int) -> NDArray[np.int16]:
        """Silence for as long as the next token would last."""
        before, upcoming = self._playout.head, self._playout.next(self._now, 0)
        if upcoming is None or upcoming is Undecided.NOT_YET:
            self._span = None
            return self._until_next_tick(at_most)
        token, ticks = upcoming
        self._physical(token)  # for the first token that is heard again
        head = self._playout.head
        self._span = (max(before, head - token.ticks), head, ticks * TICK_SAMPLES)
        return np.zeros(ticks * TICK_SAMPLES, np.int16)

    def _until_next_tick(self, at_most: int) -> NDArray[np.int16]:
        return np.zeros(min(at_most, TICK_SAMPLES - self._pulled % TICK_SAMPLES), np.int16)

    def _position(self) -> int | None:
        if self._span is None:
            return None
        begin, end, samples = self._span
        return begin + (end - begin) * (samples - len(self._sound)) // samples

    def _speak(self, at_most: int) -> NDArray[np.int16]:
        """The next stretch of sound, one or more samples. Silence lasts only until the next tick, when speech may begin."""
        before = self._playout.head
        upcoming = self._playout.next(self._now, self._sounding)
        head = self._playout.head
        self._told = (max(before, head - upcoming.token.ticks), head) if isinstance(upcoming, Upcoming) else (head, head)
        if upcoming is None:
            self._told = None
            if self._talking:
                return self._finish()
            return self._until_next_tick(at_most)
        if upcoming is Undecided.NOT_YET:
            self._sounding = 0
            return self._sound_of(self._models.synthesiser.speak_alone(self._synthesiser))
        token, ticks = upcoming
        if not self._talking:
            self._talking = True
            self._say(self._silence())
        sound = self._say(replace(self._physical(token), frames=ticks * TICK_FRAMES), token.details)
        self._sounding = ticks
        return sound if len(sound) else self._speak(at_most)

    def _physical(self, wire: WireToken) -> Token:
        if wire.pitch is not None:
            f0 = WIRE_F0 * 2 ** ((wire.pitch + wire.glide) / 12)
            self._heard_f0 *= (f0 / self._heard_f0) ** PITCH_STEP
        voice = self._voice.voice(self._heard_f0)
        self._mean_f0 = voice.mean_f0
        if self._voice.known:
            moved = self._embedding + VOICE_STEP * (voice.embedding - self._embedding)
            self._embedding = np.asarray(moved / np.linalg.norm(moved), dtype=np.float32)
        if self._extensions.residual is not None:
            self._coordinates += VOICE_STEP * (self._extensions.residual.coordinates - self._coordinates)
        return self._fill.token(wire, self._playout.following(), self._mean_f0)

    def _silence(self) -> Token:
        return Token(0, LEAD_FRAMES, None, -60.0)

    def _say(self, token: Token, details: tuple[SegmentCodes, ...] = ()) -> NDArray[np.int16]:
        embedding, coordinates = torch.from_numpy(self._embedding), self._coordinates
        shift = self._models.voice_residual.shift(torch.from_numpy(coordinates)) if coordinates.any() else None
        return self._sound_of(self._models.synthesiser.push(self._synthesiser, token, embedding, self._mean_f0, shift), details)

    def _sound_of(self, frames: SpokenFrames, following: tuple[SegmentCodes, ...] = ()) -> NDArray[np.int16]:
        mel = self._details.correct(frames, following)
        return _to_pcm(self._models.vocoder.push(self._vocoder, mel, frames.f0))

    def _finish(self) -> NDArray[np.int16]:
        """The last token, silence after it, and what the vocoder still holds; synthesiser and vocoder restart."""
        self._talking, self._sounding = False, 0
        last = self._say(self._silence())
        rest = self._sound_of(self._models.synthesiser.flush(self._synthesiser))
        tail = _to_pcm(self._models.vocoder.flush(self._vocoder))
        self._vocoder = self._models.vocoder.stream()
        return np.concatenate((last, rest, tail))


def _to_pcm(sound: torch.Tensor) -> NDArray[np.int16]:
    return np.asarray(np.clip(np.round(sound.numpy() * 32767), -32768, 32767), dtype=np.int16)
