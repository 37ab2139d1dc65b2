import itertools
import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.playout.delay import FIRST_TICKS, SPARE_TICKS
from codec.playout.schedule import (
    FADE_LEVELS,
    FAR_BEHIND_TICKS,
    GIVE_UP_TICKS,
    HOLD_TICKS,
    LEAD_TICKS,
    LONGEST_WAIT_TICKS,
    MAX_QUEUED_TICKS,
    SHORT_PAUSE_TICKS,
    SLIGHT_TICKS,
    Playout,
    Undecided,
    Upcoming,
    elastic,
)
from codec.units.phones import SILENCE, phone_index
from codec.wire.packet import Packet
from codec.wire.token import MAX_TICKS, WireToken

AH = WireToken(phone_index("AH"), 4, 20, 1, 18)
S, T, M = (WireToken(phone_index(label), 4) for label in "STM")
LONG = 100


def told(playout: Playout, now: int) -> Upcoming | None:
    """What is spoken now, nothing being spoken."""
    upcoming = playout.next(now)
    assert upcoming is not Undecided.NOT_YET
    return upcoming


def speak(playout: Playout, now: int, limit: int = 400) -> Iterator[tuple[int, Upcoming]]:
    """Everything from the beginning of a talkspurt until it is over, with the time at which it begins to sound; as the decoder asks."""
    sounding: Upcoming | None = None
    if not playout.speaking:
        while (sounding := told(playout, now)) is None:
            now += 1
            limit -= 1
            if not limit:
                return
        now += LEAD_TICKS
    for _ in range(limit):
        if sounding is None:
            sounding = told(playout, now)
            if sounding is None:
                return
        following = playout.next(now, sounding.ticks)
        yield now, sounding
        now += sounding.ticks
        if following is None:
            return
        sounding = None if following is Undecided.NOT_YET else following


def tokens(playout: Playout, now: int) -> list[WireToken]:
    return [upcoming.token for _, upcoming in speak(playout, now)]


def stream(groups: list[tuple[WireToken, ...]], late: list[int]) -> dict[int, list[Packet]]:
    """Packets by arrival: each leaves when its last token ends and comes so many ticks later."""
    arrivals: dict[int, list[Packet]] = {}
    at = 0
    for place, (group, lateness) in enumerate(zip(groups, late, strict=True)):
        end = at + sum(token.ticks for token in group)
        packet = Packet(at % 256, (group,), start=place == 0, end=place + 1 == len(groups))
        arrivals.setdefault(end + lateness, []).append(packet)
        at = end
    return arrivals


def play(playout: Playout, arrivals: dict[int, list[Packet]], until: int) -> list[tuple[int, Upcoming]]:
    """What sounds, and since when, while packets arrive."""
    heard: list[tuple[int, Upcoming]] = []
    free, sounding, pending = 0, 0, None
    for now in range(until):
        for packet in arrivals.get(now, []):
            playout.receive(packet, now)
        while free <= now:
            fresh = not playout.speaking
            upcoming = playout.next(now, sounding)
            if pending is not None:
                heard.append((free, pending))
                free, pending, sounding = free + pending.ticks, None, 0
            if upcoming is None:
                free = max(free, now + 1)
            elif isinstance(upcoming, Upcoming):
                free = free + LEAD_TICKS if fresh else free
                pending, sounding = upcoming, upcoming.ticks
    return heard


def test_nothing_is_said_before_anything_came() -> None:
    assert Playout().next(0) is None


def test_a_talkspurt_waits_for_its_moment() -> None:
    playout = Playout()
    playout.receive(Packet(50, ((S, AH),), start=True), 10)
    assert all(playout.next(10 + wait) is None for wait in range(FIRST_TICKS - 8 - LEAD_TICKS))
    assert told(playout, 10 + FIRST_TICKS - 8 - LEAD_TICKS) == Upcoming(S, 4)


def test_a_talkspurt_does_not_wait_for_ever() -> None:
    playout = Playout()
    for late in (0, 0, 0, 70, 70, 70):
        playout.receive(Packet(0, ((S,),), start=True, end=True), late)
        playout.next(late)
    playout.receive(Packet(100, ((S, AH),), start=True), 100)
    assert any(playout.next(100 + wait) for wait in range(LONGEST_WAIT_TICKS + 1))


def test_tokens_keep_their_distances() -> None:
    groups = [(S, AH, T)] * 20
    heard = play(playout := Playout(), stream(groups, [5, 3, 5 + FIRST_TICKS - 12 - SPARE_TICKS, 1, 6] * 4), 400)
    begun = [at for at, upcoming in heard if upcoming.token != WireToken(SILENCE, 1)]
    assert [b - a for a, b in itertools.pairwise(begun)] == [4] * (3 * len(groups) - 1)
    assert (playout.counts.gaps, playout.counts.tokens_late) == (0, 0)


def test_what_follows_is_not_needed_to_speak() -> None:
    playout = Playout()
    playout.receive(Packet(0, ((S, AH),), start=True), 0)
    now = FIRST_TICKS - 8
    assert told(playout, now - LEAD_TICKS) == Upcoming(S, 4)
    assert playout.next(now, 4) == Upcoming(AH, 4)
    assert playout.next(now + 4, 4) is Undecided.NOT_YET
    playout.receive(Packet(8, ((T,),), end=True), now + 7)
    assert playout.next(now + 9, 0) == Upcoming(T, 4)
    assert playout.next(now + 9, 4) is None


def test_a_complete_talkspurt_ends() -> None:
    playout = Playout()
    playout.receive(Packet(0, ((S, AH),), start=True, end=True), 3)
    assert tokens(playout, 3) == [S, AH]
    assert not playout.speaking


def test_order_of_arrival_does_not_matter() -> None:
    packets = [Packet(16 * n, ((S, AH, T, M),), start=n == 0, end=n == 5) for n in range(6)]
    for seed in range(20):
        playout = Playout()
        playout.receive(packets[0], 0)
        for packet in random.Random(seed).sample(packets, len(packets)):
            playout.receive(packet, 0)
        assert tokens(playout, 0) == [S, AH, T, M] * 6


def test_time_unfolds_over_any_pause() -> None:
    playout, now = Playout(), 0
    for pause in (100, 255, 256, 300, 1000, 5000):
        time = (now + pause) % 256
        playout.receive(Packet(time, ((S, AH, T),), start=True, end=True), now + pause)
        assert tokens(playout, now + pause) == [S, AH, T]
        now += pause
    assert playout.counts.gaps == 0
    assert playout.counts.tokens_late == 0


def test_the_last_sound_is_held_and_fades_while_the_next_is_awaited() -> None:
    playout = Playout()
    playout.receive(Packet(0, ((S, AH),), start=True), 0)
    said = tokens(playout, 0)
    assert said[:2] == [S, AH]
    assert said[2 : 2 + HOLD_TICKS] == [WireToken(AH.phone, 1, 22, 0, 18 - FADE_LEVELS * (held + 1)) for held in range(HOLD_TICKS)]
    assert {token.phone for token in said[2 + HOLD_TICKS :]} == {SILENCE}
    assert sum(token.ticks for token in said[2:]) == GIVE_UP_TICKS


def test_a_stop_is_not_held() -> None:
    playout = Playout()
    playout.receive(Packet(0, ((S, T),), start=True), 0)
    assert tokens(playout, 0)[2].phone == SILENCE


@pytest.mark.parametrize("stall", [20, 34])
def test_time_lost_by_waiting_is_taken_back(stall: int) -> None:
    """The network stands still for a while; pauses and vowels after it are shorter until all sounds where it should."""
    vowel, pause = WireToken(AH.phone, 6, 20, 0, 18), WireToken(SILENCE, 9)
    groups = [(S, vowel, T)] * 40 + [(S, vowel, T), (pause, S, vowel, T)] * 6
    late = [4] * 40 + [max(4, stall - 16 * place) for place in range(12)]
    heard = play(playout := Playout(), stream(groups, late), 900)
    sounds = [at for at, upcoming in heard if upcoming.token.phone in (S.phone, vowel.phone, T.phone)]
    vowels = [upcoming.ticks for _, upcoming in heard if upcoming.token == vowel]
    assert playout.counts.tokens_late == playout.counts.gaps == 0
    assert len(vowels) == 52
    assert vowels[20:40] == [6] * 20
    assert min(vowels) < 6
    last = sum(sum(token.ticks for token in group) for group in groups) - T.ticks
    assert abs(sounds[-1] - last - playout._delay.ticks) < SLIGHT_TICKS


def test_where_the_network_became_worse_nothing_is_waited_for_any_more() -> None:
    groups = [(S, AH, T)] * 60
    heard = play(playout := Playout(), stream(groups, [4] * 20 + [14, 4] * 20), 1200)
    held = [place for place, (_, upcoming) in enumerate(heard) if upcoming.token not in (S, AH, T)]
    assert held
    assert max(held) < len(heard) - 60
    assert playout.counts.tokens_late == 0


@pytest.mark.parametrize(
    ("token", "behind", "ticks"),
    [
        (WireToken(SILENCE, 9), 0, 9),
        (WireToken(SILENCE, 9), 2, 7),
        (WireToken(SILENCE, 9), 20, 3),
        (WireToken(SILENCE, 9), FAR_BEHIND_TICKS, 1),
        (WireToken(SILENCE, 9), -6, 15),
        (WireToken(SILENCE, 9), -60, MAX_TICKS),
        (WireToken(AH.phone, 6), 1, 6),
        (WireToken(AH.phone, 6), 9, 4),
        (WireToken(AH.phone, 6), FAR_BEHIND_TICKS, 3),
        (WireToken(AH.phone, 6), -9, 8),
        (WireToken(AH.phone, 2), 9, 2),
        (WireToken(AH.phone, MAX_TICKS), -9, MAX_TICKS),
        (T, 9, 4),
        (S, -9, 4),
    ],
)
def test_pauses_and_vowels_stretch(token: WireToken, behind: int, ticks: int) -> None:
    assert elastic(token, behind) == ticks


def test_a_steady_stream_keeps_its_durations_however_little_is_known_of_what_follows() -> None:
    groups = [(S, AH)] * 60
    heard = play(playout := Playout(), stream(groups, [5, 4, 6] * 20), 700)
    spoken = [upcoming for _, upcoming in heard if upcoming.token != WireToken(SILENCE, 1)]
    changed = [upcoming.ticks for upcoming in spoken[: 2 * len(groups)] if upcoming.ticks != 4]
    assert len(changed) <= 3, "only when the delay is learned"
    assert playout.counts.gaps == 0


def test_at_the_end_of_a_talkspurt_nothing_lasts_longer() -> None:
    playout = Playout()
    playout.receive(Packet(0, ((S, M),), start=True, end=True), 0)
    assert [upcoming.ticks for _, upcoming in speak(playout, 0)] == [4, 4]


def test_the_pause_between_talkspurts_is_as_long_as_it_was() -> None:
    playout = Playout()
    playout.receive(Packet(0, ((S, AH),), start=True, end=True), 0)
    playout.receive(Packet(20, ((T, AH),), start=True, end=True), 0)
    begun = {upcoming.token: at for at, upcoming in speak(playout, 0)}
    assert begun[T] - begun[S] == 20


def test_after_a_long_pause_speech_begins_anew() -> None:
    playout = Playout()
    playout.receive(Packet(0, ((S, AH),), start=True, end=True), 0)
    playout.receive(Packet(9 + SHORT_PAUSE_TICKS, ((T, AH),), start=True, end=True), 0)
    assert tokens(playout, 0) == [S, AH]
    assert tokens(playout, FIRST_TICKS) == [T, AH]


def test_a_hole_takes_its_time_and_what_comes_meanwhile_is_still_said() -> None:
    playout = Playout()
    playout.receive(Packet(0, ((AH, T),), start=True), 0)
    playout.receive(Packet(24, ((T, AH),), end=True), 4)
    begin = 4
    while told(playout, begin) is None:
        begin += 1
    now = begin + LEAD_TICKS
    assert playout.next(now, 4) == Upcoming(T, 4)
    assert playout.next(now + 4, 4) is Undecided.NOT_YET
    bridge = told(playout, now + 8)
    assert bridge is not None and bridge.ticks == 2
    playout.receive(Packet(10, ((M, S, T),)), now + 9)
    assert playout.next(now + 8, 2) == Upcoming(M, 4)
    for later in (10, 14):
        assert isinstance(playout.next(now + later, 4), Upcoming)
    assert playout.next(now + 18, 4) is Undecided.NOT_YET
    assert told(playout, now + 22) is not None
    rest = [upcoming.token for _, upcoming in speak(playout, now + 24)]
    assert [token for token in rest if token in (T, AH)] == [T, AH]
    assert playout.counts.gaps == 2
    assert playout.counts.lost_ticks == 4


def test_copies_are_said_once() -> None:
    playout = Playout()
    playout.receive(Packet(0, ((S,),), start=True), 0)
    playout.receive(Packet(0, ((S,), (AH,)), start=True), 1)
    playout.receive(Packet(4, ((AH,), (T,)), end=True), 2)
    assert tokens(playout, 8) == [S, AH, T]
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
            upcoming = told(playout, now)
            now += 1 if upcoming is None else upcoming.ticks
    for _ in range(2000):
        upcoming = told(playout, now)
        now += 1 if upcoming is None else upcoming.ticks
    assert playout.next(now) is None
    assert not playout.speaking


def test_what_was_spoken_says_how_it_came() -> None:
    playout = Playout()
    playout.receive(Packet(0, ((S, AH),), start=True), 0)
    # The second packet is lost and the third repeats it; the fourth is lost and nothing repeats it.
    playout.receive(Packet(8, ((T, M), (S, AH))), 0)
    playout.receive(Packet(32, ((S, AH, T, M),), end=True), 0)
    assert tokens(playout, 0)
    heard = [(phone.phone, phone.ticks, phone.state) for phone in playout.spoken]
    assert heard[:6] == [
        (token.phone, token.ticks, state)
        for token, state in [(S, "received"), (AH, "received"), (T, "recovered"), (M, "recovered"), (S, "received"), (AH, "received")]
    ]
    assert heard[6] == (SILENCE, 8, "lost"), "one hole is one entry, however often it was bridged"
    assert heard[7] == (S.phone, S.ticks, "received")


def test_copies_in_a_deep_packet_that_queued_for_long_are_known_as_copies() -> None:
    group = (S, AH)
    length = sum(token.ticks for token in group)
    playout, now = Playout(), 0
    packets = [Packet((200 + length * first) % 256, (group,) * 7) for first in range(30)]
    for packet in packets[:20]:
        now += length
        playout.receive(packet, now)
    assert len(list(speak(playout, now))) > 2 * 26
    for packet in packets[20:]:
        playout.receive(packet, now + length + 130)
    assert playout.counts.tokens_received == 2 * (7 + 29)


def test_a_talkspurt_that_came_while_a_long_one_was_spoken_keeps_its_moment() -> None:
    playout = Playout()
    arrivals: dict[int, list[Packet]] = {}
    for place in range(40):  # each token a second late, as on a network with much jitter
        packet = Packet(4 * place, ((AH,),), start=place == 0, end=place == 39)
        arrivals.setdefault(4 * place + 50, []).append(packet)
    begins = 160 + SHORT_PAUSE_TICKS + 5
    arrivals[begins] = [Packet(begins, ((S, AH),), start=True, end=True)]
    heard = play(playout, arrivals, 400)
    moment = next(at for at, upcoming in heard if upcoming.token == S)
    assert LONGEST_WAIT_TICKS < 160
    assert abs(moment - begins - 50) <= SLIGHT_TICKS + LEAD_TICKS
