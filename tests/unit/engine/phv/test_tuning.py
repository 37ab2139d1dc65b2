"""A stream's adaptation from statistics and worker counters to messages for the worker, without PJSIP and without a network."""

from dataclasses import replace
from typing import Any

import pytest

from codec.wire.link_report import LinkReport
from codec.wire.settings import EncoderSettings
from softphone.config import Phv
from softphone.control.protocol import CallStatistics, Direction
from softphone.engine.phv.adaptation import FIRST_REDUNDANCY, Adaptation
from softphone.engine.phv.rate_model import Profile
from softphone.engine.phv.receiver_report import Received
from softphone.engine.phv.stream import PhvStream, sound_mode
from softphone.link.messages import Message, Open, PathQuality, StreamStatistics, Tune

PHV = Phv()
NOTHING_LOST = Received(0, 0, 0, 0.0)


class Stream:
    """A PhvStream with a clock, and all that it sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fmtp: dict[str, str] | None = None, **settings: Any) -> None:
        self.now = 1000.0
        monkeypatch.setattr("softphone.engine.phv.stream.time.monotonic", lambda: self.now)
        self.sent: list[Message] = []
        self.stream = PhvStream(1, replace(PHV, **settings), self._send, lambda _stream: None, fmtp_remote=fmtp)
        self.stream.open()

    def _send(self, message: Message) -> bool:
        self.sent.append(message)
        return True

    def second(self, received: Received = NOTHING_LOST, rtcp: tuple[int, int] = (0, 0), loss_percent: float = 0.0) -> CallStatistics:
        self.now += 1
        tx = Direction(loss_now_percent=loss_percent)
        event = CallStatistics(call=1, codec="x-phv", tx=tx, rtt_ms=50.0)
        self.stream.tune(event, received, rtcp)
        return event

    @property
    def told(self) -> list[EncoderSettings]:
        return [message.settings for message in self.sent if isinstance(message, Tune) and message.settings is not None]

    @property
    def reports(self) -> list[PathQuality]:
        return [message.report for message in self.sent if isinstance(message, Tune) and message.report is not None]

    def reported(self, count: int, report: LinkReport | None = None, sent_speech_ms: float = 0.0) -> None:
        """What the worker counted by now."""
        self.stream.statistics = StreamStatistics(link_reports=count, link_report=report, sent_speech_ms=sent_speech_ms)


def test_the_worker_gets_what_is_configured_and_nothing_that_is_not_the_codecs(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Stream(monkeypatch).sent[0]
    assert isinstance(opened, Open)
    assert opened.settings == EncoderSettings(redundancy=FIRST_REDUNDANCY, detail=2, repeated_detail=2, wait=True)
    assert opened.learn
    opened = Stream(monkeypatch, learn=False, voice=False, comfort_noise=False, detail=1, interval_ms=320).sent[0]
    assert isinstance(opened, Open) and not opened.learn
    assert not opened.settings.voice and not opened.settings.comfort_noise
    assert (opened.settings.detail, opened.settings.interval_ms) == (1, 320)


def test_waiting_for_words_follows_the_user_and_else_what_it_is_worth(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(monkeypatch, wait="quick", detail=0)
    assert isinstance(stream.sent[0], Open) and not stream.sent[0].settings.wait
    stream.stream.wait("clear")
    assert stream.sent[-1] == Tune(1, replace(stream.sent[0].settings, wait=True))
    count = len(stream.sent)
    stream.stream.wait("clear")
    assert len(stream.sent) == count, "nothing changed"
    event = stream.second()
    assert event.profile is not None and (event.profile.wait, event.profile.waits) == ("clear", True)
    waiting = stream.stream.delay_ms
    stream.stream.wait("quick")
    assert waiting > stream.stream.delay_ms + 500
    stream.stream.wait("auto")
    told = [message.settings for message in stream.sent if isinstance(message, Tune)]
    assert [settings.wait for settings in told if settings] == [True, False, True]


def test_waiting_is_worth_it_where_it_saves_words_or_the_network_waits_anyway() -> None:
    base = Profile(160, 1, 0, 0)
    assert Adaptation(base).waits(base)
    slow = Profile(640, 2, 2, 0)
    assert Adaptation(slow).waits(slow)
    fine = Profile(80, 0, 2, 0)
    for wait, waits in (("quick", False), ("clear", True)):
        adaptation = Adaptation(fine)
        adaptation.wait = wait
        assert adaptation.waits(fine) == waits


def test_on_a_slow_link_words_are_waited_for_and_not_replaced_by_details() -> None:
    for rate in (1200.0, 2400.0):
        adaptation = Adaptation(Profile(160, 1, 2, 0))
        adaptation.set_up_at(0.0, rate)
        assert adaptation.waits(adaptation.profile), adaptation.profile
        assert adaptation.estimate_bps(adaptation.profile) <= 0.75 * rate


def test_reports_of_the_far_end_change_what_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(monkeypatch)
    for _ in range(5):
        event = stream.second()
    assert not stream.told
    assert event.profile is not None and event.profile.reason == "nothing reported yet"
    stream.reported(1, LinkReport(0.0, 0.0, 0.0, 20.0))
    event = stream.second()
    assert event.profile is not None and event.profile.reason == "as configured"
    assert stream.told[-1].redundancy == PHV.redundancy
    stream.reported(2, LinkReport(0.3, 1.5, 0.0, 20.0))
    event = stream.second()
    assert event.profile is not None and event.profile.redundancy >= 2
    assert stream.told[-1].redundancy == event.profile.redundancy
    assert "% of packets lost" in event.profile.reason


def test_what_the_far_ends_packets_suffer_is_expected_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(monkeypatch)
    event = stream.second(Received(70, 30, 10, 5.0))
    assert event.profile is not None and event.profile.redundancy > 4


def test_rtcp_stands_in_for_a_far_end_without_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(monkeypatch)
    stream.second()
    stream.second(rtcp=(1, 20), loss_percent=35.0)
    assert stream.told[-1].redundancy >= 2


def test_a_fixed_profile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(monkeypatch, profile="fixed", max_rate=1200)
    stream.reported(1, LinkReport(0.5, 3.0, 900.0, 20.0))
    event = stream.second()
    assert not stream.told
    assert event.profile is not None and not event.profile.adaptive and event.profile.redundancy == 1


@pytest.mark.parametrize(
    ("own", "told", "holds"), [(1600, "", 1600), (0, "1200", 1200), (1600, "1200", 1200), (0, "nonsense", 0), (0, "5", 0)]
)
def test_both_ends_may_set_a_ceiling(own: int, told: str, holds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(monkeypatch, {"maxrate": told} if told else {}, max_rate=own)
    event = stream.second()
    assert event.profile is not None and event.profile.max_rate == holds
    assert not holds or event.profile.ip_bps < holds
    opened = stream.sent[0]
    assert isinstance(opened, Open) and opened.settings.interval_ms == event.profile.interval_ms


@pytest.mark.parametrize("profile", ["adaptive", "fixed"])
@pytest.mark.parametrize(("told", "most"), [("0", 0), ("2", 2), ("11", 5), ("12", 5), ("nonsense", 5)])
def test_the_far_end_says_how_many_repeated_groups_it_has_use_for(
    profile: str, told: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Stream(monkeypatch, {"maxred": told}, profile=profile, redundancy=5)
    stream.reported(1, LinkReport(0.4, 2.0, 0.0, 20.0))
    event = stream.second()
    opened = stream.sent[0]
    assert isinstance(opened, Open) and opened.settings.redundancy == most
    assert event.profile is not None
    assert event.profile.redundancy <= most if told in ("0", "2") else event.profile.redundancy >= most


def test_a_ceiling_of_the_call_holds_from_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(monkeypatch)
    stream.stream.limit(1200)
    assert stream.told[-1].interval_ms == 640
    stream.stream.limit(0)
    for second in range(30):
        stream.reported(0, sent_speech_ms=1000.0 * second)
        event = stream.second()
    assert event.profile is not None and event.profile.reason == "as configured"


def test_the_far_end_is_told_of_losses_that_we_see(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(monkeypatch)
    for second in range(12):
        stream.second(Received(6 * second, 2 * second, second, 15.0))
    told = stream.reports
    assert told and (told[0].report.loss, told[0].report.burst) == (0.25, 2.0)
    assert told[0].urgent


def test_queues_are_seen_from_the_timestamps(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(monkeypatch)
    for packet in range(60):
        stream.now = 1000 + 0.16 * packet + max(0, packet - 30) * 0.05
        stream.stream.put_payload(bytes(30), 2560 * packet)
        if packet % 6 == 0:
            stream.stream.tune(CallStatistics(call=1, codec="x-phv"), Received(packet, 0, 0, 5.0))
    queues = [each.report.queue_ms for each in stream.reports]
    assert queues and max(queues) > 500


def test_a_new_worker_has_heard_no_report_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(monkeypatch)
    stream.reported(3, LinkReport(0.3, 1.5, 0.0, 20.0))
    stream.second()
    stream.reported(0)
    event = stream.second()
    assert event.profile is not None
    stream.reported(1, LinkReport(0.0, 0.0, 0.0, 20.0))
    stream.second()


@pytest.mark.parametrize(
    ("settings", "mode"),
    [
        ({}, "auto"),
        ({"sound": "always"}, "always"),
        ({"sound": "never"}, None),
        ({"profile": "fixed"}, None),
        ({"voice": False}, None),  # who wants to be nobody in particular is not heard as himself
        ({"voice": False, "sound": "always"}, "always"),
        ({"max_rate": 2400}, None),
        ({"max_rate": 2400, "sound": "always"}, None),
        ({"max_rate": 16_000}, "auto"),
    ],
)
def test_sound_goes_where_the_settings_let_it(settings: dict[str, Any], mode: str | None) -> None:
    assert sound_mode(replace(PHV, **settings)) == mode
