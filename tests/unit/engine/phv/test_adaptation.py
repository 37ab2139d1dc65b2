"""What is sent under loss, queues and ceilings: the logic alone, with a clock of its own."""

from dataclasses import replace
from itertools import pairwise

import pytest

from softphone.engine.phv.adaptation import (
    CONTENT_WALL_S,
    ENOUGH_PACKETS,
    FIRST_REDUNDANCY,
    RELAX_AFTER_S,
    UNTOLD_S,
    Adaptation,
    PathReport,
)
from softphone.engine.phv.rate_model import RTCP_BPS, Profile

BASE = Profile(160, 1, 2, 0)
CLEAN = PathReport(0.0, 20)
LOSSY = PathReport(0.3, 20, burst=1.4)
BURSTY = PathReport(0.3, 20, burst=3.0)
QUEUED = PathReport(0.0, 20, queue_ms=900)


class Call:
    """A clock and a report each two seconds."""

    def __init__(self, ceiling: int = 0, base: Profile = BASE, max_redundancy: int = 11, wait: str = "auto") -> None:
        self.now = 100.0
        self.spoken_s = 0.0
        self.adaptation = Adaptation(base, ceiling, max_redundancy, wait)

    def goes_on(self, report: PathReport | None, seconds: int, rtt_ms: float | None = None) -> Profile:
        for second in range(seconds):
            self.now += 1
            self.spoken_s += 1
            self.adaptation.update(self.now, report if second % 2 == 0 else None, rtt_ms, self.spoken_s)
        return self.adaptation.profile


def test_an_unknown_path_is_met_with_care_until_it_is_told_to_be_clean() -> None:
    call = Call()
    careful = call.adaptation.profile
    assert careful == replace(BASE, redundancy=FIRST_REDUNDANCY, repeated_detail=2)
    assert call.adaptation.reason == "nothing reported yet"
    assert call.goes_on(PathReport(0.0, ENOUGH_PACKETS // 2 + 1), 1) == careful
    assert call.goes_on(PathReport(0.0, ENOUGH_PACKETS // 2 + 1), 2) == BASE


def test_a_path_that_nobody_reports_on_is_clean_after_some_speech() -> None:
    call = Call()
    assert call.goes_on(None, int(UNTOLD_S) - 1) != BASE
    assert call.goes_on(None, 1) == BASE


def test_our_packets_are_taken_to_fare_like_those_of_the_far_end_until_it_reports() -> None:
    call = Call()
    call.adaptation.presume(0.3, 3.0, 100)
    assert call.goes_on(None, 1).redundancy > FIRST_REDUNDANCY
    assert call.goes_on(CLEAN, 4 + int(RELAX_AFTER_S)) == BASE
    call.adaptation.presume(0.3, 3.0, 100)
    assert call.goes_on(None, 4) == BASE
    clean = Call()
    clean.adaptation.presume(0.0, 0.0, ENOUGH_PACKETS)
    assert clean.goes_on(None, 1) == BASE


def test_a_call_that_was_set_up_slowly_begins_with_what_fits() -> None:
    call = Call(wait="quick")
    call.adaptation.set_up_at(call.now, 2300)
    began = call.adaptation.profile
    assert began.detail == BASE.detail
    assert began.ip_bps() < 0.8 * 2300
    assert call.goes_on(CLEAN, 60).ip_bps() < 0.9 * 2300
    fast = Call()
    fast.adaptation.set_up_at(fast.now, 64000)
    assert fast.goes_on(CLEAN, 20) == BASE


def test_a_path_that_a_probe_shows_to_be_slow_gets_what_fits_before_it_queues() -> None:
    """The phone that is called knows the rate of no SIP message."""
    call = Call(base=replace(BASE, detail=6))
    call.adaptation.probed(call.now, 2400.0)
    assert call.adaptation.profile.ip_bps() <= 1800
    fast = Call(base=replace(BASE, detail=6))
    before = fast.adaptation.profile
    fast.adaptation.probed(fast.now, 56_000.0)
    assert fast.adaptation.profile == before


def test_words_are_worth_more_than_a_likeness_that_comes_late() -> None:
    profile = Call(2400, replace(BASE, detail=8)).goes_on(CLEAN, 5)
    assert profile.interval_ms == 320


def test_a_clean_path_gets_what_is_configured() -> None:
    call = Call()
    assert call.goes_on(CLEAN, 60, rtt_ms=40) == BASE
    assert call.goes_on(PathReport(0.01, 20, burst=1), 60) == BASE
    assert call.adaptation.reason == "as configured"


def test_loss_is_answered_at_once_and_forgotten_slowly() -> None:
    call = Call(wait="quick")
    protected = call.goes_on(LOSSY, 1)
    assert protected.redundancy >= 2
    assert protected.repeated_detail == 2
    assert (protected.interval_ms, protected.detail) == (BASE.interval_ms, BASE.detail)
    assert "30 %" in call.adaptation.reason
    assert call.goes_on(CLEAN, int(RELAX_AFTER_S) - 2) == protected
    assert call.goes_on(CLEAN, 120) == BASE


def test_bursts_need_more_than_single_losses() -> None:
    assert Call().goes_on(BURSTY, 10).redundancy > Call().goes_on(LOSSY, 10).redundancy


def test_one_lost_packet_of_few_is_no_alarm() -> None:
    assert Call().goes_on(PathReport(0.5, 1, burst=1), 1).redundancy <= 2


def test_profiles_do_not_flap() -> None:
    call, seen = Call(), []
    for second in range(120):
        call.now += 1
        seen.append(call.adaptation.update(call.now, replace(LOSSY, loss=0.25 + 0.1 * (second % 3 - 1))))
    assert sum(a != b for a, b in pairwise(seen)) <= 4


@pytest.mark.parametrize("ceiling", [1000, 1200, 1600, 2400, 3200, 4800])
@pytest.mark.parametrize("report", [CLEAN, LOSSY, BURSTY])
def test_the_ceiling_holds_whatever_happens(ceiling: int, report: PathReport) -> None:
    call = Call(ceiling)
    assert call.adaptation.profile.ip_bps() + RTCP_BPS <= ceiling
    for _ in range(20):
        profile = call.goes_on(report, 2)
        assert profile.ip_bps() + RTCP_BPS <= ceiling


def test_a_narrow_ceiling_gives_up_the_interval_first() -> None:
    profile = Call(1450, wait="quick").goes_on(CLEAN, 5)
    assert profile.interval_ms == 640
    assert profile.detail == 2
    assert "1600" in Call(1600).adaptation.reason


def test_a_narrow_ceiling_gives_up_the_details_first_where_words_are_waited_for() -> None:
    profile = Call(1600).goes_on(CLEAN, 5)
    assert (profile.interval_ms, profile.detail) == (320, 0)


def test_what_does_not_fit_at_all_is_sent_as_cheaply_as_can_be() -> None:
    assert Call(800).adaptation.profile == Profile(640, 0, 0, 0)


def test_a_call_that_costs_more_than_the_model_says_is_held_below_the_ceiling() -> None:
    call = Call(1600)
    before = call.goes_on(CLEAN, 5)
    assert before.interval_ms == 320
    for _ in range(40):
        call.adaptation.measured(call.adaptation.profile, 1.5 * call.adaptation.profile.ip_bps())
        call.goes_on(CLEAN, 2)
    after = call.adaptation.profile
    assert after != before
    assert 1.45 * after.ip_bps() + RTCP_BPS <= 1600


def test_queues_lower_the_rate_and_it_comes_back() -> None:
    call = Call()
    before = call.goes_on(CLEAN, 4).ip_bps()
    assert call.goes_on(QUEUED, 3).ip_bps() < 0.8 * before
    lower = call.goes_on(QUEUED, 20).ip_bps()
    assert lower < 0.6 * before
    assert "queue" in call.adaptation.reason
    assert call.goes_on(CLEAN, int(CONTENT_WALL_S) + 100) == BASE


def test_a_growing_round_trip_stands_for_a_queue() -> None:
    call = Call()
    call.goes_on(None, 10, rtt_ms=60)
    assert call.goes_on(None, 10, rtt_ms=2500).ip_bps() < BASE.ip_bps()
    steady = Call()
    assert steady.goes_on(None, 60, rtt_ms=2500) == BASE


def test_loss_from_a_queue_is_not_answered_with_more_of_everything() -> None:
    assert Call().goes_on(PathReport(0.3, 20, burst=2, queue_ms=1500), 30).ip_bps() < BASE.ip_bps()


def test_loss_without_a_queue_is_answered_on_a_path_that_fell() -> None:
    call = Call()
    call.goes_on(CLEAN, 20)
    call.adaptation.fell(call.now, 1900.0)
    before = call.goes_on(QUEUED, 10)
    assert call.goes_on(PathReport(0.3, 12, 3.0, 20.0), 8).redundancy > before.redundancy
    assert call.adaptation.profile.ip_bps() < 1900.0


def test_loss_that_ended_the_sound_is_answered_before_any_report_on_tokens() -> None:
    call = Call()
    call.goes_on(CLEAN, 20)
    call.adaptation.loses(call.now, 0.3, 3.0)
    assert call.adaptation.profile.redundancy > 1 and "30 % of packets lost" in call.adaptation.reason


def test_loss_counts_at_once_on_a_path_that_is_fast_again() -> None:
    call = Call()
    call.goes_on(CLEAN, 20)
    call.adaptation.fell(call.now, 1900.0)
    call.goes_on(QUEUED, 4)
    call.adaptation.probed(call.now, 56_000.0)
    assert call.goes_on(LOSSY, 1).redundancy > 1


def test_a_queue_that_overflows_is_known_from_the_round_trip_alone() -> None:
    # A call that begins on a full link has never seen it empty.
    call = Call()
    assert call.goes_on(PathReport(0.3, 20), 9, rtt_ms=2100).ip_bps() < 0.8 * BASE.ip_bps()
    assert "queue" in call.adaptation.reason


def test_loss_that_stays_when_the_queue_is_gone_is_answered() -> None:
    call = Call()
    call.goes_on(PathReport(0.3, 20, burst=1.4, queue_ms=600), 3)
    assert "lost" not in call.adaptation.reason
    call.goes_on(LOSSY, 10)
    assert "lost" in call.adaptation.reason


def test_jitter_shortens_what_redundancy_may_span() -> None:
    calm, rough = Call(), Call()
    deep = calm.goes_on(PathReport(0.6, 20, burst=2.5, jitter_ms=10), 20)
    assert deep.redundancy > rough.goes_on(PathReport(0.6, 20, burst=2.5, jitter_ms=250), 20).redundancy


def test_the_far_end_limits_what_is_repeated() -> None:
    assert Call(max_redundancy=2).goes_on(BURSTY, 20).redundancy <= 2


def test_what_the_user_asked_for_is_the_least() -> None:
    wanted = Profile(320, 3, 2, 0)
    assert Call(base=wanted).goes_on(CLEAN, 60) == wanted
    assert Call(base=replace(wanted, detail=0)).goes_on(LOSSY, 60).detail == 0


@pytest.mark.parametrize("wait", ["quick", "clear"])
def test_what_a_link_has_room_for_goes_into_codes_of_detail(wait: str) -> None:
    """On 4.8 kbit/s the headers take two thirds of the bytes: another kilobit of codes costs little."""
    most = replace(BASE, detail=8)
    assert Call(base=most, wait=wait).goes_on(CLEAN, 60) == most
    assert Call(4800, most, wait=wait).goes_on(CLEAN, 60).detail == 8
    assert Call(1200, most, wait=wait).goes_on(CLEAN, 60).detail < 4
