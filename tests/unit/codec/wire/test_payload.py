from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.units.errors import PayloadError
from codec.units.limits import DETAIL_STAGES, MAX_REDUNDANCY
from codec.units.phones import PHONES, VOWELS, phone_index
from codec.wire.detail_contexts import DETAIL_CODES
from codec.wire.packet import MAX_EXTENSIONS, MAX_PAYLOAD, VOICE_PIECE_BYTES, Extension, Packet, VoicePiece, parse, serialize
from codec.wire.tables import MAX_GROUP_TOKENS, Entropy
from codec.wire.token import LEVELS, MAX_GLIDE, MAX_TICKS, PITCHES, WireToken, segment_count
from tests.places import MODELS

ENTROPY = Entropy.load(MODELS)


@st.composite
def tokens(draw: st.DrawFn) -> WireToken:
    phone, ticks = draw(st.integers(0, len(PHONES) - 1)), draw(st.integers(1, MAX_TICKS))
    if phone not in VOWELS:
        return WireToken(phone, ticks)
    pitch = draw(st.none() | st.integers(0, PITCHES - 1))
    glide = 0 if pitch is None else draw(st.integers(-MAX_GLIDE, MAX_GLIDE))
    return WireToken(phone, ticks, pitch, glide, draw(st.integers(0, LEVELS - 1)))


@st.composite
def detailed(draw: st.DrawFn) -> Packet:
    """A packet whose newest groups have details, each group its own number of codes."""
    packet = draw(packets)
    code = st.integers(0, DETAIL_CODES - 1)
    several = []
    for group in packet.groups[-draw(st.integers(1, 3)) :]:
        stages = draw(st.integers(0, DETAIL_STAGES))
        several.append(
            tuple(
                replace(token, details=tuple(tuple(draw(code) for _ in range(stages)) for _ in range(count)) if stages else ())
                for token in group[:5]
                for count in [segment_count(token.phone, token.ticks)]
            )
        )
    return replace(packet, groups=tuple(several))


groups = st.lists(tokens(), max_size=MAX_GROUP_TOKENS).map(tuple)
few = st.lists(tokens(), max_size=4).map(tuple)
pieces = st.builds(VoicePiece, st.integers(0, 7), st.integers(0, 31), st.binary(min_size=VOICE_PIECE_BYTES, max_size=VOICE_PIECE_BYTES))
extensions = st.builds(Extension, st.integers(0, 255), st.binary(max_size=255))
packets = st.builds(
    Packet,
    time=st.integers(0, 255),
    groups=st.lists(groups, min_size=1, max_size=5).map(tuple) | st.lists(few, min_size=6, max_size=MAX_REDUNDANCY + 1).map(tuple),
    start=st.booleans(),
    end=st.booleans(),
    voice=st.none() | pieces,
    extensions=st.lists(extensions, max_size=MAX_EXTENSIONS).map(tuple),
)


@given(packets)
@settings(deadline=None)
def test_round_trip(packet: Packet) -> None:
    assert parse(serialize(packet, ENTROPY), ENTROPY) == packet


@given(detailed())
@settings(deadline=None)
def test_round_trip_with_details(packet: Packet) -> None:
    assert parse(serialize(packet, ENTROPY), ENTROPY) == packet


def test_details_of_some_tokens_only_are_not_written() -> None:
    word = (WireToken(phone_index("S"), 2, details=((3,),)), WireToken(phone_index("T"), 2))
    with pytest.raises(ValueError, match="details"):
        serialize(Packet(0, (word,)), ENTROPY)
    uneven = (WireToken(phone_index("S"), 4, details=((3,), (4, 5))),)
    with pytest.raises(ValueError, match="as many codes"):
        serialize(Packet(0, (uneven,)), ENTROPY)


@given(st.binary(max_size=80))
@settings(deadline=None, max_examples=500)
def test_any_bytes_are_a_packet_or_a_payload_error(data: bytes) -> None:
    try:
        packet = parse(data, ENTROPY)
    except PayloadError as error:
        assert str(error).endswith(".")
    else:
        assert packet.more or serialize(packet, ENTROPY) == data


@given(packets | detailed(), st.data())
@settings(deadline=None)
def test_damaged_payloads_are_a_packet_or_a_payload_error(packet: Packet, data: st.DataObject) -> None:
    payload = bytearray(serialize(packet, ENTROPY))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(payload) - 1))
        payload[place] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(payload)))
    for damaged in (bytes(payload), bytes(payload[:cut]), bytes(payload) + b"\x01"):
        try:
            parse(damaged, ENTROPY)
        except PayloadError as error:
            assert str(error)


def test_what_follows_the_end_is_refused() -> None:
    word = (WireToken(phone_index("S"), 4), WireToken(phone_index("IY"), 5, 25, 1, 18))
    payload = serialize(Packet(9, (word,), voice=VoicePiece(1, 2, b"abcd")), ENTROPY)
    with pytest.raises(PayloadError, match="does not end where its tokens do"):
        parse(payload + bytes(8) + b"\x01", ENTROPY)


def test_another_layer_is_skipped() -> None:
    word = tuple(WireToken(phone_index(label), 4) for label in ("S", "T"))
    plain = serialize(Packet(7, (word,), more=True), ENTROPY)
    read = parse(plain + bytes(range(1, 40)), ENTROPY)
    assert read.more
    assert read.groups == (word,)


def test_unknown_extensions_are_kept_apart_from_the_tokens() -> None:
    word = (WireToken(phone_index("M"), 3),)
    packet = Packet(200, (word,), extensions=(Extension(99, b"later"), Extension(100, b"")))
    assert parse(serialize(packet, ENTROPY), ENTROPY) == packet


@pytest.mark.parametrize("payload", [b"", bytes(MAX_PAYLOAD + 1)])
def test_impossible_sizes_are_refused(payload: bytes) -> None:
    with pytest.raises(PayloadError, match="empty|more than"):
        parse(payload, ENTROPY)


def test_a_packet_of_usual_speech_is_small() -> None:
    word = (WireToken(phone_index("DH"), 2), WireToken(phone_index("AH"), 4, 22, 0, 17))
    assert len(serialize(Packet(0, (word,)), ENTROPY)) <= 6
    assert len(serialize(Packet(0, (word, word)), ENTROPY)) <= 10


def test_byte_0_is_the_time() -> None:
    assert serialize(Packet(123, ((),)), ENTROPY)[0] == 123


@pytest.mark.parametrize(
    "packet",
    [
        Packet(256, ((),)),
        Packet(0, ()),
        Packet(0, ((),) * (MAX_REDUNDANCY + 2)),
        Packet(0, ((WireToken(1, 1),) * (MAX_GROUP_TOKENS + 1),)),
        Packet(0, ((),), voice=VoicePiece(0, 0, b"123")),
        Packet(0, ((),), extensions=(Extension(0, b""),) * (MAX_EXTENSIONS + 1)),
    ],
)
def test_packets_beyond_the_limits_are_not_written(packet: Packet) -> None:
    with pytest.raises(ValueError, match=r"time|groups|voice piece|extensions"):
        serialize(packet, ENTROPY)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((40, 1), "inventory"),
        ((1, 0), "1 to 32"),
        ((1, 33), "1 to 32"),
        ((1, 1, 42), "pitch is"),
        ((1, 1, None, 1), "glide is"),
        ((1, 1, 10, 5), "glide is"),
        ((1, 1, 10, 0, 26), "level is"),
        ((20, 1, 10), "only vowels"),
    ],
)
def test_tokens_beyond_the_limits_cannot_be_made(fields: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WireToken(*fields)
