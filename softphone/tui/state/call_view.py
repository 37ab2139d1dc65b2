"""What is known of one call: its last events, and the short past that the sparklines and the ticker show."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Literal

import msgspec

from codec.units.rates import CHUNK_MS, SAMPLE_RATE
from softphone.control.protocol import CallState, CallStatistics, Dtmf, Levels, Media, Phone, Phones, Transfer, Voice

SAMPLES = 120
"""Seconds of past kept for the sparklines."""
PHONES = 80
"""Phones of the ticker kept in each direction."""
NOW = 5
"""Seconds that "now" means."""
SILENCE_DB = -80.0
Doing = Literal["", "hold", "resume", "answer", "hang_up", "transfer"]


@dataclass(frozen=True)
class Sample:
    """One second of a call, as heard here. Loss is of this second, not of the whole call."""

    loss_percent: float
    jitter_ms: float
    tx_payload_bps: float
    tx_ip_bps: float
    rx_payload_bps: float
    rx_ip_bps: float
    unmade: float = 0.0
    """Share of the second that our codec had no time for, in the worse direction."""


def mean(samples: Sequence[Sample]) -> Sample:
    """The average of some seconds; zero where there is none."""
    count = max(len(samples), 1)
    return Sample(*(sum(getattr(sample, field.name) for sample in samples) / count for field in fields(Sample)))


@dataclass
class CallView:
    """One call; `number` is the engine's."""

    number: int
    state: CallState
    connected_at: float | None = None
    """CLOCK_MONOTONIC at which it was answered."""
    media: Media | None = None
    statistics: CallStatistics | None = None
    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    tx_phones: deque[Phone] = field(default_factory=lambda: deque(maxlen=PHONES))
    rx_phones: deque[Phone] = field(default_factory=lambda: deque(maxlen=PHONES))
    tx_level_db: float = SILENCE_DB
    rx_level_db: float = SILENCE_DB
    quiet_s: float = 0.0
    """How long the microphone has given nothing at all (digital silence)."""
    levels_at: float | None = None
    voice: Voice | None = None
    transfer: Transfer | None = None
    keys_heard: str = ""
    spoken: str = ""
    """What was last typed to be spoken."""
    doing: Doing = ""
    """What the user asked for and the other side has not answered yet."""
    talk_until: float = 0.0
    """The microphone is on, by a key that is held, until then (CLOCK_MONOTONIC); 0 where none is."""
    sending: bool | None = None
    """With voice activation, whether the microphone is sent now."""

    @property
    def incoming(self) -> bool:
        """Rings here and waits for an answer."""
        # The 180 that says so to the caller makes its state "early" here too.
        return self.state.direction == "incoming" and self.state.state in ("incoming", "early")

    @property
    def up(self) -> bool:
        """Both ends have agreed to it."""
        return self.state.state == "confirmed"

    @property
    def over(self) -> bool:
        return self.state.state == "disconnected"

    @property
    def held(self) -> bool:
        """On hold by us."""
        return self.up and self.media is not None and self.media.state == "held"

    @property
    def held_by_remote(self) -> bool:
        return self.up and self.media is not None and self.media.state == "held_by_remote"

    @property
    def talking(self) -> bool:
        """Up, and sound goes both ways."""
        return self.up and not self.held and not self.held_by_remote

    @property
    def now(self) -> Sample:
        """The last seconds: packets of several hundred milliseconds make single seconds jump."""
        return mean(list(self.samples)[-NOW:])

    @property
    def codec(self) -> str:
        """Name of the codec, "" before media."""
        if self.media is not None and self.media.codec:
            return self.media.codec
        return self.statistics.codec if self.statistics is not None else ""

    def seconds(self, now: float) -> float:
        """Since it was answered; its length when it is over. `now` is CLOCK_MONOTONIC."""
        if self.over or self.connected_at is None:
            return self.state.duration_s
        return max(now - self.connected_at, 0.0)

    def answered_in_s(self, now: float) -> int | None:
        """Whole seconds until it is answered automatically; None where it is not. `now` is CLOCK_MONOTONIC."""
        left = self.state.answered_in_s
        return None if left is None or not self.incoming else max(math.ceil(self.state.monotonic + left - now), 0)

    def take_state(self, event: CallState) -> None:
        if event.state == "disconnected" and not event.duration_s and self.connected_at is not None:
            # Whoever reports the end of an engine does not know how long its calls were.
            event = msgspec.structs.replace(event, duration_s=max(event.monotonic - self.connected_at, 0.0))
        if event.state != self.state.state and self.doing == "answer":
            self.doing = ""
        self.state, self.sending = event, event.sending
        if event.state == "confirmed" and self.connected_at is None:
            self.connected_at = event.monotonic - event.duration_s

    def take_statistics(self, event: CallStatistics) -> None:
        before = self.statistics
        lost, came = event.rx.lost, event.rx.packets
        if before is not None and before.codec == event.codec and came >= before.rx.packets:
            lost, came = lost - before.rx.lost, came - before.rx.packets
        # A packet that comes late takes its loss back, so that a difference may be negative.
        lost = max(lost, 0)
        loss = 100 * lost / (lost + came) if lost + came else 0.0
        earlier = before if before is not None and before.codec == event.codec else event
        unmade = max(now - then for now, then in zip(_unmade_s(event), _unmade_s(earlier), strict=True))
        self.statistics = event
        self.samples.append(
            Sample(
                loss,
                event.rx.jitter_ms,
                event.tx.payload_bps,
                event.tx.ip_bps,
                event.rx.payload_bps,
                event.rx.ip_bps,
                max(unmade, 0.0),
            )
        )

    def take_levels(self, event: Levels) -> None:
        if event.tx > SILENCE_DB or self.levels_at is None:
            self.quiet_s = 0.0
        else:
            self.quiet_s += event.monotonic - self.levels_at
        self.tx_level_db, self.rx_level_db, self.levels_at = event.tx, event.rx, event.monotonic

    def take_phones(self, event: Phones) -> None:
        _append(self.tx_phones, event.tx)
        _append(self.rx_phones, event.rx)

    def take_key(self, event: Dtmf) -> None:
        self.keys_heard = (self.keys_heard + event.digit)[-32:]


def _append(ticker: deque[Phone], phones: Iterable[Phone]) -> None:
    ticker.extend(phones)


def _unmade_s(event: CallStatistics) -> tuple[float, float]:
    """Seconds of sound that our codec could not write and speak in time: the worker counts frames of 20 ms and samples of 16 kHz."""
    counters = event.codec_counters
    return counters.encoder_pcm_dropped * CHUNK_MS / 1000, counters.decoder_samples_not_made / SAMPLE_RATE
