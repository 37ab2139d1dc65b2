import random
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from codec.payload import Packet
from codec.phones import SILENCE, phone_index
from codec.playout import GIVE_UP_TICKS, MAX_QUEUED_TICKS, START_TICKS, START_WAIT_TICKS, Playout
from codec.wire_token import MAX_TICKS, WireToken

AH = WireToken(phone_index("AH"), 4, 20, 1, 18)
S, T, M = (WireToken(phone_index(label), 4) for label in "STM")


def speak(playout: Playout, now: int, limit: int = 400) -> Iterator[tuple[int, WireToken]]:
    """Everything until the talkspurt is over, with the time at which each token is asked for."""
    for _ in range(limit):
        token = playout.next(now)
        if token is None:
            return
        yield now, token
        now += token.ticks


def test_nothing_is_said_before_anything_came() -> None:
    assert Playout().next(0) is None


def test_a_talkspurt_waits_for_enough_or_long_enough() -> None:
    playout = Playout()
    playout.receive(Packet(50, ((S,),), start=True), 10)
    assert playout.next(10) is None
    assert playout.next(10 + START_WAIT_TICKS - 1) is None
    assert playout.next(10 + START_WAIT_TICKS) == S
    rich = Playout()
    rich.receive(Packet(50, ((S,) * (START_TICKS // S.ticks + 2),), start=True), 10)
    assert rich.next(10) == S


def test_a_complete_talkspurt_is_said_at_once_and_ends() -> None:
    playout = Playout()
    playout.receive(Packet(0, ((S, AH),), start=True, end=True), 3)
    assert [token for _, token in speak(playout, 3)] == [S, AH]
    assert not playout.speaking


def test_order_of_arrival_does_not_matter() -> None:
    packets = [Packet(16 * n, ((S, AH, T, M),), start=n == 0, end=n == 5) for n in range(6)]
    for seed in range(20):
        playout = Playout()
        playout.receive(packets[0], 0)
        for packet in random.Random(seed).sample(packets, len(packets)):
            playout.receive(packet, 0)
        assert [token for _, token in speak(playout, 0)] == [S, AH, T, M] * 6


def test_time_unfolds_over_any_pause() -> None:
    playout, now = Playout(), 0
    for pause in (10, 255, 256, 300, 1000, 5000):
        time = (now + pause) % 256
        playout.receive(Packet(time, ((S, AH, T),), start=True, end=True), now + pause)
        assert [token for _, token in speak(playout, now + pause)] == [S, AH, T]
        now += pause
    assert playout.counts.gaps == 0
    assert playout.counts.tokens_late == 0


def test_the_last_sound_is_held_while_the_next_is_awaited() -> None:
    playout = Playout()
    playout.receive(Packet(0, ((S, AH),), start=True), 0)
    said = [token for _, token in speak(playout, START_WAIT_TICKS)]
    assert said[:2] == [S, AH]
    assert said[2] == WireToken(AH.phone, 1, 22, 0, 18)
    assert said[-1].phone == SILENCE
    assert sum(token.ticks for token in said[2:]) == GIVE_UP_TICKS


def test_a_stop_is_not_held() -> None:
    playout = Playout()
    playout.receive(Packet(0, ((S, T),), start=True), 0)
    assert [token for _, token in speak(playout, START_WAIT_TICKS)][2].phone == SILENCE


def test_time_lost_by_waiting_is_taken_back_from_a_pause() -> None:
    playout = Playout()
    playout.receive(Packet(0, ((S, AH),), start=True), 0)
    for now in range(START_WAIT_TICKS, START_WAIT_TICKS + 12, 4):
        playout.next(now)
    for now in range(8):
        assert playout.next(START_WAIT_TICKS + 12 + now) is not None
    playout.receive(Packet(8, ((WireToken(SILENCE, 12), S),)), START_WAIT_TICKS + 20)
    pause = playout.next(START_WAIT_TICKS + 20)
    assert pause is not None
    assert pause.phone == SILENCE
    assert pause.ticks < 12
    assert playout.next(START_WAIT_TICKS + 30) == S


def test_a_hole_is_silence_and_what_comes_in_time_is_still_said() -> None:
    playout = Playout()
    playout.receive(Packet(0, ((AH, AH),), start=True), 0)
    playout.receive(Packet(24, ((T, AH),), end=True), 0)
    assert [playout.next(n) for n in (6, 10)] == [AH, AH]
    assert playout.next(14) == WireToken(SILENCE, 2)
    playout.receive(Packet(10, ((M, S, M),)), 16)
    assert playout.next(16) == M
    assert [token for _, token in speak(playout, 20)][-2:] == [T, AH]
    assert playout.counts.gaps == 2
    assert playout.counts.lost_ticks == 4


def test_copies_are_said_once() -> None:
    playout = Playout()
    playout.receive(Packet(0, ((S,),), start=True), 0)
    playout.receive(Packet(0, ((S,), (AH,)), start=True), 1)
    playout.receive(Packet(4, ((AH,), (T,)), end=True), 2)
    assert [token for _, token in speak(playout, 8)] == [S, AH, T]
    assert playout.counts.tokens_received == 3
    assert playout.counts.tokens_recovered == 0


def test_the_queue_drops_its_oldest() -> None:
    playout, long = Playout(), WireToken(S.phone, MAX_TICKS)
    for n in range(30):
        playout.receive(Packet(n * MAX_TICKS % 256, ((long,),), start=n == 0), 0)
    assert playout.counts.tokens_dropped >= 30 - MAX_QUEUED_TICKS // MAX_TICKS - 2
    assert sum(token.ticks for token in playout.following()) <= MAX_QUEUED_TICKS + MAX_TICKS


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 20), st.booleans(), st.booleans(), st.integers(0, 40)), max_size=60))
@settings(deadline=None)
def test_any_packets_leave_it_speaking_or_silent(packets: list[tuple[int, int, bool, bool, int]]) -> None:
    playout, now = Playout(), 0
    for time, count, start, end, later in packets:
        playout.receive(Packet(time, ((AH,) * count, (S, T)), start=start, end=end), now)
        until = now + later
        while now < until:
            token = playout.next(now)
            now += 1 if token is None else token.ticks
    for _ in range(2000):
        token = playout.next(now)
        now += 1 if token is None else token.ticks
    assert playout.next(now) is None
    assert not playout.speaking


def test_what_was_spoken_says_how_it_came() -> None:
    playout = Playout()
    playout.receive(Packet(0, ((S, AH),), start=True), 0)
    # The second packet is lost and the third repeats it; the fourth is lost and nothing repeats it.
    playout.receive(Packet(8, ((T, M), (S, AH))), 0)
    playout.receive(Packet(32, ((S, AH, T, M),), end=True), 0)
    list(speak(playout, 0))
    heard = [(phone.phone, phone.ticks, phone.state) for phone in playout.spoken]
    assert heard[:6] == [
        (token.phone, token.ticks, state)
        for token, state in [(S, "received"), (AH, "received"), (T, "recovered"), (M, "recovered"), (S, "received"), (AH, "received")]
    ]
    assert heard[6] == (SILENCE, 8, "lost"), "one hole is one entry, however often it was bridged"
    assert heard[7] == (S.phone, S.ticks, "received")
