"""The play credit of x-phv against a model of PJMEDIA's jitter buffer and concealment limit."""

import struct
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softphone.engine.codecs.phv import FRAME_SAMPLES, PhvInstance, PlayCredit

PLC_LIMIT = 12
"""PJMEDIA_MAX_PLC_DURATION_MSEC / 20 ms."""


class JitterBuffer:
    """What stream.c and jbuf.c of PJMEDIA 2.15.1 do with slots: origin, gaps, capacity, and 12 concealments after each frame."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.slots: dict[int, bytes] = {}
        self.origin = 0
        self.concealed = PLC_LIMIT
        self.rejected = 0

    def put(self, slot: int, data: bytes) -> None:
        if not self.slots:
            self.origin = slot
        if slot < self.origin or slot in self.slots:
            self.rejected += 1
            return
        self.slots[slot] = data
        while max(self.slots) - self.origin >= self.capacity:
            self.slots.pop(self.origin, None)
            self.origin += 1

    def get(self, codec: PhvInstance) -> bool:
        """One clock tick; whether the codec was asked for sound."""
        if self.slots:
            data = self.slots.pop(self.origin, None)
            self.origin += 1
            if data is not None:
                self.concealed = 0
                codec.decode(data, FRAME_SAMPLES)
                return True
        if self.concealed < PLC_LIMIT:
            self.concealed += 1
            codec.recover(FRAME_SAMPLES)
            return True
        return False


class CountingStream:
    def __init__(self) -> None:
        self.payloads: list[bytes] = []

    def put_pcm(self, pcm: bytes) -> None: ...

    def take_payload(self) -> bytes | None:
        return None

    def put_payload(self, payload: bytes, timestamp: int) -> None:
        self.payloads.append(payload)

    def take_pcm(self, samples: int) -> bytes:
        return bytes(2 * samples)

    def close(self) -> None: ...


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("softphone.engine.codecs.phv.time.monotonic", lambda: self.now)


def run(arrivals: list[int], ticks: int, clock: Clock, capacity: int = 75, reset_at: int | None = None) -> tuple[list[bool], JitterBuffer]:
    """Ticks at which sound was asked for, when packets arrive before the ticks in `arrivals`."""
    codec, buffer = PhvInstance(CountingStream()), JitterBuffer(capacity)
    asked = []
    for tick in range(ticks):
        if tick == reset_at:
            buffer.slots.clear()
        for _ in range(arrivals.count(tick)):
            for frame in codec.parse(b"payload", tick * FRAME_SAMPLES):
                assert frame.timestamp % FRAME_SAMPLES == 0
                assert frame.timestamp // FRAME_SAMPLES == struct.unpack("<Q", frame.data)[0]
                buffer.put(frame.timestamp // FRAME_SAMPLES, frame.data)
        asked.append(buffer.get(codec))
        clock.now += 0.02
    return asked, buffer


@pytest.mark.parametrize("interval", [1, 4, 8, 16, 32])
def test_sound_is_pulled_from_the_first_packet_to_long_after_the_last(interval: int, monkeypatch: pytest.MonkeyPatch) -> None:
    arrivals = list(range(5, 200, interval))
    asked, buffer = run(arrivals, 400, Clock(monkeypatch))
    assert not any(asked[:5])
    last = arrivals[-1]
    assert all(asked[5 : last + 70]), "a pull was missed between the first packet and 1.4 s after the last"
    assert not any(asked[last + 90 :])
    assert buffer.rejected == 0


def test_first_packet_after_a_reset_brings_full_credit(monkeypatch: pytest.MonkeyPatch) -> None:
    arrivals = [5, 37, 133]
    asked, _buffer = run(arrivals, 300, Clock(monkeypatch), reset_at=40)
    assert not any(asked[60:133])
    assert all(asked[133 : 133 + 70])


def test_buffer_smaller_than_the_horizon_shortens_the_tail_only(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, _buffer = run([5, 13, 21], 200, Clock(monkeypatch), capacity=25)
    assert all(asked[5 : 21 + 25])


def test_credit_survives_a_reset_of_the_jitter_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, _buffer = run(list(range(5, 120, 8)), 200, Clock(monkeypatch), reset_at=50)
    gaps = [b - a for a, b in pairwise([i for i, pulled in enumerate(asked) if pulled])]
    # The packet after the reset may find its slots believed filled; the one 160 ms later puts that right.
    assert max(gaps) <= 16
    assert all(asked[70:150])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 300), max_size=60), st.integers(1, 100))
def test_any_arrival_pattern_keeps_the_buffer_bounded_and_rejects_nothing(arrivals: list[int], capacity: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        _asked, buffer = run(arrivals, 320, Clock(patch), capacity)
    assert len(buffer.slots) <= PlayCredit.MAX_FRAMES * 2
    assert buffer.rejected == 0


def test_payload_reaches_the_stream_on_arrival_and_sound_has_the_asked_length() -> None:
    stream = CountingStream()
    codec = PhvInstance(stream)
    assert codec.parse(b"abc", 0)
    assert stream.payloads == [b"abc"]
    assert len(codec.recover(320)) == 640
    assert len(codec.recover(100)) == 200
