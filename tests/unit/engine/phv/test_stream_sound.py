"""A stream that sends sound: what the worker is told of its path, when it may rest, and when sound goes for want of tokens."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from codec.wire.link_report import LinkReport
from codec.wire.sound import SoundPayload, SoundReport, parse_sound, serialize_sound
from softphone.config import Phv
from softphone.control.protocol import CallStatistics
from softphone.engine.phv.receiver_report import Received
from softphone.engine.phv.stream import LOST_GROUPS, PhvStream
from softphone.link.messages import Message, Pull, StreamStatistics, Tune

NOISE = np.random.default_rng(1).integers(-3000, 3000, 320, np.int16).tobytes()
CLEAN = LinkReport(0.0, 0.0, 0.0, 5.0)


class Stream:
    """With a clock. The far end answers with `report` each 160 ms."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, link_bps: float | None = None) -> None:
        self.now = 1000.0
        monkeypatch.setattr("softphone.engine.phv.stream.time.monotonic", lambda: self.now)
        self.sent: list[Message] = []
        self.payloads: list[SoundPayload] = []
        self.statistics: dict[str, Any] = {}
        self.event = CallStatistics(call=1, codec="x-phv")
        self.stream = PhvStream(1, Phv(), self._send, lambda _stream: None, fmtp_remote={"sound": "opus"})
        self.stream.open()
        self.stream.call_is_up(link_bps)

    def _send(self, message: Message) -> bool:
        self.sent.append(message)
        return True

    def go(self, seconds: float, report: LinkReport | None = CLEAN, *, words: bool = False, dropped: int = 0) -> CallStatistics:
        """dropped: steps of sound a second that the worker does not take."""
        for step in range(round(50 * seconds)):
            self.now += 0.02
            self.stream.put_pcm(NOISE)
            if (payload := self.stream.take_payload()) is not None:
                self.payloads.append(parse_sound(payload))
            if report is not None and step % 8 == 7:
                told = SoundPayload(0, report=SoundReport(report), words=words)
                self.stream.put_payload(serialize_sound(told), round(16_000 * self.now) % 2**32)
            if step % 50 == 49:
                before = self.stream.statistics.encoder_pcm_dropped
                self.stream.statistics = StreamStatistics(encoder_pcm_dropped=before + dropped)
                self.event = CallStatistics(call=1, codec="x-phv", rtt_ms=50.0)
                self.stream.tune(self.event, Received(0, 0, 0, 0.0))
        return self.event

    @property
    def probes(self) -> int:
        """Packets of probes that went."""
        return sum(payload.padding > 0 for payload in self.payloads)

    @property
    def rests(self) -> list[bool]:
        return [message.rest for message in self.sent if isinstance(message, Tune) and message.rest is not None]


def test_what_is_reported_of_sound_holds_for_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(monkeypatch)
    event = stream.go(3)
    assert event.sends == "sound" and event.profile is not None and event.profile.reason == "as configured", "nothing is lost"
    event = stream.go(4, LinkReport(0.2, 1.5, 0.0, 5.0))
    assert event.sends == "sound" and event.profile is not None and "% of packets lost" in event.profile.reason
    protected = event.profile.redundancy
    assert protected > 1
    event = stream.go(6, LinkReport(0.6, 4.0, 0.0, 5.0))
    assert event.sends == "tokens" and event.profile is not None
    assert event.profile.redundancy >= protected, "the first tokens that go alone are protected"
    assert "queue" not in event.profile.reason, "loss is no sign of a slow link"


def test_what_was_lost_with_the_sound_goes_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(monkeypatch)
    stream.go(6)
    before = len(stream.sent)
    stream.go(0.8, report=None)
    assert stream.stream.sound is not None and stream.stream.sound.level is None
    told = [message.settings for message in stream.sent[before:] if isinstance(message, Tune) and message.settings is not None]
    assert told and told[0].redundancy == LOST_GROUPS
    stream.go(2, report=None)
    told = [message.settings for message in stream.sent[before:] if isinstance(message, Tune) and message.settings is not None]
    assert told[-1].redundancy < LOST_GROUPS, "that was enough"


def test_a_queue_of_sound_says_what_the_path_carries_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(monkeypatch)
    stream.go(3)
    event = stream.go(2, LinkReport(0.0, 0.0, 450.0, 5.0))
    assert event.sends == "tokens" and event.profile is not None
    assert event.profile.ip_bps < 1500 and event.profile.reason == "packets queue"


@pytest.mark.parametrize("late_s", [0.0, 0.3])
def test_tokens_that_come_as_fast_as_the_sound_did_bring_a_probe(monkeypatch: pytest.MonkeyPatch, late_s: float) -> None:
    stream = Stream(monkeypatch)
    spoken = bytes([1, *range(1, 30)])
    stream.stream.put_payload(spoken, round(16_000 * stream.now) % 2**32)
    stream.go(6)
    assert stream.go(9, report=None).sends == "tokens"
    before = stream.probes
    while stream.probes == before:
        stream.go(0.1, report=None)
    stream.go(2, report=None)
    before = stream.probes
    for _ in range(2):
        stream.stream.put_payload(spoken, round(16_000 * (stream.now - late_s)) % 2**32)
        stream.go(0.2, report=None)
    assert (stream.probes > before) == (late_s == 0)


def test_a_calm_path_lets_the_encoder_rest_until_anything_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(monkeypatch)
    stream.go(4)
    assert not stream.rests
    stream.go(6)
    assert stream.rests == [True]
    stream.go(0.4, report=None)
    assert stream.rests == [True, False], "a report is late, and the sound still goes"
    assert stream.stream.sound is not None and stream.stream.sound.level is not None
    stream.go(8)
    assert stream.rests == [True, False, True]
    stream.go(0.4, LinkReport(0.0, 0.0, 90.0, 5.0))
    assert stream.rests[-1] is False


def test_who_writes_down_words_gets_tokens_beside_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(monkeypatch)
    stream.go(12, words=True)
    assert not stream.rests
    stream.go(12)
    assert stream.rests == [True]
    stream.stream.observe(on=True, words=True)
    stream.go(1)
    assert stream.rests == [True, False], "words are written down here"
    assert stream.payloads[-1].words and not stream.payloads[0].words


def test_a_worker_that_does_not_keep_up_makes_way_for_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(monkeypatch, link_bps=20_000)
    event = stream.go(3, report=None)
    assert event.sends == "tokens"
    event = stream.go(3, report=None, dropped=25)
    assert event.sends == "sound" and event.sends_why == "this machine is too busy for the codec"
    event = stream.go(8, report=None)
    assert event.sends == "tokens", "the machine has time again"


def test_on_a_link_that_carries_no_sound_a_busy_worker_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Stream(monkeypatch, link_bps=2400)
    assert slow.go(6, report=None, dropped=25).sends == "tokens"
    unknown = Stream(monkeypatch, link_bps=20_000)
    assert unknown.go(4, report=None, dropped=25).sends == "sound"
    filled = SoundReport(LinkReport(0.3, 2.0, 900.0, 5.0), 4800.0)
    unknown.stream.put_payload(serialize_sound(SoundPayload(0, report=filled)), 0)
    assert unknown.go(2, report=None, dropped=25).sends == "tokens", "the queue showed it"


def test_the_far_end_is_told_where_tokens_are_not_spoken_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(monkeypatch)
    stream.go(2)
    assert not stream.payloads[-1].deaf
    stream.stream.statistics = StreamStatistics(decoder_samples_not_made=8000)
    stream.stream.tune(CallStatistics(call=1, codec="x-phv"), Received(0, 0, 0, 0.0))
    stream.go(0.5)
    assert stream.payloads[-1].deaf


def test_nothing_is_synthesised_that_sound_covers(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(monkeypatch)
    sender = Stream(monkeypatch)
    sender.now = stream.now
    for _ in range(50):
        sender.now = stream.now = stream.now + 0.02
        sender.stream.put_pcm(NOISE)
        if (payload := sender.stream.take_payload()) is not None:
            stream.stream.put_payload(payload, round(16_000 * stream.now) % 2**32)
        stream.stream.take_pcm(320)
    pulls = [message.heard for message in stream.sent if isinstance(message, Pull)]
    assert pulls[1] and not any(pulls[-20:])
    for _ in range(20):
        stream.stream.take_pcm(320)
    pulls = [message.heard for message in stream.sent if isinstance(message, Pull)]
    assert all(pulls[-15:]), "the sound ended"


def test_nothing_comes_between_the_packets_of_a_probe_and_no_sound_is_lost_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """With packets of 40 ms there is no room for a pair between them."""
    stream = Stream(monkeypatch)
    stream.go(12)
    times = [payload.time for payload in stream.payloads if payload.padding]
    assert len(times) >= 4 and len(times) % 2 == 0
    assert all((second - first) % 256 == 1 for first, second in zip(times[::2], times[1::2], strict=True))
    sound = [payload.time for payload in stream.payloads if payload.opus]
    assert {(after - before) % 256 for before, after in pairwise(sound)} <= {2}
