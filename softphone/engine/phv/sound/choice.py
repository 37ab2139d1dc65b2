"""Whether a stream of x-phv sends sound, and how finely, or tokens alone: by what the far end reports of the path, below a ceiling.

Where packets are lost, the same rate goes into a coarser sound that is sent more than once (`level.form`). Quick to protect: a queue, loss
beyond what that and libopus repair, or reports that stay away end the sound at once. Slow to relax: the path has to
be clean for a while, which doubles with each try that failed, and a pair of packets has to show that it carries sound (packet pair: Keshav
1991). Knows no clock, no PJSIP and no codec: the caller passes the time.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

from codec.wire.sound import SoundReport
from softphone.engine.phv.rate_model import RTCP_BPS
from softphone.engine.phv.sound.level import LEVELS, SoundLevel, form
from softphone.engine.phv.sound.path import LOSSY

Mode = Literal["auto", "always"]

QUEUE_MS = 120.0
"""Packets that take so much longer than the fastest wait in a queue: less is sent,"""
FULL_QUEUE_MS = 400.0
"""and here no sound."""
MOST_LOSS, OBVIOUS_LOSS = 0.22, 0.5
"""Of the sound, copies counted: libopus makes up for single packets; beyond this too many words are lost, and repeated tokens are
understood better. The second of packets: believed at once."""
LOSS_TO_BEGIN = 0.16
MARGIN = 1.35
"""The path must seem to carry so many times what is sent."""
FIRST_REPORT_S = 2.0
REPORT_S, SLOWEST_REPORT_S, REPORT_PACKETS = 0.65, 2.0, 4
"""Where no report comes for so long after a packet that should have one, and for so many packets, the path is taken to be broken;"""
REPORT_FACTOR, REPORT_SPARE_S = 1.5, 0.15
"""or for so many times the longest wait of late and a little more, where that is longer: reports travel,"""
REPORT_EACH_S, REPORTS_LOST = 0.15, 0.002
"""and are lost, too: as many of them in a row as happens with this chance."""
NEW_S = 3.0
"""In the first seconds of a call it is not known yet how many are lost: every report has the time of the first."""
WAIT_FORGOTTEN = 0.99
"""Of the longest wait, with each report."""
HOPE_S = 6.0
"""So long after sound began loss does not end it where a higher level would repair it: probes are lost too."""
CLEAN_S, FAILED_S = 1.0, 10.0
"""So much sound has to go well at a level before the next one is tried, and before one is tried again that filled a queue;"""
NO_ROOM_S = 25.0
"""before another probe goes after one that showed no room;"""
AGAIN_S = 1.5
"""and so long after sound ended it may begin again;"""
PROBE_SHARE, PROBE_BITS = 0.05, 1120
"""and probes take no more than this share of what a path is known to carry;"""
LONGEST_S, LONGEST_AGAIN_S = 60.0, 6.0
"""both double with each failure up to this,"""
STABLE_S = 25.0
"""and halve after so long without one."""
FIRST_PROBE_S = 0.2
PROBE_ANSWER_S, SAME_ANSWER_S = 2.5, 0.4
"""So long an answer may take, and so long the same rate is the same answer, told again in case it was lost."""
CONFIRM_SHARE, CONFIRM_S = 0.5, 0.4
"""A probe that shows less than this share of what the path was known to carry may have met another packet between its own, such as the last
SIP message of the set-up: it is believed when the next one, so much later, shows it too; by then the first is told no more."""
BUSY_S = 3.0
"""A probe waits so long at most for the far end to be silent: who never is would keep us on tokens for good."""
RETRY_S, TRIES, BLIND_TRIES = 0.7, 4, 2
"""Where packets are lost (LOSSY) a probe is of three packets while no sound goes, and goes again after
so long, so often; the last where the rate is not known."""
MORE_LOSS_SHARE, LESS_LOSS_SHARE = 0.4, 0.05
"""Of the newest report, of which several come a second."""
JITTER_SHARE = 0.1
JITTER_LIKE_LOSS_MS = 340.0
"""Packets that overtake each other are lost to a jitter buffer that does not wait for all. Of packets of 20 ms that are late by 0 to 100
ms (a jitter of 33) a quarter came too late, of packets of 40 ms that go twice 1 %; with three times as much jitter 60, and 13, of four
times 2."""
UNTOLD_S, LOSSY_UNTOLD_S = 1.0, 0.3
"""Where nothing at all went for so long, no report is owed for what went before. Opus tells of silence each 400 ms, which counts, except
where packets are lost: then those few may all be lost, or their reports."""
SILENCE_S = 0.3
"""Between packets of sound: Opus had nothing to say (DTX), which says nothing about what the path carries."""
FALLEN_BPS, NOTED_LOSS = 1900.0, 0.08
"""What a path is taken to carry from which nothing is heard any more; but not where so much was lost before, for then that is why."""
FAST_START_BPS = 35_000.0
FIRST_LEVEL = 1
PROBED_MARGIN = 1.2
"""A probe while sound goes shows what the path carries, before more is sent; a queue shows it too."""
SETTLE_S = 0.5
CALM_S, CALM_LOSS, CALM_QUEUE_MS, CALM_REPORT = 5.0, 0.03, 60.0, 0.5
"""A path is calm whose sound has not changed for so long, nor lost or queued more, and whose report is not later than this share of the
time after which the sound ends."""


class SoundChoice:
    """One direction of one call. most_bps: bit rate of Opus that the far end takes; ceiling_bps: in IP bit/s, RTCP counted, 0 for none."""

    def __init__(self, mode: Mode, most_bps: int = LEVELS[-1].bit_rate, ceiling_bps: int = 0) -> None:
        self.reason = "nothing reported yet"
        """Why it is as it is, in a few words."""
        self._mode = mode
        self._most_bps = most_bps
        self._level: int | None = None
        self._highest = -1
        self.limit(ceiling_bps)
        self._began: float | None = None
        self._known = (float("inf"), float("-inf"))  # what the path was found to carry, and when
        self._changed_at = self._sound_since = self._troubled_at = float("-inf")
        self._sent_at = float("-inf")
        self._gap_s = 0.0  # between the last two packets of sound
        self._unreported = 0
        self._waits_since = 0.0  # for a report: when the first packet after the last report went
        self._longest_wait_s = FIRST_REPORT_S
        self._sound_s = 0.0  # of sound sent at this level
        self._patience_s, self._again_s = CLEAN_S, AGAIN_S
        self._loss = self._burst = self._jitter_ms = 0.0
        self.fallen_bps: float | None = None
        """Set where sound ended because the path carries less now: so much, in IP bit/s. To be taken out by the owner."""
        self.ended_in_loss: tuple[float, float] | None = None
        """Set where sound ended because packets are lost: share, and how many in a row. To be taken out by the owner."""
        self.busy = False
        """Whether the far end sends sound now: where both share a link, a probe would show what is left of it."""
        self.risen_bps: float | None = None
        """Set where a probe told what the path carries."""
        self._fell_at = float("-inf")  # the path was taken to be slow, and no probe has shown otherwise
        self.is_confirmed = False
        """Whether a report ever said that sound arrives."""
        self._needed = False
        self._uneasy_at = float("-inf")
        self._tries = 0
        self._probe_at = float("inf")
        self._probed_at = float("-inf")
        self._answer = (0.0, float("-inf"))  # the rate that was told last, and when for the first time
        self._doubted = False  # the last probe's answer was not believed

    def limit(self, ceiling_bps: int) -> None:
        """Another ceiling, from now on."""
        self._ceiling_bps = ceiling_bps
        fits = [n for n, level in enumerate(LEVELS) if not ceiling_bps or level.ip_bps + RTCP_BPS <= ceiling_bps]
        rated = [n for n in fits if LEVELS[n].bit_rate <= self._most_bps]
        self._highest = max(rated, default=-1)
        if self._highest < 0:
            self.reason = f"at most {ceiling_bps} bit/s"
        if self._level is not None and self._level > self._highest:
            self._level = self._highest if self._highest >= 0 else None

    def begin(self, now: float, link_bps: float | None) -> None:
        """The call is up. link_bps: the rate at which its SIP messages went; None where that was too fast to tell."""
        if self._began is not None:
            return
        self._began = now
        if link_bps is not None:
            self._known = (link_bps, now)
        if link_bps is None or link_bps >= FAST_START_BPS:
            self._start(now, FIRST_LEVEL)
            self._probe_at = now + FIRST_PROBE_S
        elif link_bps > 1.2 * LEVELS[0].ip_bps:
            self._probe_at = now + FIRST_PROBE_S
            self.reason = "the path is measured"
        else:
            self._fail(now, f"a link of {round(link_bps, -2):.0f} bit/s")

    @property
    def loss(self) -> float:
        """Share of our packets that is lost lately."""
        return self._loss

    @property
    def level(self) -> SoundLevel | None:
        """None: tokens alone."""
        return None if self._level is None else self._form(self._level)

    def _form(self, level: int) -> SoundLevel:
        return self._form_for(level, self._loss)

    def _form_for(self, level: int, loss: float) -> SoundLevel:
        loss = max(loss, self._jitter_ms / JITTER_LIKE_LOSS_MS)
        return form(level, loss, self._burst, self._most_bps, max(1.0, self._ceiling_bps - RTCP_BPS) if self._ceiling_bps else 0.0)

    def _lost(self, level: int, loss: float) -> float:
        """Share of the sound that is lost at a level where so many packets are."""
        return self._form_for(level, loss).lost(loss, self._burst)

    def step(self, now: float, *, needed: bool = False) -> SoundLevel | None:
        """What to send now; to be asked a few times a second. needed: tokens are not possible now, so that there is sound where the
        ceiling allows any, and the path is not known to be too slow for it."""
        if self._level is not None:
            self._watch(now)
        known_bps, known_at = self._known
        self._needed = needed
        too_slow = (known_bps < LEVELS[0].ip_bps and now - known_at < LONGEST_S) or now - self._fell_at < LONGEST_S
        if needed and too_slow:
            return self.level  # it would fill the queue, and nothing of it be understood
        if (self._mode == "always" or needed) and self._level is None and self._highest >= 0:
            return self._form(min(self._highest, 0 if now - self._troubled_at < LONGEST_S else 1))
        return self.level

    def sent(self, now: float) -> None:
        """A packet with sound went out."""
        gap, self._sent_at = now - self._sent_at, now
        self._gap_s = gap
        if not self._unreported or gap > (LOSSY_UNTOLD_S if self._loss > CALM_LOSS else UNTOLD_S):
            self._unreported, self._waits_since = 0, now  # what was sent before a pause has its report, or will have none
        self._unreported += 1
        if gap > SILENCE_S:
            self._sound_s = max(0.0, self._sound_s - gap)
        self._sound_s += (self._form(self._level).packet_ms if self._level is not None else 0) / 1000

    def report(self, now: float, report: SoundReport) -> None:
        """What the far end says of the path."""
        if self._unreported:
            waited = min(SLOWEST_REPORT_S, now - self._waits_since)
            first = self._longest_wait_s >= FIRST_REPORT_S
            self._longest_wait_s = waited if first else max(WAIT_FORGOTTEN * self._longest_wait_s, waited)
        self._unreported = 0
        if report.rate_bps and report.path.queue_ms < CALM_QUEUE_MS:  # of a probe, and not of packets that queue
            again = report.rate_bps == self._answer[0] and now - self._answer[1] < SAME_ANSWER_S
            self._answer = (report.rate_bps, self._answer[1] if again else now)
            if again:
                report = replace(report, rate_bps=0.0)
        if report.rate_bps and now - self._probed_at < PROBE_ANSWER_S:
            self._probe_answered(now)
        if self._doubts(report):
            report = replace(report, rate_bps=0.0)
            self._probe_at = now + CONFIRM_S
        path = report.path
        if self._level is None and report.rate_bps and not path.queue_ms > QUEUE_MS:
            self.risen_bps = report.rate_bps
            self._known = (report.rate_bps, now)
            self._fell_at = float("-inf")
        elif self._level is None and self._needed and path.queue_ms > FULL_QUEUE_MS and 0 < report.rate_bps < LEVELS[0].ip_bps:
            self._known = (report.rate_bps, now)  # not even the lowest level, which goes for want of tokens, gets through
        if path.loss > CALM_LOSS or path.queue_ms > CALM_QUEUE_MS:
            self._uneasy_at = now
        self._burst = path.burst or self._burst
        self._jitter_ms += JITTER_SHARE * (path.jitter_ms - self._jitter_ms)
        if path.loss > OBVIOUS_LOSS or self._level is None:
            self._loss = path.loss
        else:
            self._loss += (MORE_LOSS_SHARE if path.loss > self._loss else LESS_LOSS_SHARE) * (path.loss - self._loss)
        if self._level is not None:
            self.is_confirmed = True
            self._judge(now, report)
        elif report.rate_bps and path.queue_ms < QUEUE_MS and now - self._probed_at < PROBE_ANSWER_S:
            fitting = [n for n in range(self._highest + 1) if MARGIN * LEVELS[n].ip_bps <= report.rate_bps]
            audible = [n for n in fitting if self._lost(n, path.loss) <= LOSS_TO_BEGIN]
            if audible:
                # The lowest level that loses little.
                self._start(now, max(audible[0], min(fitting[-1], FIRST_LEVEL)))
            elif fitting:
                self._fail(now, f"{round(100 * path.loss)} % of packets lost")
            else:
                self._fail(now, f"the path carries {round(report.rate_bps, -2):.0f} bit/s")
                if not self.busy:
                    self._again_s = min(LONGEST_AGAIN_S, 2 * self._again_s)
        elif not report.rate_bps and path.queue_ms < QUEUE_MS and now - self._probed_at > AGAIN_S:
            self._probe_at = now  # the far end says that packets come faster than before

    def _doubts(self, report: SoundReport) -> bool:
        """Whether what a probe tells is too little to be believed at once."""
        if self._level is not None or not report.rate_bps or report.path.queue_ms > QUEUE_MS:
            return False
        self._doubted = not self._doubted and report.rate_bps < CONFIRM_SHARE * self._known[0] < float("inf")
        return self._doubted

    def heard_fast(self, now: float) -> None:
        """What the far end sends travels as fast as while sound went: then the path may carry sound in both directions again."""
        slow = self.seems_slow or self._known[0] < MARGIN * LEVELS[0].ip_bps
        patience_s = AGAIN_S if slow else self._again_s
        if self._level is not None or now - self._probed_at < AGAIN_S or now - self._troubled_at < patience_s:
            return
        if slow:
            self._fell_at, self._known, self._again_s = float("-inf"), (float("inf"), float("-inf")), AGAIN_S
        self._tries, self._probe_at, self.busy = 0, now, False

    def gives_way(self, now: float, queue_ms: float) -> None:
        """The far end's tokens wait so long in a queue. The silence of sound is a third of what a link of 2.4 kbit/s carries, and on one
        that both share it is what they wait for."""
        silent = max(self._gap_s, now - self._sent_at) > SILENCE_S
        if self._level is not None and self._mode == "auto" and silent and queue_ms > FULL_QUEUE_MS:
            self._stop(now, "packets queue", FALLEN_BPS)

    def is_calm(self, now: float) -> bool:
        """Whether sound goes, and nothing says that it will end soon: then tokens may be late for a moment."""
        if self._mode == "always":
            return self._level is not None
        waits = self._unreported >= REPORT_PACKETS and now - self._waits_since > CALM_REPORT * self._report_s(now)
        return self._level is not None and not waits and now - max(self._changed_at, self._uneasy_at) > CALM_S

    @property
    def probes_for_much(self) -> bool:
        """Whether a probe has to show more than the lowest levels need: beside sound, and where only a higher one survives the loss."""
        lossy = self._loss > LOSS_TO_BEGIN and self._known[0] > LEVELS[0].ip_bps and not self.seems_slow
        return self._level is not None or lossy

    @property
    def seems_slow(self) -> bool:
        """Whether the path was taken to be slow, and no probe has shown otherwise: a probe is small then, as what is said waits behind it,
        and what was lost was lost to a full queue."""
        return self._fell_at > float("-inf")

    def wants_probe(self, now: float) -> bool:
        """Whether a pair of packets should go that shows what the path carries; it is then taken to go."""
        if self._highest < 0 or now < self._probe_at:
            return False
        if self.busy and self._level is None and now < self._probe_at + BUSY_S:
            return False
        self._probed_at = now
        self._tries += 1
        tries = TRIES if self._level is not None or LEVELS[0].ip_bps < self._known[0] < float("inf") else BLIND_TRIES
        if self._loss > LOSSY and not self.seems_slow and self._tries < tries:
            self._probe_at = now + RETRY_S
            return True
        if self._tries > 1:
            self._again_s = min(LONGEST_AGAIN_S, 2 * self._again_s)
        self._tries = 0
        # Again where no answer comes; while sound goes, once.
        self._probe_at = now + max(PROBE_ANSWER_S, self._next_probe_s) if self._level is None else float("inf")
        return True

    @property
    def probe_packets(self) -> int:
        """Of a probe: two that follow one another have to arrive. There is no room for more between packets of sound."""
        return 3 if self._loss > LOSSY and not self.seems_slow and self._level is None else 2

    def _probe_answered(self, now: float) -> None:
        if self._tries > 0:
            self._tries, self._probe_at = 0, float("inf") if self._level is not None else now + max(PROBE_ANSWER_S, self._next_probe_s)

    def _start(self, now: float, level: int) -> None:
        if self._highest < 0:
            return
        self._level = min(level, self._highest)
        self._changed_at = self._sound_since = now
        self._unreported, self._longest_wait_s, self._sound_s = 0, FIRST_REPORT_S, 0.0
        self.reason = "the path carries it"

    def _watch(self, now: float) -> None:
        if self._unreported >= REPORT_PACKETS and now - self._waits_since > self._report_s(now) and self._mode == "auto":
            # Where packets are lost so are reports: that says nothing about the rate.
            self._stop(now, "nothing is heard from the other side", 0.0 if self._loss > NOTED_LOSS and self.is_confirmed else FALLEN_BPS)
        elif now - self._troubled_at > STABLE_S and now - self._changed_at > STABLE_S:
            self._patience_s, self._again_s = max(CLEAN_S, self._patience_s / 2), max(AGAIN_S, self._again_s / 2)
            self._troubled_at = now

    def _report_s(self, now: float) -> float:
        """How long a report may take."""
        if self._longest_wait_s >= FIRST_REPORT_S or (self._began is not None and now - self._began < NEW_S):
            return FIRST_REPORT_S
        usual = REPORT_SPARE_S + REPORT_FACTOR * self._longest_wait_s
        if REPORTS_LOST < self._loss < 1:
            again = max(self._loss, 1 - 1 / max(1.0, self._burst))
            usual += REPORT_EACH_S * math.log(REPORTS_LOST / self._loss) / math.log(again)
        return min(SLOWEST_REPORT_S, max(REPORT_S, usual))

    def _judge(self, now: float, report: SoundReport) -> None:
        level, path, rate = self._level or 0, report.path, report.rate_bps
        queued = path.queue_ms > QUEUE_MS
        # What the rate of arrival in a queue, or a probe without one, leaves room for.
        carries = [n for n in range(self._highest + 1) if PROBED_MARGIN * LEVELS[n].ip_bps <= rate]
        if self._lost(level, min(path.loss, self._loss)) > MOST_LOSS and not self._hopes(now, level):
            self._stop(now, f"{round(100 * self._loss)} % of packets lost")
            self.ended_in_loss = self._loss, self._burst
        elif queued and ((rate and not carries) or (level == 0 and path.queue_ms > FULL_QUEUE_MS)):
            self._stop(now, "packets queue", rate or FALLEN_BPS, known=rate > 0)
        elif queued:
            if now - self._changed_at > SETTLE_S and level > 0:  # what was sent before the last change has to drain first
                self._lower(now, min(level - 1, carries[-1] if carries else level - 1))
        elif rate and now - self._probed_at < PROBE_ANSWER_S:
            if carries and carries[-1] > level:
                self._raise(now, carries[-1])
            else:
                # A probe is a queue of its own: where it showed that there is no room the next one has time.
                self._patience_s, self._sound_s = min(LONGEST_S, max(NO_ROOM_S, 2 * self._patience_s)), 0.0
        elif self._may_rise(level) and now - self._probed_at > PROBE_ANSWER_S:
            self._probe_at = now

    def _may_rise(self, level: int) -> bool:
        return self._sound_s > self._patience_s and level < self._highest

    def _hopes(self, now: float, level: int) -> bool:
        """Whether a probe is under way, or soon will be, that may show room for a level on which less of the sound is lost."""
        better = any(self._lost(n, self._loss) <= LOSS_TO_BEGIN for n in range(level + 1, self._highest + 1))
        return better and now - self._sound_since < HOPE_S

    def _raise(self, now: float, level: int) -> None:
        self._level, self._changed_at, self._sound_s = level, now, 0.0
        self.reason = "the path carries it"

    def _lower(self, now: float, level: int) -> None:
        self._patience_s = min(LONGEST_S, max(FAILED_S, 2 * self._patience_s))
        self._level, self._changed_at, self._troubled_at, self._sound_s = level, now, now, 0.0
        self.reason = "packets queue"

    def _stop(self, now: float, reason: str, fallen_bps: float = 0.0, known: bool = False) -> None:
        """fallen_bps: what the path is taken to carry now, 0 where its rate is not the reason; known: whether that was measured."""
        if self._mode == "always":
            self._lower(now, 0)
            return
        if now - self._sound_since < STABLE_S:
            self._again_s = min(LONGEST_AGAIN_S, 2 * self._again_s)
        self._level, self._changed_at = None, now
        self.fallen_bps = fallen_bps or None
        self._fell_at = now if fallen_bps else self._fell_at
        self._known = (fallen_bps, now) if known else (float("inf"), float("-inf"))
        self._fail(now, reason)

    def _fail(self, now: float, reason: str) -> None:
        self._troubled_at, self.reason = now, reason
        self._probe_at = max(self._probe_at if self._probe_at < float("inf") else 0.0, now + self._next_probe_s)

    @property
    def _next_probe_s(self) -> float:
        """Without sound, so long until the next probe: on a slow link one takes most of a second."""
        return max(self._again_s, PROBE_BITS / (PROBE_SHARE * self._known[0]))
