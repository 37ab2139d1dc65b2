"""What an x-phv stream sends, by the state of its path: packet interval, redundancy and detail, under a ceiling in IP bit/s.

Quick to protect, slow to relax. Loss asks for more redundancy, as long as packets do not queue; queues ask for less of everything.
Knows no clock, no PJSIP and no codec: the caller passes the time.
"""

import math
from dataclasses import dataclass, replace
from itertools import product

from softphone.config import HIGHEST_REDUNDANCY
from softphone.engine.phv.rate_model import RTCP_BPS, WORDS_WAIT_S, Profile

INTERVALS_MS = (80, 160, 320, 640)
LONGEST_SPAN_MS = 1300
"""A copy sent later than this after the original (plus twice the jitter) would arrive after its time had been played."""

WAIT_COST = 0.02
"""Words that are worth the processor time of the word recogniser, as much as the encoder takes: on a busy machine speech gets holes."""
DELAY_COST = 0.04
"""A second of delay is worth so much of all words,"""
RATE_COST = 0.005
"""and a kbit/s so much;"""
LIKENESS_WORTH = 0.02
"""and that a voice is the speaker's, and not anybody's, so much."""
DETAILS = (0, 2, 3, 4, 6, 8)
"""Numbers of codes that are chosen from."""

FIRST_REDUNDANCY = 3
"""Until the first report came, each group is repeated at least so often, and finely: most networks need less, and say so in two seconds;"""
FIRST_CODES = 2
"""and all have no more codes: the path may be slow."""
ENOUGH_PACKETS = 24
"""So many packets without loss have to be reported before the path is taken to be good: losses cluster;"""
UNTOLD_S = 12.0
"""or so many seconds of speech pass without any report."""
SLOW_SET_UP_BPS = 9000.0
"""A call that was set up at such a rate begins with what fits there,"""
SET_UP_SHARE = 0.75
"""with this share of it, because the rate was measured over both directions of a link that they may have to share."""

RISEN_SHARE = 0.6
"""So much of what a probe shows is used: both ends may share the link."""

CLEAN_LOSS, MUCH_LOSS = 0.02, 0.1
LEAST_LOSS = 0.005
"""Assumed of a network that lost nothing yet."""
WORTH_A_CHANGE = 0.01
RELAX_AFTER_S = 12.0
"""A profile that protects more than is needed now is kept for so long."""
FORGET_S = 30.0
"""Time constant with which a high loss is forgotten."""
FEW_PACKETS = 8
ASSUMED_BURST = 1.3
"""Packets lost in a row, where no report says;"""
ASSUMED_LOSSES = 1.0
"""weighted like so many losses seen."""

QUEUE_MS = 400.0
"""Packets that take so much longer than the fastest wait in a queue that we fill;"""
LOSSY_QUEUE_MS = 150.0
"""where some are lost too, this much is enough,"""
LOSSY_RTT_MS = 1000.0
"""or such a round trip: queues overflow."""
DECREASE = 0.8
LEAST_DELIVERED = 0.75
"""What is sent next is a share of what arrived of what is sent now, but no less than of this."""
SETTLE_S = 5.0
CLEAR_S = 15.0
INCREASE = 1.08
WALL_S = 60.0
CONTENT_WALL_S = 300.0
"""So long a rate that filled a queue is not tried again; the second where all details are sent already, and only delay could be gained."""
SMALLEST_BUDGET_BPS = 600.0
CALIBRATION = 0.2


@dataclass(frozen=True, slots=True)
class PathReport:
    """One report on what we sent: loss 0..1 of so many packets; burst: mean packets lost in a row, 0 where unknown or none;
    queue_ms: None where nobody tells."""

    loss: float
    packets: int
    burst: float = 0.0
    queue_ms: float | None = None
    jitter_ms: float = 0.0


class Adaptation:
    """One direction of one call. base: what is sent where nothing is in the way; ceiling_bps: the user's, RTCP counted, 0 for none."""

    def __init__(self, base: Profile, ceiling_bps: int = 0, max_redundancy: int = HIGHEST_REDUNDANCY, wait: str = "auto") -> None:
        self.base = base
        self.wait = wait
        """"clear", "quick" or "auto", as in the configuration."""
        self.ceiling_bps = ceiling_bps
        self._max_redundancy = min(max_redundancy, HIGHEST_REDUNDANCY)
        self._loss = 0.0
        self._burst = ASSUMED_BURST
        self._jitter_ms = 0.0
        self._budget: float | None = None  # what the path seems to carry
        self._congested_at = float("-inf")
        self._wall = (float("inf"), float("-inf"))  # the rate that filled a queue last, and when
        self._fastest_rtt: float | None = None
        self._scale = 1.0  # measured cost over that of the model
        self._heard_at = 0.0
        self._told = False
        self._told_of = 0
        self._lost = 0.0
        self._changed_at = float("-inf")
        self.profile = self._best()

    def estimate_bps(self, profile: Profile) -> float:
        """IP bit/s while somebody speaks, as this call measured so far, RTCP not counted."""
        return self._scale * profile.ip_bps()

    def limit(self, ceiling_bps: int) -> None:
        """Another ceiling, from now on."""
        self.ceiling_bps = ceiling_bps
        if self.estimate_bps(self.profile) > self._limit:
            self.profile = self._best()

    def presume(self, loss: float, burst: float, packets: int) -> None:
        """What became of the far end's packets: on most links ours fare alike, so this holds until a report comes."""
        if not self._told and packets >= FEW_PACKETS:
            self._loss = loss
            self._cluster(burst, loss * packets)
            self._told = loss == 0 and packets >= ENOUGH_PACKETS

    def set_up_at(self, now: float, bps: float) -> None:
        """The rate at which the SIP messages of the call travelled: the first packets must not fill the queue of a slow link."""
        if bps < SLOW_SET_UP_BPS and self._budget is None:
            self._budget = max(SMALLEST_BUDGET_BPS, SET_UP_SHARE * bps)
            self._congested_at, self._wall = now, (bps, now)
            self.profile = self._best()

    def fell(self, now: float, bps: float) -> None:
        """The path was found to carry so little, IP bit/s: what was lost meanwhile was lost to a full queue."""
        self._budget = max(SMALLEST_BUDGET_BPS, SET_UP_SHARE * bps)
        self._congested_at, self._wall = now, (bps, now)
        self._loss = 0.0
        self.profile, self._changed_at = self._best(), now

    def probed(self, now: float, bps: float) -> None:
        """The path was measured to carry so much, IP bit/s, whatever filled a queue before."""
        if self._budget is None and SET_UP_SHARE * bps < self.estimate_bps(self.profile):
            self.set_up_at(now, bps)
        elif self._budget is not None and RISEN_SHARE * bps > self._budget:
            self._budget = None if RISEN_SHARE * bps > 2 * self.estimate_bps(self.base) else RISEN_SHARE * bps
            self._wall = (float("inf"), float("-inf"))
            if self._budget is None:
                self._congested_at = float("-inf")  # no queue explains what is lost from now on
            self.profile, self._changed_at = self._best(), now

    def loses(self, now: float, loss: float, burst: float) -> None:
        """The path was found to lose such a share of what is sent, so many packets in a row, and no queue is why."""
        if loss > self._loss:
            self._loss, self._told = loss, True
            self._cluster(burst, loss * ENOUGH_PACKETS)
            self.profile, self._changed_at = self._best(), now

    def measured(self, profile: Profile, ip_bps: float) -> None:
        """What a profile did cost over some seconds of speech."""
        ratio = ip_bps / profile.ip_bps()
        self._scale += CALIBRATION * (max(0.5, min(2.0, ratio)) - self._scale)

    def update(self, now: float, report: PathReport | None = None, rtt_ms: float | None = None, spoken_s: float = 0.0) -> Profile:
        """Call each second or so, with a new report if one came. now: monotonic seconds; spoken_s: of speech sent so far."""
        self._watch_queues(now, report, rtt_ms)
        first = not self._told
        if report is not None and report.packets:
            self._hear(now, report)
        self._told = self._told or spoken_s >= UNTOLD_S
        best = self._best()
        if best != self.profile and (first or self._shall_change(best, now)):
            self.profile, self._changed_at = best, now
        return self.profile

    def _hear(self, now: float, report: PathReport) -> None:
        elapsed, self._heard_at = min(FORGET_S, now - self._heard_at), now
        weight = min(1.0, report.packets / ENOUGH_PACKETS)
        if not self._told:
            self._told_of += report.packets
            self._told = self._told_of >= (FEW_PACKETS if report.loss > CLEAN_LOSS else ENOUGH_PACKETS)
            if self._told:  # the assumption no longer counts
                self._loss, weight = report.loss, 1.0
        if now - self._congested_at < SETTLE_S:
            # A full queue loses packets: that is no reason to send more.
            self._loss = 0.0
        elif report.loss > self._loss:
            self._loss += weight * (report.loss - self._loss)
        else:
            self._loss += weight * (1 - math.exp(-elapsed / FORGET_S)) * (report.loss - self._loss)
        self._lost += report.loss * report.packets
        self._cluster(report.burst, self._lost)
        self._jitter_ms += 0.5 * (report.jitter_ms - self._jitter_ms)

    def _cluster(self, burst: float, lost: float) -> None:
        """How losses cluster, judged by so many lost packets."""
        if burst > 0:
            losses = lost / max(1.0, burst)
            self._burst = (ASSUMED_LOSSES * ASSUMED_BURST + losses * max(1.0, burst)) / (ASSUMED_LOSSES + losses)

    def _watch_queues(self, now: float, report: PathReport | None, rtt_ms: float | None) -> None:
        queue_ms = (report.queue_ms or 0.0) if report is not None else 0.0
        lossy = report is not None and report.loss > CLEAN_LOSS
        queued = queue_ms > (LOSSY_QUEUE_MS if lossy else QUEUE_MS)
        if rtt_ms is not None:
            self._fastest_rtt = rtt_ms if self._fastest_rtt is None else min(self._fastest_rtt, rtt_ms)
            queued = queued or rtt_ms > 1.5 * self._fastest_rtt + 2 * QUEUE_MS or (lossy and rtt_ms > LOSSY_RTT_MS)
        if queued:
            # What was sent before the last decrease has to drain first.
            if now - self._congested_at >= SETTLE_S + queue_ms / 1000:
                delivered = 1 - report.loss if report is not None else 1.0
                sent = min(self.estimate_bps(self.profile), self._budget or float("inf"))
                self._budget = max(SMALLEST_BUDGET_BPS, DECREASE * max(LEAST_DELIVERED, delivered) * sent)
                self._congested_at, self._wall = now, (sent, now)
        elif self._budget is not None and report is not None and report.loss >= MUCH_LOSS and now - self._congested_at >= SETTLE_S:
            # Without a queue it is the path that loses them: what was let go for the queue's sake is needed for copies, at once.
            self._budget = max(self._budget, min(2 * self._budget, 0.9 * self._wall[0]))
            self._congested_at = now - SETTLE_S
        elif self._budget is not None and report is not None and report.packets and now - self._congested_at >= CLEAR_S:
            wall, built_at = self._wall
            stands_s = CONTENT_WALL_S if self.profile.detail == self.base.detail else WALL_S
            self._budget = max(self._budget, min(INCREASE * self._budget, 0.9 * wall if now - built_at < stands_s else float("inf")))
            self._congested_at = now - CLEAR_S + SETTLE_S
            if self._budget > 2 * self.estimate_bps(self.base):
                self._budget = None

    @property
    def _limit(self) -> float:
        ceiling = max(SMALLEST_BUDGET_BPS, self.ceiling_bps - RTCP_BPS) if self.ceiling_bps else float("inf")
        return min(ceiling, self._budget or float("inf"))

    @property
    def _again(self) -> float:
        """Chance that a packet is lost after a lost one."""
        return max(self._loss, 1 - 1 / self._burst) if self._loss >= CLEAN_LOSS else 0.0

    def _cost(self, profile: Profile) -> float:
        loss = max(self._loss, LEAST_LOSS)
        waits = self.waits(profile)
        words = profile.words_lost(loss, self._again, waits) + waits * WAIT_COST
        words -= LIKENESS_WORTH * profile.likeness(loss, self._again, waits)
        delay_s = profile.delay_s(self._loss, self._again) + waits * WORDS_WAIT_S
        return words + DELAY_COST * delay_s + RATE_COST * self.estimate_bps(profile) / 1000

    def _best(self) -> Profile:
        base = self._fitting_base()
        if self._loss < CLEAN_LOSS and base == self.base:
            redundancy = min(max(base.redundancy, FIRST_REDUNDANCY), self._max_redundancy)
            codes = min(base.detail, FIRST_CODES)
            wary = replace(base, redundancy=redundancy, detail=codes, repeated_detail=codes)
            return base if self._told or self._budget is not None or self.estimate_bps(wary) > self._limit else wary
        return min(self._candidates(), key=self._cost, default=base)

    def _candidates(self) -> list[Profile]:
        """Profiles that fit under the limit; without a limit, only those that keep what the base has."""
        base, limit = self.base, self._limit
        intervals = sorted({base.interval_ms, *(interval for interval in INTERVALS_MS if interval > base.interval_ms)})
        details = sorted({base.detail, *(codes for codes in DETAILS if codes < base.detail)})
        found = []
        for interval, redundancy in product(intervals, range(self._max_redundancy + 1)):
            if redundancy > 1 and redundancy * interval + 2 * self._jitter_ms > LONGEST_SPAN_MS:
                continue
            for detail in details:
                for repeated in [codes for codes in details if codes <= detail] if redundancy else [0]:
                    profile = Profile(interval, redundancy, detail, repeated)
                    if self.estimate_bps(profile) <= limit:
                        found.append(profile)
        if limit < float("inf"):
            return found
        return [
            each
            for each in found
            if (each.interval_ms, each.detail) == (base.interval_ms, base.detail) and each.redundancy >= base.redundancy
        ]

    def _fitting_base(self) -> Profile:
        """The base; if it costs too much, the nearest profile without loss; if nothing fits, the cheapest."""
        if self.estimate_bps(self.base) <= self._limit:
            return self.base
        cheapest = Profile(max(self.base.interval_ms, INTERVALS_MS[-1]), 0, 0, 0)
        return min(self._candidates(), key=self._cost, default=cheapest)

    def _shall_change(self, best: Profile, now: float) -> bool:
        current = self.profile
        if self.estimate_bps(current) > self._limit:
            return True
        protects = (best.redundancy, best.repeated_detail) > (current.redundancy, current.repeated_detail)
        if protects and self._loss >= CLEAN_LOSS:
            return self._cost(best) < self._cost(current) - WORTH_A_CHANGE
        return now - self._changed_at >= RELAX_AFTER_S

    def waits(self, profile: Profile) -> bool:
        """Whether what is said waits for its words, with this profile: where that is left open, if the words that are understood for it
        are worth the delay that the network does not ask for."""
        if self.wait != "auto":
            return self.wait == "clear"
        later_s = max(0.0, WORDS_WAIT_S - profile.delay_s(self._loss, self._again))
        quick, clear = (profile.words_lost(self._loss, self._again, waits) for waits in (False, True))
        return quick - clear > WAIT_COST + DELAY_COST * later_s

    @property
    def reason(self) -> str:
        """Why the profile is as it is, in a few words, for the call card."""
        if self.profile == self.base:
            return "as configured"
        reasons = []
        if self._loss >= CLEAN_LOSS:
            reasons.append(f"{round(100 * self._loss)} % of packets lost")
        if self._budget is not None:
            reasons.append("packets queue")
        if self.ceiling_bps and self.estimate_bps(self.base) + RTCP_BPS > self.ceiling_bps:
            reasons.append(f"at most {self.ceiling_bps} bit/s")
        return ", ".join(reasons) or ("loss that is over" if self._told else "nothing reported yet")
