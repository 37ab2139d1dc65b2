"""What leaves together in a payload of sound."""

from collections import Counter

import pytest

from codec.wire.packet import MAX_PAYLOAD
from codec.wire.sound import MAX_COPIES, MAX_COPY, MAX_TOKENS, parse_sound
from softphone.engine.phv.receiver_report import TransitTimes
from softphone.engine.phv.sound.half import SoundHalf
from softphone.engine.phv.sound.sender import SoundSender


def test_tokens_for_which_the_payload_has_no_room_go_with_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest copies, Opus and tokens that there can be."""
    half = SoundHalf("always", 24_000, 0, TransitTimes(), lambda: True, Counter())
    half.begin(None)
    half.send(bytes(640), 0)
    assert half.level is not None
    copies = tuple((tick, bytes(MAX_COPY)) for tick in range(1, MAX_COPIES))
    monkeypatch.setattr(SoundSender, "copies", lambda *_: copies)
    waiting = [bytes(MAX_TOKENS)]
    found = []
    for tick in range(1, 4):
        monkeypatch.setattr(SoundSender, "take", lambda *_, tick=tick: (tick, bytes(100)))
        half.send(bytes(640), tick)
        payload = half.payload(lambda: waiting.pop() if waiting else None)
        assert payload is not None and len(payload) <= MAX_PAYLOAD
        found.append(len(parse_sound(payload).tokens))
        copies = ()
    assert found == [0, MAX_TOKENS, 0]


def test_what_is_sent_is_known_the_moment_the_call_is_up() -> None:
    """After a hold too: statistics may be told before anything is captured."""
    half = SoundHalf("auto", 24_000, 0, TransitTimes(), lambda: True, Counter())
    assert half.level is None and half.why == "the call is not up yet"
    half.begin(None)
    assert half.level is not None and "not up" not in half.why
