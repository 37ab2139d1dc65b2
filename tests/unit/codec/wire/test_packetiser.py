"""When packets go after the end of a talkspurt, and what they repeat."""

import pytest

from codec.units.phones import phone_index
from codec.wire.packetiser import LONGEST_TAIL_MS, Packetiser
from codec.wire.settings import EncoderSettings
from codec.wire.token import TICK_MS, WireToken

ONCE, THRICE = EncoderSettings(redundancy=1), EncoderSettings(redundancy=3)
S = WireToken(phone_index("S"), 8)


def ended(settings: EncoderSettings) -> Packetiser:
    """Three groups were sent, the last one at tick 24, and there the talkspurt ended with a packet that repeats."""
    packets = Packetiser()
    for start in (0, 8, 16):
        packets.add(start, S)
        packets.packet(start + 8, settings, None)
    packets.end()
    assert packets.packet(24, settings, None).end
    return packets


def test_redundancy_that_rises_long_after_the_end_repeats_nothing() -> None:
    packets = ended(ONCE)
    assert not any(packets.due(now, ONCE) for now in range(24, 274))
    assert not packets.due(24 + 5000 // TICK_MS, THRICE)


def test_redundancy_that_rises_soon_after_the_end_repeats_the_last_groups() -> None:
    packets = ended(ONCE)
    assert packets.due(34, THRICE)
    assert packets.packet(34, THRICE, None).groups == ((S,), (S,), ())


@pytest.mark.parametrize("interval_ms", [160, 320, 640])
def test_the_last_groups_are_repeated_as_often_as_all_others(interval_ms: int) -> None:
    settings = EncoderSettings(interval_ms=interval_ms, redundancy=3)
    packets, sent = ended(settings), []
    for now in range(24, 300):
        if packets.due(now, settings):
            sent.append((now, len(packets.packet(now, settings, None).groups) - 1))
    assert [groups for _, groups in sent] == [2, 1]
    assert all((now - 24) * TICK_MS <= LONGEST_TAIL_MS for now, _ in sent)


def test_a_long_interval_leaves_repeats_out_that_would_come_too_late() -> None:
    settings = EncoderSettings(interval_ms=640, redundancy=11)
    packets, sent = ended(settings), []
    for now in range(24, 400):
        if packets.due(now, settings):
            packets.packet(now, settings, None)
            sent.append(now - 24)
    assert sent == [32, 64]


def test_an_end_that_is_told_with_the_last_group_is_the_first_repeat() -> None:
    packets, settings = Packetiser(), THRICE
    packets.add(0, S)
    packets.end()
    assert packets.packet(8, settings, None).end
    later = []
    for now in range(9, 300):
        if packets.due(now, settings):
            later.append(packets.packet(now, settings, None).groups)
    assert later == [((S,), ()), ((S,), ())]


def test_the_next_talkspurt_has_an_end_of_its_own() -> None:
    packets = ended(THRICE)
    packets.add(300, S)
    packets.packet(308, THRICE, None)
    packets.end()
    assert packets.packet(310, THRICE, None).end
    assert packets.due(320, THRICE)
