"""Sound or tokens: quick to protect, slow to relax, never above a ceiling."""

from itertools import pairwise

import pytest

from codec.wire.link_report import LinkReport
from codec.wire.sound import SoundReport
from softphone.engine.phv.sound.choice import BLIND_TRIES, FALLEN_BPS, SoundChoice
from softphone.engine.phv.sound.level import LEVELS

FAST = SoundReport(LinkReport(0.0, 0.0, 0.0, 5.0), 56_000)
CLEAN = SoundReport(LinkReport(0.0, 0.0, 0.0, 5.0))


def report(loss: float = 0.0, queue_ms: float = 0.0, rate_bps: float = 0.0) -> SoundReport:
    return SoundReport(LinkReport(loss, 1.3 if loss else 0.0, queue_ms, 5.0), rate_bps)


class Sender:
    """Speaks all the time, and is told something five times a second."""

    def __init__(self, choice: SoundChoice, link_bps: float | None = None) -> None:
        self.choice, self.now = choice, 100.0
        choice.begin(self.now, link_bps)
        self.rates: list[int] = []
        self.probes = 0

    def go(self, seconds: float, told: SoundReport | None, answer: SoundReport | None = None) -> int:
        """The bit rate afterwards, 0 for tokens. told: of sound; answer: to a probe."""
        for _ in range(round(seconds * 5)):
            self.now += 0.2
            level = self.choice.step(self.now)
            if level is not None:
                for _ in range(200 // level.packet_ms):
                    self.choice.sent(self.now)
                if told is not None:
                    self.choice.report(self.now, told)
            if self.choice.wants_probe(self.now):
                self.probes += 1
                if answer is not None:
                    self.choice.report(self.now + 0.1, answer)
            self.rates.append(0 if self.choice.level is None else self.choice.level.bit_rate)
        return self.rates[-1]


def test_a_clean_fast_path_gets_the_best_sound_within_seconds() -> None:
    assert Sender(SoundChoice("auto")).go(4, CLEAN, answer=FAST) == 24_000


def test_more_is_sent_only_after_a_probe_showed_room_for_it() -> None:
    sender = Sender(SoundChoice("auto"))
    assert sender.go(60, CLEAN, answer=report(rate_bps=24_000)) == 8000
    assert max(sender.rates) == 8000 and 1 <= sender.probes <= 6
    assert sender.go(60, CLEAN, answer=FAST) == 24_000


def test_silence_says_nothing_about_what_a_path_carries() -> None:
    choice = SoundChoice("auto")
    choice.begin(0.0, None)
    for now in range(1, 60):
        choice.sent(now)  # Opus sends next to nothing
        choice.report(now + 0.1, CLEAN)
    assert choice.step(60.0) != LEVELS[-1]


@pytest.mark.parametrize("answered", [False, True])
def test_a_path_that_never_answered_gets_no_sound_though_nobody_speaks(answered: bool) -> None:
    """A call that came in over a slow link: its SIP messages were too few to tell the rate."""
    choice = SoundChoice("auto")
    choice.begin(0.0, None)
    for step in range(1, 12):
        choice.sent(0.4 * step)  # Opus tells of silence
        if answered:
            choice.report(0.4 * step + 0.1, CLEAN)
        choice.step(0.4 * step + 0.2)
    assert (choice.level is None) != answered
    assert choice.fallen_bps == (None if answered else FALLEN_BPS)


def test_a_probe_beside_sound_saves_the_climb() -> None:
    choice = SoundChoice("auto")
    choice.begin(0.0, None)
    assert choice.wants_probe(0.3) and not choice.wants_probe(0.4)
    choice.report(0.5, report(rate_bps=56_000))
    assert choice.step(0.6) == LEVELS[-1]


def test_a_slow_link_gets_no_sound_and_few_probes() -> None:
    sender = Sender(SoundChoice("auto"), link_bps=2400)
    assert sender.go(120, CLEAN, answer=report(rate_bps=2300)) == 0
    assert not any(sender.rates)
    assert 5 <= sender.probes <= 14


def test_a_link_of_unknown_rate_is_measured_before_sound_goes() -> None:
    sender = Sender(SoundChoice("auto"), link_bps=20_000)
    assert sender.go(0.6, CLEAN, answer=report(rate_bps=24_000)) == 8000
    assert sender.probes == 1


def test_a_probe_that_shows_far_less_than_the_set_up_is_believed_the_second_time() -> None:
    """At 24 kbit/s a SIP message took 300 ms, between the two packets of the first probe."""
    for second, sound in ((report(rate_bps=23_000), True), (report(rate_bps=1900), False)):
        choice = SoundChoice("auto")
        choice.begin(100.0, 20_000)
        assert choice.wants_probe(100.3)
        choice.report(100.7, report(rate_bps=1900))
        assert choice.risen_bps is None and not choice.wants_probe(100.8)
        assert choice.wants_probe(101.2)
        choice.report(101.3, second)
        assert (choice.level is not None) == sound and choice.risen_bps == second.rate_bps
        assert not choice.wants_probe(102.0)


@pytest.mark.parametrize(("queue_ms", "speaks", "goes_on"), [(900.0, False, False), (900.0, True, True), (200.0, False, True)])
def test_silence_of_sound_leaves_a_slow_link_to_who_speaks(queue_ms: float, speaks: bool, goes_on: bool) -> None:
    """The far end's tokens wait in a queue of a link that both share: Opus's silence would be a third of it."""
    sender = Sender(SoundChoice("auto"))
    sender.go(10, CLEAN, answer=FAST)
    choice, now = sender.choice, sender.now
    if not speaks:
        choice.sent(now + 0.4)
        now += 0.8
        choice.sent(now)
    choice.gives_way(now, queue_ms)
    assert (choice.level is not None) == goes_on
    assert choice.fallen_bps == (None if goes_on else FALLEN_BPS)
    assert not choice.wants_probe(now + 0.5)
    if not goes_on:
        choice.heard_fast(now + 2)
        assert choice.wants_probe(now + 2)


@pytest.mark.parametrize(
    "trouble", [None, report(queue_ms=900, rate_bps=2400), report(loss=0.85), report(queue_ms=200, rate_bps=2400)], ids=str
)
def test_a_link_that_falls_ends_the_sound_within_a_second(trouble: SoundReport | None) -> None:
    sender = Sender(SoundChoice("auto"))
    sender.go(5, CLEAN, answer=FAST)
    assert sender.go(1, trouble) == 0
    assert bool(sender.choice.fallen_bps) == (trouble is None or not trouble.path.loss), "loss says nothing about the rate"


def test_a_queue_at_a_high_rate_costs_a_level_and_not_the_sound() -> None:
    sender = Sender(SoundChoice("auto"))
    sender.go(5, CLEAN, answer=FAST)
    assert sender.go(0.4, report(queue_ms=180, rate_bps=24_000)) == 8000
    assert sender.go(3, CLEAN) == 8000, "not tried again at once"


def test_it_comes_back_soon_the_first_time_and_later_the_next() -> None:
    sender = Sender(SoundChoice("auto"))
    waits = []
    for _ in range(4):
        sender.go(4, CLEAN)
        sender.go(1, report(queue_ms=900, rate_bps=9600))
        began = sender.now
        while sender.go(0.2, CLEAN, answer=report(rate_bps=28_000)) == 0:
            assert sender.now - began < 20
        waits.append(sender.now - began)
    assert waits[0] < 4 and all(after > before - 0.1 for before, after in pairwise(waits)) and waits[-1] > 2 * waits[0]


def test_where_loss_is_too_much_for_sound_there_are_tokens() -> None:
    sender = Sender(SoundChoice("auto"))
    sender.go(4, CLEAN)
    assert sender.go(6, report(loss=0.1)) > 0, "libopus repairs that"
    assert sender.go(10, report(loss=0.5), answer=report(loss=0.5, rate_bps=24_000)) == 0


def test_where_packets_are_lost_the_same_rate_goes_into_sound_that_is_sent_again() -> None:
    sender = Sender(SoundChoice("auto"))
    assert sender.go(5, CLEAN, answer=FAST) == 24_000
    for loss, copies in ((0.1, 1), (0.2, 2), (0.35, 3), (0.5, 3)):
        sender.go(8, report(loss=loss))
        level = sender.choice.level
        assert level is not None and level.copies == copies
        assert level.ip_bps < 1.03 * LEVELS[-1].ip_bps
    assert sender.go(60, CLEAN) == 24_000, "slow to relax"


def test_after_loss_ended_the_sound_a_probe_looks_for_room_for_copies() -> None:
    sender = Sender(SoundChoice("auto"))
    sender.go(12, report(loss=0.5), answer=report(loss=0.5, rate_bps=24_000))
    assert sender.choice.level is None and sender.choice.probes_for_much
    assert sender.go(8, report(loss=0.5), answer=report(loss=0.5, rate_bps=56_000)) > 0
    assert sender.choice.level is not None and sender.choice.level.copies


def test_a_far_end_that_never_pauses_puts_a_probe_off_and_not_for_ever() -> None:
    sender = Sender(SoundChoice("auto"))
    sender.go(4, CLEAN)
    sender.go(2, None)
    assert sender.choice.level is None
    sender.choice.busy = True
    assert sender.go(2, CLEAN, answer=FAST) == 0
    assert sender.go(8, CLEAN, answer=FAST) > 0


def test_where_probes_are_lost_they_go_again_soon_and_not_for_ever() -> None:
    sender = Sender(SoundChoice("auto"))
    sender.go(12, report(loss=0.5))
    assert sender.choice.level is None and sender.choice.probe_packets == 3
    before = sender.probes
    sender.go(12, None)
    assert BLIND_TRIES <= sender.probes - before <= 4 * BLIND_TRIES
    before = sender.probes
    sender.go(60, None)
    assert sender.probes - before <= 60 / 6 * BLIND_TRIES


def test_reports_that_are_lost_in_bursts_are_waited_for_longer() -> None:
    for told, goes in ((CLEAN, False), (SoundReport(LinkReport(0.2, 3.0, 0.0, 5.0)), True)):
        sender = Sender(SoundChoice("auto"))
        sender.go(5, CLEAN, answer=FAST)
        sender.go(5, told)
        assert bool(sender.go(1.0, None)) == goes
        assert not sender.go(1.5, None)


@pytest.mark.parametrize(("jitter_ms", "copies"), [(10, 0), (33, 1), (100, 2), (160, 3)])
def test_packets_that_overtake_each_other_are_sent_again(jitter_ms: float, copies: int) -> None:
    sender = Sender(SoundChoice("auto"))
    sender.go(5, CLEAN, answer=FAST)
    sender.go(12, SoundReport(LinkReport(0.0, 0.0, 0.0, jitter_ms)))
    assert sender.choice.level is not None and sender.choice.level.copies == copies


def test_copies_keep_to_the_ceiling() -> None:
    ceiling = round(LEVELS[2].ip_bps + 100)
    choice = SoundChoice("auto", ceiling_bps=ceiling)
    sender = Sender(choice)
    sender.go(5, CLEAN, answer=FAST)
    for loss in (0.1, 0.3):
        sender.go(3, report(loss=loss))
        assert choice.level is None or choice.level.ip_bps <= ceiling


@pytest.mark.parametrize(("ceiling", "most"), [(2400, 0), (12_500, 6000), (17_000, 8000), (30_000, 16_000), (0, 24_000)])
def test_a_ceiling_is_never_exceeded(ceiling: int, most: int) -> None:
    sender = Sender(SoundChoice("auto", ceiling_bps=ceiling))
    sender.go(30, CLEAN, answer=report(rate_bps=1e6))
    assert max(sender.rates) == most
    assert not most or next(level for level in LEVELS if level.bit_rate == most).ip_bps <= (ceiling or 1e9)


def test_the_far_end_limits_the_rate() -> None:
    assert max((sender := Sender(SoundChoice("auto", most_bps=12_000))).rates or [sender.go(10, CLEAN)]) == 8000


def test_where_tokens_are_not_possible_there_is_sound() -> None:
    choice = SoundChoice("auto")
    choice.begin(0.0, 20_000.0)
    assert choice.step(1.0) is None
    assert choice.step(1.0, needed=True) is not None
    slow = SoundChoice("auto")
    slow.begin(0.0, 2400.0)
    assert slow.step(1.0, needed=True) is None, "nothing of it would be understood"


def test_where_sound_ended_for_want_of_an_answer_none_goes_for_want_of_tokens_before_a_probe() -> None:
    sender = Sender(SoundChoice("auto"))
    sender.go(5, CLEAN, answer=FAST)
    assert sender.go(2, None) == 0
    assert sender.choice.step(sender.now, needed=True) is None
    sender.choice.report(sender.now, FAST)
    assert sender.choice.step(sender.now + 0.1, needed=True) is not None


def test_after_a_pause_a_report_has_time_to_travel() -> None:
    """With 200 ms there and back, packets of 20 ms, and 10 s of silence between two talkspurts."""
    choice = SoundChoice("auto")
    choice.begin(0.0, None)
    for begin in (0.0, 20.0, 40.0):
        told = begin + 0.2
        for step in range(500):
            now = begin + 0.02 * step
            choice.step(now)
            choice.sent(now)
            if now >= told:
                choice.report(now, CLEAN)
                told = now + 0.15
        assert choice.level is not None, choice.reason


def test_a_path_that_falls_silent_is_left_within_a_second() -> None:
    choice = SoundChoice("auto")
    choice.begin(0.0, None)
    now = told = 0.0
    while now < 10:
        now += 0.02
        choice.step(now)
        choice.sent(now)
        if now - told > 0.15:
            told = now
            choice.report(now, CLEAN)
    while choice.step(now) is not None:
        now += 0.02
        choice.sent(now)
    assert now - told < 0.9


def test_probes_take_little_of_a_slow_link() -> None:
    sender = Sender(SoundChoice("auto"), link_bps=1200)
    sender.go(200, CLEAN, answer=report(rate_bps=1200))
    assert sender.probes * 1120 < 0.06 * 200 * 1200 + 1120


def test_after_a_fall_probes_are_small_though_the_full_queue_lost_packets() -> None:
    """Three large packets, twice, would take 2.8 s of a link of 2400 bit/s."""
    choice = SoundChoice("auto")
    sender = Sender(choice)
    sender.go(5, CLEAN, answer=FAST)
    assert sender.go(2, None) == 0
    choice.report(sender.now, report(loss=0.4))  # what became of the sound in the queue
    probes = sender.probes
    sender.go(20, None)
    assert 1 <= sender.probes - probes <= 8
    assert (choice.probes_for_much, choice.probe_packets) == (False, 2)
    choice.report(sender.now, report(loss=0.4, rate_bps=28_000))  # it was a fast link that loses packets
    assert (choice.probes_for_much, choice.probe_packets) == (True, 3)


def test_always_means_always() -> None:
    sender = Sender(SoundChoice("always"))
    sender.go(5, CLEAN)
    sender.go(5, report(queue_ms=900, loss=0.6))
    assert min(sender.rates) == 6000


def test_where_the_far_end_is_heard_as_fast_as_before_a_probe_goes_at_once() -> None:
    sender = Sender(SoundChoice("auto"))
    sender.go(5, CLEAN, answer=FAST)
    sender.go(12, None, answer=report(rate_bps=1200))  # a slow stretch, which the far end's own packets made seem slower still
    assert sender.choice.level is None
    probes = sender.probes
    sender.go(5, None)
    assert sender.probes == probes, "a slow link gets few probes"
    sender.choice.heard_fast(sender.now)
    assert sender.go(1, None, answer=FAST) > 0
    assert sender.probes == probes + 1


def test_sound_that_ends_in_loss_says_so() -> None:
    sender = Sender(SoundChoice("auto"))
    sender.go(5, CLEAN, answer=FAST)
    assert sender.go(8, report(loss=0.7)) == 0
    assert sender.choice.ended_in_loss is not None
    assert sender.choice.ended_in_loss[0] > 0.4 and sender.choice.fallen_bps is None


def test_an_answer_told_again_is_no_second_answer() -> None:
    """One that shows no more than goes already would put the next probe off for half a minute."""
    choice = SoundChoice("auto")
    choice.begin(0.0, None)
    assert choice.wants_probe(0.3)
    for place in range(3):
        choice.report(0.4 + 0.1 * place, report(rate_bps=30_000))
    level = choice.level
    assert level is not None and level.bit_rate == 16_000
    probes = []
    for tick in range(32, 250):
        now = tick / 50
        choice.sent(now)
        choice.report(now, CLEAN)
        probes.append(choice.wants_probe(now))
    assert any(probes)


def test_the_first_seconds_have_time_for_reports() -> None:
    """Nobody knows yet how many of them are lost."""
    choice = SoundChoice("auto")
    choice.begin(0.0, None)
    choice.sent(0.05)
    choice.report(0.1, CLEAN)
    for tick in range(10, 95):
        choice.sent(tick / 50)
        assert choice.step(tick / 50) is not None, tick


def test_the_rate_of_a_queue_that_is_told_again_ends_the_sound() -> None:
    """Of a probe it would be the same answer once more."""
    sender = Sender(SoundChoice("auto"))
    sender.go(5, CLEAN, answer=FAST)
    sender.choice.report(sender.now + 0.1, report(queue_ms=100, rate_bps=2400))
    sender.choice.report(sender.now + 0.25, report(queue_ms=300, rate_bps=2400))
    assert sender.choice.level is None
