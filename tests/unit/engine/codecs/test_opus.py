"""Opus through the codec interface: parameters of RFC 7587, slots, loss, redundancy, silence, rubbish."""

import math
from array import array

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.units.rates import SAMPLE_RATE
from softphone.codecs.implementation import OpenRequest, ParsedFrame
from softphone.engine.codecs import libopus
from softphone.engine.codecs.opus import PACKET_MS, OpusInstance, OpusSettings, opus_descriptor, send_parameters
from softphone.engine.pjsip.errors import CodecSetupError, MediaError
from softphone.engine.pjsip.factory import MAX_FMTP_CHARS

SLOT = 320


def vowel(seconds: float, hertz: float = 140.0) -> bytes:
    """Something like a voice: harmonics under a formant, with a syllable's rise and fall."""
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    f0 = hertz * (1 + 0.1 * np.sin(2 * np.pi * 2.5 * t))
    phase = 2 * np.pi * np.cumsum(f0) / SAMPLE_RATE
    sound = sum(np.sin(k * phase) * math.exp(-(((k * hertz - 700) / 600) ** 2)) for k in range(1, 20))
    sound = sound * (0.55 - 0.45 * np.cos(2 * np.pi * 4 * t))
    return (sound / np.abs(sound).max() * 12000).astype("<i2").tobytes()


def instance(fmtp: dict[str, str] | None = None, packet_ms: int = 60, rate: int = SAMPLE_RATE, **values: object) -> OpusInstance:
    request = OpenRequest({}, {"useinbandfec": "1", "usedtx": "1"} if fmtp is None else fmtp, rate, 1, packet_ms)
    return OpusInstance(OpusSettings(packet_ms=20, **values), request)  # type: ignore[arg-type]


def packets(sender: OpusInstance, pcm: bytes) -> list[tuple[int, bytes | None]]:
    """(RTP timestamp, packet) in order."""
    size = 2 * SAMPLE_RATE * sender.encode_ms // 1000
    return [(at // 2 * 3, sender.encode(pcm[at : at + size])) for at in range(0, len(pcm) - size + 1, size)]


def play(receiver: OpusInstance, sent: list[tuple[int, bytes | None]], lost: set[int] = frozenset()) -> bytes:  # type: ignore[assignment]
    """As PJMEDIA would: packets one packet time ahead of playout, `recover` for slots that are missing."""
    slots: dict[int, ParsedFrame] = {}
    for index, (timestamp, packet) in enumerate(sent):
        if packet is not None and index not in lost:
            for part, frame in enumerate(receiver.parse(packet, timestamp)):
                slots[timestamp // 960 + part] = frame
    per_packet = sent[1][0] // 960
    return b"".join(
        receiver.decode(slots[slot].data, SLOT) if slot in slots else receiver.recover(SLOT) for slot in range(len(sent) * per_packet)
    )


def error_db(found: bytes, wanted: bytes, begin: float, end: float) -> float:
    """Energy of the difference against that of the wanted sound, in dB, over seconds begin..end."""
    cut = slice(int(begin * SAMPLE_RATE), int(end * SAMPLE_RATE))
    a, b = (np.frombuffer(x, "<i2").astype(float)[cut] for x in (found, wanted))
    return float(10 * np.log10(np.sum((a - b) ** 2) / np.sum(b**2)))


@pytest.mark.parametrize("packet_ms", PACKET_MS)
def test_every_packet_time_fills_its_slots_and_plays(packet_ms: int) -> None:
    sender, receiver = instance(packet_ms=packet_ms, bit_rate=24000), instance()
    assert sender.encode_ms == packet_ms
    sent = packets(sender, vowel(1.2))
    first = receiver.parse(sent[0][1] or b"", 0)
    assert [f.timestamp for f in first] == [960 * i for i in range(packet_ms // 20)]
    assert all(f.samples == SLOT and not f.changed for f in first)
    heard = play(receiver, sent)
    assert len(heard) == len(sent) * packet_ms * 32
    assert np.abs(np.frombuffer(heard, "<i2").astype(int)).max() > 6000


@pytest.mark.parametrize(("duration", "slot"), [(2.5, 40), (5, 80), (10, 160), (20, 320), (30, 160)])
def test_short_packets_of_a_peer_change_the_slot_length(duration: float, slot: int) -> None:
    encoder = libopus.Encoder(SAMPLE_RATE)
    size = 20 * round(1.6 * duration)
    packet = encoder.encode(vowel(0.1)[:size]) if duration != 30 else _three_frames(encoder)
    frames = instance().parse(packet, 5000)
    assert [f.samples for f in frames] == [slot] * round(16 * duration / slot)
    assert [f.changed for f in frames] == [slot != SLOT] + [False] * (len(frames) - 1)


def _three_frames(encoder: libopus.Encoder) -> bytes:
    """One packet of three 10 ms frames, code 3 of RFC 6716 section 3.2.5, of equal size."""
    one = encoder.encode(vowel(0.1)[:320])
    return bytes([one[0] | 3, 0x03]) + one[1:] * 3


def test_loss_is_repaired_from_the_redundancy_of_the_next_packet() -> None:
    pcm = vowel(3)
    options = {"bit_rate": 24000, "expected_loss_percent": 30}
    errors = []
    for fmtp in (None, {}):
        sent = packets(instance(fmtp, **options), pcm)
        clean = play(instance(), sent)
        # Each syllable's middle, where libopus hears a voice and so spends bits on redundancy.
        lost = [index for index in range(5, 48) if np.frombuffer(pcm, "<i2")[index * 960 : (index + 1) * 960].std() > 3000]
        errors.append(np.median([error_db(play(instance(), sent, {i}), clean, i * 0.06, (i + 1) * 0.06) for i in lost]))
    with_redundancy, without = errors
    assert without > -3
    assert with_redundancy < -10


@given(st.sets(st.integers(0, 49)), st.sampled_from(PACKET_MS))
@settings(max_examples=30, deadline=None)
def test_any_loss_gives_sound_of_the_right_length(lost: set[int], packet_ms: int) -> None:
    sent = packets(instance(packet_ms=packet_ms), SPEECH)
    assert len(play(instance(), sent, lost)) == len(sent) * packet_ms * 32


SPEECH = vowel(1.0)


def test_silence_sends_next_to_nothing_when_the_peer_allows_it() -> None:
    quiet = bytes(2 * SAMPLE_RATE * 6)
    with_dtx = [p for _, p in packets(instance(), quiet) if p]
    without = [p for _, p in packets(instance({"useinbandfec": "1"}), quiet) if p]
    assert len(without) == 100
    assert len(with_dtx) < 25


def test_bit_rate_is_kept() -> None:
    for rate in (6000, 9000, 12000):
        sent = packets(instance(bit_rate=rate), vowel(6))
        bits = sum(8 * len(p) for _, p in sent if p) / 6
        assert bits < 1.15 * rate, (rate, bits)


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ({}, {"bit_rate": 9000, "fec": False, "dtx": False, "cbr": False}),
        ({"maxaveragebitrate": "8000", "useinbandfec": "1"}, {"bit_rate": 8000, "fec": True}),
        ({"maxaveragebitrate": "64000", "usedtx": "1", "cbr": "1"}, {"bit_rate": 9000, "dtx": True, "cbr": True}),
        ({"maxaveragebitrate": "1", "useinbandfec": "yes", "usedtx": "-1"}, {"bit_rate": 9000, "fec": False, "dtx": False}),
    ],
)
def test_wishes_of_the_peer(remote: dict[str, str], expected: dict[str, object]) -> None:
    found = send_parameters(OpusSettings(), remote, 60)
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(("ptime", "packet_ms"), [(20, 60), (60, 60), (80, 80), (90, 80), (160, 120), (0, 60), (5100, 120)])
def test_ptime_lengthens_packets_and_never_shortens_them(ptime: int, packet_ms: int) -> None:
    assert send_parameters(OpusSettings(), {}, ptime).packet_ms == packet_ms


@pytest.mark.parametrize(
    "values", [{"bit_rate": 5999}, {"packet_ms": 30}, {"complexity": 11}, {"expected_loss_percent": -1}, {"bandwidth_hz": 24000}]
)
def test_settings_out_of_range_are_named(values: dict[str, int]) -> None:
    with pytest.raises(CodecSetupError, match=next(iter(values))):
        OpusSettings(**values)


def test_fmtp_fits_into_what_pjsip_prints() -> None:
    fmtp = opus_descriptor(OpusSettings(bit_rate=128000)).default_fmtp
    assert len(";".join(f"{n}={v}" for n, v in fmtp.items())) < MAX_FMTP_CHARS


def test_rates_that_opus_does_not_know_are_refused() -> None:
    with pytest.raises(CodecSetupError, match="11025"):
        instance(rate=11025)


@given(st.binary(max_size=300), st.integers(0, 2**32 - 1))
def test_rubbish_is_an_error_of_our_own_or_sound(packet: bytes, timestamp: int) -> None:
    receiver = instance()
    try:
        frames = receiver.parse(packet, timestamp)
        for frame in frames[:16]:
            assert len(receiver.decode(frame.data, frame.samples)) <= 2 * frame.samples
    except MediaError as error:
        assert str(error).endswith(".")


def test_memory_is_bounded_when_packets_come_and_nobody_listens() -> None:
    receiver = instance()
    packet = libopus.Encoder(SAMPLE_RATE).encode(array("h", [0] * SLOT).tobytes())
    for index in range(1000):
        receiver.parse(packet, index * 960)
    assert len(receiver._packets) <= 64


def test_timestamps_wrap_around() -> None:
    sender, receiver = instance(packet_ms=20, bit_rate=24000), instance()
    heard = b""
    for offset, packet in packets(sender, vowel(0.4)):
        for frame in receiver.parse(packet or b"", (0xFFFFFFFF - 9600 + offset) & 0xFFFFFFFF):
            heard += receiver.decode(frame.data, SLOT)
    assert len(heard) == 20 * 640
    assert np.abs(np.frombuffer(heard[-6400:], "<i2").astype(int)).max() > 3000
