"""Payloads that carry sound: what is written is read, what is damaged is refused, and none is taken for one of tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.units.errors import PayloadError
from codec.wire.link_report import LinkReport
from codec.wire.sound import MAX_COPIES, MAX_COPY_TICKS, MAX_TOKENS, SoundPayload, SoundReport, is_sound, parse_sound, serialize_sound
from tests.fuzzing.fuzz_payloads import kept, seeds
from tools import payload_examples

REPORT = SoundReport(LinkReport(0.25, 1.5, 120, 15), 0.0)
COMMON = {
    "time": st.integers(0, 255),
    "tokens": st.binary(max_size=MAX_TOKENS),
    "report": st.sampled_from((None, REPORT)),
    "deaf": st.booleans(),
    "words": st.booleans(),
}
COPY = st.tuples(st.integers(1, MAX_COPY_TICKS), st.binary(min_size=1, max_size=60))
PARTS = st.builds(SoundPayload, opus=st.binary(max_size=300), **COMMON) | st.builds(
    SoundPayload,
    opus=st.binary(min_size=1, max_size=300),
    copies=st.lists(COPY, max_size=MAX_COPIES).map(tuple),
    **COMMON,
)


@given(PARTS)
def test_what_is_written_is_read(sound: SoundPayload) -> None:
    payload = serialize_sound(sound)
    assert is_sound(payload)
    assert parse_sound(payload) == sound


@pytest.mark.parametrize("padding", [1, 27, 200])
def test_a_probe_is_read(padding: int) -> None:
    assert parse_sound(serialize_sound(SoundPayload(3, padding=padding))).padding == padding


@given(st.binary(max_size=40))
def test_any_bytes_are_a_payload_of_sound_or_refused(data: bytes) -> None:
    try:
        sound = parse_sound(data)
    except PayloadError:
        return
    assert serialize_sound(sound) == data


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\0",
        b"\0\0",
        b"\1\2\3",  # no mark
        b"\1\x80\0",  # a flag of a later version
        b"\1\x20\1\1\1a\0",  # copies without Opus
        b"\1\x24\0",  # no copies
        b"\1\x24\0a\0",
        b"\1\x24\5" + 5 * b"\1\1a" + b"a\0",  # too many
        b"\1\x24\1\1\5abc\0",  # a copy that is cut off
        b"\1\x24\1\0\1aa\0",  # one of the same time
        b"\1\x24\1\1\0a\0",  # an empty one
        b"\1\x24\1\1\1a\0",  # copies, and no Opus after them
        b"\1\x14aa\0",  # Opus and a probe
        b"\1\x01abcd\0",  # a report that is cut off
        b"\1\x02\0",  # no tokens
        b"\1\x02\x05abc\0",
        b"\1\x04\0",  # no Opus
        b"\1\0a\0",  # what no flag names
        b"\1\x10a\0",  # a probe that is not empty
        b"\1\x04" + bytes(1100) + b"\0",
    ],
)
def test_what_is_damaged_is_refused(payload: bytes) -> None:
    with pytest.raises(PayloadError) as found:
        parse_sound(payload)
    assert str(found.value).endswith(".")


@pytest.mark.parametrize(
    "sound",
    [
        SoundPayload(256),
        SoundPayload(0, tokens=bytes(256)),
        SoundPayload(0, opus=b"x", padding=1),
        SoundPayload(0, opus=bytes(1100)),
        SoundPayload(0, copies=((1, b"x"),)),
        SoundPayload(0, opus=b"x", copies=((0, b"x"),)),
        SoundPayload(0, opus=b"x", copies=((1, b""),)),
        SoundPayload(0, opus=b"x", copies=((1, bytes(256)),)),
        SoundPayload(0, opus=b"x", copies=5 * ((1, b"x"),)),
    ],
)
def test_what_does_not_fit_is_not_written(sound: SoundPayload) -> None:
    with pytest.raises(ValueError):
        serialize_sound(sound)


def test_no_payload_of_tokens_is_taken_for_sound() -> None:
    tokens = [*kept(), *seeds(payload_examples.entropy())]
    assert len(tokens) > 60
    assert not any(is_sound(payload) for payload in tokens)


@pytest.mark.parametrize("bps", [300.0, 2400.0, 24_000.0, 64_000.0, 1_000_000.0])
def test_a_rate_is_told_to_a_tenth(bps: float) -> None:
    report = SoundReport(LinkReport(0.1, 1.25, 400, 20), bps)
    read = SoundReport.read(report.to_bytes())
    assert 0.9 < read.rate_bps / bps < 1.1
    assert read.path.queue_ms == 400
