import random

from codec.playout.delay import FEW_TOKENS, FIRST_TICKS, JUMP_TICKS, MOST_TICKS, ROUGH_TICKS, SPARE_TICKS, PlayoutDelay


def hear(delay: PlayoutDelay, lateness: list[int], first: int = 0) -> None:
    """Packets of one token of 4 ticks each, as late as said."""
    for place, late in enumerate(lateness):
        start = first + 4 * place
        delay.packet(start + late, start, start + 4, begins=place == 0)
        delay.token(start + late, start)


def test_before_much_is_known_there_is_time_for_a_packet_and_a_doubt() -> None:
    delay = PlayoutDelay()
    hear(delay, [20])
    assert delay.ticks == 16 + FIRST_TICKS


def test_nearly_all_tokens_are_in_time() -> None:
    rng, delay = random.Random(1), PlayoutDelay()
    lateness = [12 + rng.randrange(16) for _ in range(1000)]
    hear(delay, lateness)
    assert 25 <= delay.ticks - SPARE_TICKS <= 27


def test_where_the_network_makes_whole_groups_late_more_are_waited_for() -> None:
    slightly, rough = PlayoutDelay(), PlayoutDelay()
    hear(slightly, [20] * 170 + [20 + ROUGH_TICKS - 1] * 28 + [60, 60])
    assert slightly.ticks == 20 + ROUGH_TICKS - 1 + SPARE_TICKS
    hear(rough, [20] * 170 + [20 + ROUGH_TICKS] * 28 + [60, 60])
    assert rough.ticks == 60 + SPARE_TICKS
    hear(rough, [20] * 196 + [44, 44, 44, 44], first=1000)
    assert rough.ticks == 20 + SPARE_TICKS, "two in a hundred are few"


def test_one_very_late_packet_costs_nothing_and_many_do() -> None:
    delay = PlayoutDelay()
    hear(delay, [20] * 100 + [60] + [20] * 60)
    assert delay.ticks == 20 + SPARE_TICKS
    hear(delay, [20] * 20 + [60, 20] * 10, first=700)
    assert delay.ticks == 60 + SPARE_TICKS


def test_it_becomes_shorter_again() -> None:
    delay = PlayoutDelay()
    hear(delay, [20, 50] * 50)
    assert delay.ticks == 50 + SPARE_TICKS
    hear(delay, [20] * 250, first=400)
    assert delay.ticks == 20 + SPARE_TICKS


def test_it_is_bounded() -> None:
    delay = PlayoutDelay()
    hear(delay, [20] * FEW_TOKENS + [1000] * FEW_TOKENS)
    assert delay.ticks == 20 + MOST_TICKS


def test_a_sender_with_a_new_clock_is_learned_anew() -> None:
    delay = PlayoutDelay()
    hear(delay, [20] * 100)
    delay.packet(5000, 5000 - 20 - JUMP_TICKS - 1, 5000 - 20 - JUMP_TICKS + 3, begins=True)
    delay.token(5000, 5000 - 20 - JUMP_TICKS - 1)
    assert delay.ticks >= 20 + JUMP_TICKS
