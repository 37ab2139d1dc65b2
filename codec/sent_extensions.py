"""The extensions that an encoder puts into its packets: link report, comfort noise, voice receipt, residual and memory of the voice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from codec.sent_voice import SentVoice
from codec.speak.comfort_noise import BackgroundMeter
from codec.voice.receipt import ReceiptWriter, VoiceReceipt
from codec.wire.link_report import LinkReport
from codec.wire.packet import MAX_EXTENSIONS, Extension


class SentExtensions:
    """One direction of one call; the counterpart of `ReceivedExtensions`.

    While `comfort_noise` is False nothing of the background is sent.
    """

    def __init__(self, voice: SentVoice, comfort_noise: bool) -> None:
        self.comfort_noise = comfort_noise
        self._voice = voice
        self._receipts = ReceiptWriter()
        self._receipt: VoiceReceipt | None = None
        self._background = BackgroundMeter()
        self._report: Extension | None = None
        self._report_is_urgent = False

    def report(self, report: LinkReport, urgent: bool) -> None:
        """Tell the far end how its packets fare: with the next packet, or, where it is urgent and none is under way, with one of its own.
        A newer report replaces one that was not sent yet."""
        self._report, self._report_is_urgent = report.extension(), urgent or self._report_is_urgent

    def acknowledge(self, receipt: VoiceReceipt) -> None:
        """Tell the far end what has arrived of its voice (`Decoder.voice_receipt`), with the next packets."""
        self._receipt = receipt

    def hear(self, pcm: NDArray[np.int16], level: float, floor: float, speaking: bool) -> None:
        """Learn the background from a step of sound; see `BackgroundMeter.push`."""
        if self.comfort_noise:
            self._background.push(pcm, level, floor, speaking)

    @property
    def need_packet(self) -> bool:
        """Whether something is worth a packet without speech."""
        return self._report_is_urgent or (self.comfort_noise and self._background.worth_a_packet)

    def without_speech(self, now: float, with_noise: bool = True) -> tuple[Extension, ...]:
        """Those of a packet that has no speech. now: seconds of sound so far; with_noise: False leaves out the background."""
        noise = self._background.description() if with_noise and self.comfort_noise else None
        report, self._report, self._report_is_urgent = self._report, None, False
        receipt = None
        if self._receipt is not None and not (report and noise):
            receipt = self._receipts.due(now, self._receipt)
        return tuple(extension for extension in (report, noise, receipt) if extension is not None)

    def with_speech(self, now: float, spoken: float, has_voice: bool) -> tuple[Extension, ...]:
        """Those of a packet of speech. spoken: seconds of speech so far; has_voice: whether the packet has a piece of the voice already,
        so that it takes none of the residual."""
        extensions = self.without_speech(now)
        if not has_voice and (residual := self._voice.next_residual(spoken)) is not None:
            extensions = (*extensions, residual)
        if len(extensions) < MAX_EXTENSIONS and (memory := self._voice.next_memory(spoken)) is not None:
            extensions = (*extensions, memory)
        return extensions
