"""When a phone registers again, and with whom."""

from softphone.engine.registration_pace import RegistrationPace, retry_after


def waits(pace: RegistrationPace, count: int) -> list[tuple[int, float]]:
    return [(round(pace.failed()), pace.place) for _ in range(count)]


def test_waits_double_up_to_the_longest() -> None:
    pace = RegistrationPace(1, 2, 300, chance=lambda: 0.5)
    assert [pace.failed() for _ in range(9)] == [2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert RegistrationPace(1, 2, 300, chance=lambda: 0.5).failed() == 2
    pace.succeeded()
    assert pace.failed() == 2
    for _ in range(5000):
        assert pace.failed() <= 300


def test_phones_of_one_server_do_not_come_in_the_same_moment() -> None:
    assert RegistrationPace(1, 10, 300, chance=lambda: 0.0).failed() == 8
    assert RegistrationPace(1, 10, 300, chance=lambda: 1.0).failed() == 12


def test_all_servers_are_asked_before_any_wait() -> None:
    pace = RegistrationPace(3, 2, 300, chance=lambda: 0.5)
    assert waits(pace, 7) == [(0, 1), (0, 2), (2, 0), (0, 1), (0, 2), (4, 0), (0, 1)]
    pace.succeeded()
    assert pace.place == 1, "who serves stays"


def test_what_the_server_asks_for_is_heeded_within_reason() -> None:
    assert retry_after("SIP/2.0 503 x\r\nRetry-After: 30 (soon)\r\n\r\nRetry-After: 9") == 30
    assert retry_after("") == 0
    assert RegistrationPace(1, 2, 300, chance=lambda: 0.5).failed(30) == 30
    assert RegistrationPace(1, 2, 300, chance=lambda: 0.5).failed(10**8) == 300
    assert RegistrationPace(2, 2, 300, chance=lambda: 0.5).failed(30) == 0, "another one may serve now"
