"""When an address has changed, and when it only flickers."""

import pytest

from softphone.engine.accounts.address_watch import AddressWatch, own_address


def changes(*seen: str) -> list[tuple[str, str]]:
    told: list[tuple[str, str]] = []
    looks = iter(seen)
    watch = AddressWatch(lambda old, new: told.append((old, new)), lambda: next(looks))
    for _ in seen[1:]:
        watch.tick()
    return told


def test_a_new_address_that_stays_is_told_once() -> None:
    assert changes("a", "a", "b", "b", "b") == [("a", "b")]
    assert changes("a", "b", "b", "c", "c", "a", "a") == [("a", "b"), ("b", "c"), ("c", "a")]


def test_a_network_that_is_gone_for_a_while_is_no_change() -> None:
    assert changes("a", "", "", "a", "a") == []
    assert changes("a", "", "b", "b") == [("a", "b")]
    assert changes("a", "b", "a", "b", "a") == []


def test_the_first_network_after_none_is_no_change() -> None:
    assert changes("", "a", "a", "a") == [], "nothing was said of the machine without one"


def test_looking_sends_nothing_and_raises_nothing() -> None:
    assert own_address().count(".") in (0, 3)


def test_a_change_that_could_not_be_dealt_with_is_told_again() -> None:
    told: list[tuple[str, str]] = []

    def changed(old: str, new: str) -> None:
        told.append((old, new))
        if len(told) == 1:
            raise OSError

    looks = iter(("a", "b", "b", "b", "b"))
    watch = AddressWatch(changed, lambda: next(looks))
    watch.tick()
    with pytest.raises(OSError):
        watch.tick()
    watch.tick()
    watch.tick()
    assert told == [("a", "b"), ("a", "b")]
