"""One x-phv stream's adaptation at work: reports of the far end and RTCP in, encoder settings and reports to the far end out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace

from codec.units.limits import MAX_REDUNDANCY
from codec.wire.link_report import LinkReport
from codec.wire.settings import EncoderSettings
from softphone.codecs.fmtp import FmtpError, integer
from softphone.config import Phv
from softphone.control.protocol import CallStatistics, SendProfile
from softphone.engine.phv.adaptation import Adaptation, PathReport
from softphone.engine.phv.rate_model import HEADER_BITS, Profile
from softphone.engine.phv.receiver_report import ENOUGH_PACKETS, Received, ReportWriter
from softphone.link.messages import PathQuality, StreamStatistics

USUAL_PACKETS = 12
"""A report of the far end does not say how many packets it covers; two seconds of speech have so many."""
LOWEST_RATE, HIGHEST_RATE = 800, 1_000_000
RTCP_STANDS_FOR_S = 10.0
"""RTCP counts if the far end sent no report of its own for so long."""
MEASURE_S = 4.0
"""Seconds of speech after which the cost of a profile is known."""


def encoder_settings(phv: Phv) -> EncoderSettings:
    """What the configuration says of the encoder."""
    return EncoderSettings(
        interval_ms=phv.interval_ms,
        redundancy=phv.redundancy,
        detail=phv.detail,
        voice=phv.voice,
        comfort_noise=phv.comfort_noise,
    )


class PhvTuning:
    """phv: of the configuration; fmtp_remote: the far end's limits. Main thread only."""

    def __init__(self, phv: Phv, fmtp_remote: Mapping[str, str]) -> None:
        self.adaptive = phv.profile == "adaptive"
        self._fmtp_remote = dict(fmtp_remote)
        self._configured = encoder_settings(phv)
        base = Profile.of(self._configured)
        self._far_ceiling = self._limit("maxrate", LOWEST_RATE, HIGHEST_RATE, 0)
        self.most_redundancy = most = self._limit("maxred", 0, MAX_REDUNDANCY, MAX_REDUNDANCY)
        """Groups that the far end has use for."""
        self.adaptation = Adaptation(replace(base, redundancy=min(base.redundancy, most)), 0, most, phv.wait)
        self.limit(phv.max_rate)
        self._writer = ReportWriter()
        self._set_up_known = False
        self._reports = 0
        self._reported_at = float("-inf")
        self._rtcp_reports = 0
        self._spent: tuple[float, int, int] | None = None  # speech ms, packets, bytes when the present profile began
        self._measured: Profile | None = None

    def limit(self, ceiling_bps: int) -> None:
        """A ceiling in IP bit/s, RTCP counted; 0 for none. The far end's own, which SDP told, holds too."""
        ceilings = [each for each in (ceiling_bps, self._far_ceiling) if each]
        self.adaptation.limit(min(ceilings, default=0))

    def set_up_at(self, now: float, bps: float | None) -> None:
        """How fast the call's SIP messages went; only the first figure counts."""
        if bps is not None and not self._set_up_known:
            self._set_up_known = True
            self.adaptation.set_up_at(now, bps)

    def _limit(self, name: str, low: int, high: int, default: int) -> int:
        try:
            return integer(self._fmtp_remote, name, low, high, default)
        except FmtpError:
            return default

    @property
    def settings(self) -> EncoderSettings:
        """As they should be now."""
        return replace(self._profile.applied_to(self._configured), wait=self.waits)

    @property
    def waits(self) -> bool:
        """Whether what is said waits for its words."""
        return self.adaptation.waits(self._profile)

    @property
    def wait(self) -> str:
        """ "clear", "quick" or "auto", as in the configuration; may be changed."""
        return self.adaptation.wait

    @wait.setter
    def wait(self, mode: str) -> None:
        self.adaptation.wait = mode

    @property
    def _profile(self) -> Profile:
        return self.adaptation.profile if self.adaptive else self.adaptation.base

    def turn(
        self,
        now: float,
        event: CallStatistics,
        counters: StreamStatistics,
        received: Received,
        rtcp: tuple[int, int],
        queue_ms: float,
        beside_sound: LinkReport | None = None,
    ) -> tuple[bool, PathQuality | None]:
        """Each second: (whether `settings` changed, what to tell the far end). event: of this second; counters: of the worker;
        beside_sound: the newest report on sound that we send, if any is sent. Loss is the same for tokens, a queue is not: it is sound
        that fills it, and what the path carries `Adaptation.fell` and `rose` tell."""
        before = self.settings
        self._measure(counters)
        report, rtt_ms = self._incoming(now, event, counters, *rtcp), event.rtt_ms
        if beside_sound is not None:
            packets = USUAL_PACKETS if beside_sound.loss else ENOUGH_PACKETS
            report, rtt_ms = PathReport(beside_sound.loss, packets, beside_sound.burst, None, beside_sound.jitter_ms), None
            self._reported_at = now
        if self.adaptive:
            sent = received.packets + received.lost
            self.adaptation.presume(received.lost / sent if sent else 0.0, received.burst, sent)
            self.adaptation.update(now, report, rtt_ms, counters.sent_speech_ms / 1000)
        event.profile = self._describe()
        return self.settings != before, self._writer.look(now, received, queue_ms)

    def _incoming(
        self, now: float, event: CallStatistics, counters: StreamStatistics, rtcp_reports: int, rtcp_packets: int
    ) -> PathReport | None:
        told: LinkReport | None = counters.link_report
        if counters.link_reports != self._reports:
            self._reports = counters.link_reports
            if told is not None:  # else it is a new worker's, which has none yet
                self._reported_at = now
                packets = USUAL_PACKETS if told.loss else ENOUGH_PACKETS
                return PathReport(told.loss, packets, told.burst, told.queue_ms, told.jitter_ms)
            return None
        if rtcp_reports != self._rtcp_reports:
            self._rtcp_reports = rtcp_reports
            if now - self._reported_at > RTCP_STANDS_FOR_S:
                return PathReport(event.tx.loss_now_percent / 100, rtcp_packets, jitter_ms=event.tx.jitter_ms)
        return None

    def _measure(self, counters: StreamStatistics) -> None:
        spent = counters.sent_speech_ms, counters.sent_packets, counters.sent_bytes
        profile = self._profile
        if self._spent is None or profile != self._measured or spent[0] < self._spent[0]:
            self._spent, self._measured = spent, profile
            return
        seconds = (spent[0] - self._spent[0]) / 1000
        if seconds >= MEASURE_S:
            bits = (spent[1] - self._spent[1]) * HEADER_BITS + 8 * (spent[2] - self._spent[2])
            self.adaptation.measured(profile, bits / seconds)
            self._spent = spent

    def _describe(self) -> SendProfile:
        profile, adaptation = self._profile, self.adaptation
        return SendProfile(
            **asdict(profile),
            adaptive=self.adaptive,
            wait=self.wait,
            waits=self.waits,
            max_rate=adaptation.ceiling_bps,
            ip_bps=round(adaptation.estimate_bps(profile)),
            reason=adaptation.reason if self.adaptive else "fixed",
        )
