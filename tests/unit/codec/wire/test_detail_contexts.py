"""What tells how likely a code of detail is: the same integers everywhere, whatever is asked."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.encoder import Encoder
from codec.models import Models
from codec.units import audio_file
from codec.units.arrays import load_arrays
from codec.units.errors import PayloadError
from codec.units.limits import DETAIL_STAGES
from codec.units.phones import phone_index
from codec.wire import packet as packet_module
from codec.wire.detail_contexts import BOOKS, DETAIL_CODES, PLACES, PREFIX, UNKNOWN_PHONE, DetailContexts, Place, places_of
from codec.wire.packet import MAX_CODES, Packet, parse, serialize
from codec.wire.range_coder import TOTAL, TOTAL_BITS
from codec.wire.settings import EncoderSettings
from codec.wire.tables import Entropy
from codec.wire.token import WireToken, segment_count
from softphone import paths
from tests.places import MODELS
from tests.second_reader import SecondReader

ENTROPY = Entropy.load(MODELS)
ARRAYS = {name: array for name, array in load_arrays(MODELS / "detail.safetensors")[0].items() if name.startswith((PREFIX, BOOKS))}
SECOND = SecondReader()
phones = st.integers(0, UNKNOWN_PHONE)
places = st.builds(Place, phones, st.integers(1, UNKNOWN_PHONE - 1), phones, st.integers(0, PLACES - 1), st.integers(0, PLACES - 1))
codes = st.lists(st.integers(0, DETAIL_CODES - 1), max_size=DETAIL_STAGES - 1).map(tuple)


@given(places, codes, codes)
@settings(deadline=None, max_examples=40)
def test_the_frequencies_are_those_of_the_document(place: Place, previous: tuple[int, ...], found: tuple[int, ...]) -> None:
    table = ENTROPY.details.table(place, previous, found)
    frequencies = np.diff(table.cumulative)
    assert frequencies.min() >= 1
    assert frequencies.sum() == TOTAL
    assert frequencies.tolist() == SECOND.frequencies(list(place), list(previous) or None, list(found))


def test_what_was_asked_before_changes_nothing() -> None:
    rng = np.random.default_rng(1)
    fresh = DetailContexts(ARRAYS)
    for _ in range(3000):
        place = Place(40, int(rng.integers(1, 40)), 40, 0, 1)
        found = tuple(map(int, rng.integers(DETAIL_CODES, size=rng.integers(DETAIL_STAGES))))
        fresh.table(place, (), found)
    assert fresh.table(place, (), found).cumulative == DetailContexts(ARRAYS).table(place, (), found).cumulative


def test_a_group_tells_its_places() -> None:
    group = (WireToken(phone_index("S"), 3), WireToken(0, 5), WireToken(phone_index("T"), 32))
    found = list(places_of(group))
    assert len(found) == sum(segment_count(token.phone, token.ticks) for token in group) == 18
    s, t = phone_index("S"), phone_index("T")
    assert found[0] == Place(UNKNOWN_PHONE, s, 0, 0, 1)
    assert found[1] == Place(UNKNOWN_PHONE, s, 0, 1, 1)
    assert found[2] == Place(0, t, UNKNOWN_PHONE, 0, PLACES - 1)
    assert found[-1] == Place(0, t, UNKNOWN_PHONE, PLACES - 1, PLACES - 1)


def test_codes_of_speech_cost_less_than_their_eight_bits() -> None:
    models = Models.load()
    pcm = audio_file.read(paths.demo_recording()[0])[: 4 * 16000]
    encoder = Encoder(models, EncoderSettings(redundancy=0, detail=4, voice=False))
    payloads = [*itertools.chain(*(encoder.encode(pcm[at : at + 320]) for at in range(0, len(pcm), 320))), *encoder.flush()]
    costs = []
    for payload in payloads:
        (group,) = parse(payload, models.entropy).groups
        previous: tuple[int, ...] = ()
        for place, segment in zip(places_of(group), itertools.chain(*(token.details for token in group)), strict=True):
            for stage, code in enumerate(segment):
                costs.append(TOTAL_BITS - np.log2(models.entropy.details.table(place, previous, segment[:stage]).frequency(code)))
            previous = segment
    assert len(costs) > 200
    assert np.mean(costs) < 6.6


@pytest.mark.parametrize(
    ("name", "damage"), [("out", lambda t: t[:3]), ("bias", lambda t: t + 0.5), ("decay", lambda t: -t), ("decay", lambda t: t[:9])]
)
def test_a_network_of_another_version_is_refused(name: str, damage: object) -> None:
    arrays = ARRAYS | {PREFIX + name: damage(ARRAYS[PREFIX + name])}  # type: ignore[operator]
    with pytest.raises(ValueError, match="this version"):
        DetailContexts(arrays)
    with pytest.raises(KeyError):
        DetailContexts({each: array for each, array in ARRAYS.items() if each != PREFIX + name})


def test_a_packet_of_more_codes_than_may_be_is_refused_before_they_cost_time(monkeypatch: pytest.MonkeyPatch) -> None:
    long = WireToken(phone_index("S"), 32)
    cheap = list(itertools.repeat(0, DETAIL_STAGES))
    group = (WireToken(long.phone, 32, details=(tuple(cheap),) * 16),) * 9
    packet = Packet(0, (group,))
    with pytest.raises(ValueError, match=f"at most {MAX_CODES} codes"):
        serialize(packet, ENTROPY)
    with monkeypatch.context() as patched:
        patched.setattr(packet_module, "MAX_CODES", 10**6)
        patched.setattr(packet_module, "MAX_PAYLOAD", 10**6)
        payload = serialize(packet, ENTROPY)[:1000]
    began = time.process_time()
    with pytest.raises(PayloadError, match="codes of detail"):
        parse(payload, ENTROPY)
    assert time.process_time() - began < 1
