"""Live events for screens: levels, phones, voice. Made only while a front end is subscribed to them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Literal

from softphone.control.protocol import Event, Levels, Phone, Phones, Talk, Voice
from softphone.engine.calls.call import PhoneCall
from softphone.engine.calls.media.transcript import Transcripts
from softphone.engine.sip.parsed.module import sip_library
from softphone.link.messages import SentPhone

TELL_S = 0.2
LOOK_S = 0.02
"""The conference bridge knows the level of the last 20 ms alone."""
SILENCE_DB = -80.0
MICROPHONE_SLOT = 0


class LiveEvents:
    """`wants(name)`: whether any front end subscribed to these events; `testing()`: whether a sound test runs. Main thread only."""

    def __init__(
        self,
        calls: Mapping[int, PhoneCall],
        wants: Callable[[str], bool],
        publish: Callable[[Event], None],
        testing: Callable[[], bool],
        transcripts: Transcripts,
    ) -> None:
        self._calls = calls
        self._wants = wants
        self._publish = publish
        self._testing = testing
        self._transcripts = transcripts
        self._ffi, self._lib = sip_library()
        self._level = self._ffi.new("unsigned[2]")
        self._sending: dict[int, bool | None] = {}
        """What was told of each call."""
        self._highest: dict[int | None, tuple[int, int]] = {}
        self._next_look = 0.0
        self._next_tell = 0.0

    def turn(self, now: float) -> None:
        """Call it at least every 20 ms; `now` is monotonic."""
        if now >= self._next_look:
            self._next_look = now + LOOK_S
            self._tell_talk()
            if self._wants("levels"):
                self._look()
        if now >= self._next_tell:
            self._next_tell = now + TELL_S
            self._tell_levels()
            self._tell_phones()

    def _tell_talk(self) -> None:
        now = {number: call.audio.sending for number, call in self._calls.items() if not call.over}
        before, self._sending = self._sending, now
        for number, sending in now.items():
            if sending != before.get(number):
                self._publish(Talk(call=number, sending=sending))

    def _look(self) -> None:
        for call in self._calls.values():
            if not call.over and (slot := self._lib.pjsua_call_get_conf_port(call.getId()) if call.isActive() else -1) > 0:
                self._measure(call.number, slot)
        if self._testing():
            self._measure(None, MICROPHONE_SLOT)

    def _measure(self, call: int | None, slot: int) -> None:
        tx, rx = self._level, self._level + 1
        if self._lib.pjsua_conf_get_signal_level(slot, tx, rx) == 0:
            before = self._highest.get(call, (0, 0))
            # Of the sound devices PJSIP receives what is captured, and sends what is played.
            now = (rx[0], tx[0]) if call is None else (tx[0], rx[0])
            self._highest[call] = (max(before[0], now[0]), max(before[1], now[1]))

    def _tell_levels(self) -> None:
        highest, self._highest = self._highest, {}
        for call, (tx, rx) in highest.items():
            self._publish(Levels(call=call, tx=decibel(tx), rx=decibel(rx)))

    def _tell_phones(self) -> None:
        phones, voice = self._wants("phones"), self._wants("voice")
        for call in self._calls.values():
            stream = call.media.stream
            if stream is None or call.over:
                continue
            words = self._transcripts.wants(call)
            stream.observe(phones or voice or words, words)
            for report in stream.take_reports():
                if words:
                    self._transcripts.take(call, report)
                if phones and (report.sent or report.spoken):
                    tx = [Phone(label=phone.label, duration_ms=phone.duration_ms, state=_sent(phone)) for phone in report.sent]
                    rx = [Phone(label=phone.label, duration_ms=phone.duration_ms, state=phone.state) for phone in report.spoken]
                    self._publish(Phones(call=call.number, tx=tx, rx=rx))
                if voice and stream.voice_told != report.voice:
                    stream.voice_told = told = report.voice
                    self._publish(
                        Voice(
                            call=call.number,
                            tx_bytes=told.sent_bytes,
                            tx_similarity=told.sent_similarity,
                            rx_bytes=told.received_bytes,
                            tx_heard=told.heard_similarity,
                        )
                    )


def decibel(level: int) -> float:
    """Level of the conference bridge -> dBFS: 0..127, the mean magnitude of 20 ms as an inverted u-law code (conference.c, G.711)."""
    exponent, mantissa = (level >> 4) & 7, level & 15
    linear = (((mantissa << 3) + 0x84) << exponent) - 0x84
    if linear <= 3:
        return SILENCE_DB
    from_full_scale: float = 20 * math.log10(linear / 32768)
    return round(max(SILENCE_DB, from_full_scale), 1)


def _sent(phone: SentPhone) -> Literal["sent", "doubtful"]:
    return "doubtful" if phone.doubtful else "sent"
