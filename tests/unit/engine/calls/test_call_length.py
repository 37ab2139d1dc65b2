"""How long a call was up."""

from softphone.engine.calls.events import CallLength


def test_it_counts_while_the_call_is_up() -> None:
    now = 50.0
    length = CallLength(lambda: now)
    assert length.seconds("early") == length.seconds("connecting") == 0
    assert length.seconds("confirmed") == 0
    now = 62.5
    assert length.seconds("confirmed") == 12.5
    now = 63.0
    assert length.seconds("disconnected") == 13.0
    now = 90.0
    assert length.seconds("disconnected") == 13.0


def test_who_was_never_connected_has_none() -> None:
    assert CallLength().seconds("disconnected") == 0
