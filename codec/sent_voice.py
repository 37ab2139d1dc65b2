"""How an encoder describes its speaker: the estimate of the voice, its pieces, its residual, and what earlier calls told the listener."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from codec.describe.prosody import RunningMeanF0
from codec.voice.embedding import Voice, VoiceEstimator
from codec.voice.memory import MemorySender, OwnMemory, Remembered
from codec.voice.receipt import VoiceReceipt
from codec.voice.residual import ResidualSender
from codec.voice.updates import VoiceReceiver, VoiceSender
from codec.wire.packet import Extension, VoicePiece

if TYPE_CHECKING:
    from codec.models import Models

UNANSWERED_SECONDS = 5.0
"""Of speech. A listener that has sent no receipt by then is assumed to have forgotten the voice."""

KNOWN_SECONDS = 60.0
"""A voice that was learned elsewhere is described as finely as one heard for so long."""


class SentVoice:
    """One direction of one call. Not thread-safe. While `enabled` is False (`EncoderSettings.voice`) nothing of the voice is sent."""

    def __init__(self, models: Models, enabled: bool) -> None:
        self.enabled = enabled
        self.speakers = 0
        """How often the phone was handed on to somebody else."""
        self._basis = models.voice_residual
        self._mean_f0 = RunningMeanF0()
        self._estimator = VoiceEstimator(models.voice_encoder)
        self._pieces = VoiceSender(models.voice_code)
        self._listener = VoiceReceiver(models.voice_code)
        """What a listener knows who got every packet."""
        self._residual = ResidualSender(models.voice_residual)
        self._residual_bytes = 0
        self._memory = MemorySender()
        self._unanswered_from: float | None = None

    @property
    def mean_f0(self) -> float:
        """Of the speaker so far, Hz."""
        return self._mean_f0.hz

    @property
    def estimate(self) -> tuple[Voice, float] | None:
        """The voice as heard so far, and from how many seconds of speech; None before the first estimate."""
        embedding = self._estimator.embedding
        return None if embedding is None else (Voice(embedding, self._mean_f0.hz), self._estimator.seconds)

    @property
    def described(self) -> tuple[Voice, NDArray[np.float32]]:
        """The voice that a listener has who got every packet, and the coordinates (K,) of the residual that are being sent."""
        return self._listener.voice(self._mean_f0.hz), self._residual.coordinates

    @property
    def bytes(self) -> int:
        """Of the description and the residual sent so far, repeats included."""
        return self._listener.bytes + self._residual_bytes

    @property
    def progress(self) -> tuple[int, float | None]:
        """(bytes sent so far, cosine of the voice that a listener has who got every packet to the best estimate of the speaker's; None
        while nothing is known)."""
        best = self._estimator.embedding
        if best is None or not self._listener.known:
            return self._listener.bytes, None
        return self.bytes, float(self._listener.voice(self._mean_f0.hz).embedding @ best)

    @property
    def own_memory(self) -> OwnMemory | None:
        """What a later call may begin with; None before the voice is known."""
        if (estimate := self.estimate) is None:
            return None
        return OwnMemory(*estimate, self._residual.coordinates, self._basis.basis)

    @property
    def known_there(self) -> Remembered | None:
        """What a listener knows of this voice who got every packet; None before any."""
        pieces = self._listener.pieces
        return Remembered(pieces, self._residual.pieces, self._basis.basis) if pieces else None

    def recall(self, own: OwnMemory | None, known: Remembered | None, permit: bool) -> None:
        """Begin with what earlier calls learned. own: of the user's voice; known: what the listener is believed to remember of it; permit:
        whether the listener may keep the voice beyond this call."""
        self._memory.allow(permit and self.enabled)
        if own is not None and self._estimator.seconds == 0:
            self._estimator.resume(own.voice.embedding, own.seconds)
            self._mean_f0.resume(own.voice.mean_f0)
            self._recall_residual(own)
        if known is None or own is None or self._pieces.pieces or not self.enabled:
            return
        self._memory.claim(known)
        self._pieces.resume([known.pieces[index] for index in sorted(known.pieces)], own.voice.mean_f0, own.seconds)
        self._listener.know(known.pieces)
        if known.residual and known.basis == self._basis.basis:
            self._residual.resume([known.residual[index] for index in sorted(known.residual)])
        self._unanswered_from = 0.0

    def _recall_residual(self, own: OwnMemory) -> None:
        """Send what earlier calls learned to a listener that does not know it yet; the training goes on from it, or takes it back."""
        fits = own.basis == self._basis.basis and len(own.coordinates) == self._basis.size
        if self.enabled and fits and own.coordinates.any():
            self._residual.update(own.coordinates)

    def acknowledge(self, receipt: VoiceReceipt) -> None:
        """The listener reported what has arrived of this voice (`Decoder.receipt`)."""
        self._memory.answered()
        self._unanswered_from = None
        self._pieces.acknowledge(receipt)
        self._residual.acknowledge(receipt)

    def set_residual(self, coordinates: NDArray[np.float32], speaker: int) -> None:
        """Send the voice's residual (K,), trained on this speaker's speech (`speakers`); that of another speaker is ignored."""
        if speaker == self.speakers and self.enabled:
            self._residual.update(coordinates)

    def assume(self, voice: Voice) -> float:
        """Describe a voice learned elsewhere, unless this call has its own estimate; the mean F0 of what is described, Hz."""
        if self._estimator.embedding is not None:
            return self._mean_f0.hz
        if self.enabled:
            self._pieces.update(voice, KNOWN_SECONDS)
        return voice.mean_f0

    def hear(self, pcm: NDArray[np.int16], f0: NDArray[np.float32]) -> None:
        """Learn from the sound of one phone: pcm (samples,), and its F0 (frames,) in Hz."""
        self._mean_f0.push(f0)
        if not self.enabled or not self._estimator.push(pcm):
            return
        if self._estimator.speakers != self.speakers:
            self.speakers = self._estimator.speakers
            self._mean_f0.reset_speaker()
            self._pieces.reset_speaker()
            self._residual.reset_speaker()
        if (estimate := self.estimate) is not None:
            self._pieces.update(*estimate)

    def next_piece(self, spoken: float) -> VoicePiece | None:
        """The piece of the description that goes with the next packet, if any. spoken: seconds of speech sent so far."""
        piece = self._pieces.next_piece(spoken) if self.enabled else None
        if piece is not None:
            self._listener.receive(piece)
        return piece

    def next_residual(self, spoken: float) -> Extension | None:
        """The piece of the residual that goes with the next packet, if any."""
        piece = self._residual.next_piece(spoken) if self.enabled else None
        if piece is None:
            return None
        extension = piece.extension()
        self._residual_bytes += len(extension.data)
        return extension

    def next_memory(self, spoken: float) -> Extension | None:
        """What the next packet says about remembering this voice, if anything."""
        return self._memory.next(spoken)

    def expect_receipt(self, spoken: float) -> None:
        """After each packet: a listener that was believed to remember the voice and sends no receipt gets it again."""
        if self._unanswered_from is not None and spoken >= self._unanswered_from + UNANSWERED_SECONDS:
            self._unanswered_from = None
            self._pieces.assume_forgotten()
            self._residual.assume_forgotten()
