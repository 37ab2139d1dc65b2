"""docs/payload-format.md tells the truth: its bytes are those of the code, and a reader written from it reads what the code wrote."""

from typing import Any

import pytest

from codec.units.errors import PayloadError
from codec.units.phones import PHONES
from codec.wire.packet import Packet, parse
from codec.wire.sound import parse_sound
from codec.wire.tables import Entropy
from tests.fuzzing.fuzz_payloads import seeds, sound_seeds
from tests.second_reader import SecondReader
from tools import payload_examples


@pytest.fixture(scope="module")
def entropy() -> Entropy:
    return payload_examples.entropy()


def as_read(packet: Packet) -> dict[str, Any]:
    return {
        "time": packet.time,
        "start": packet.start,
        "end": packet.end,
        "voice": None if packet.voice is None else (packet.voice.version, packet.voice.index, packet.voice.data),
        "extensions": [(each.type, each.data) for each in packet.extensions],
        "groups": [
            [
                {
                    "phone": token.phone,
                    "ticks": token.ticks,
                    "pitch": token.pitch,
                    "glide": token.glide,
                    "level": token.level,
                    "details": list(token.details),
                }
                for token in group
            ]
            for group in packet.groups
        ],
    }


def test_the_worked_bytes_are_those_of_the_code() -> None:
    text = payload_examples.DOCUMENT.read_text()
    written = text.partition(payload_examples.BEGIN)[2].partition(payload_examples.END)[0].strip()
    assert written == payload_examples.section().strip(), "run: python -m tools.payload_examples"


def test_a_second_implementation_reads_real_payloads(entropy: Entropy) -> None:
    reader, read = SecondReader(), 0
    for payload in seeds(entropy):
        try:
            packet = parse(payload, entropy)
        except PayloadError:
            continue
        if not packet.more:
            assert reader.read(payload) == as_read(packet)
            read += 1
    assert read > 30


def test_a_second_implementation_reads_payloads_of_sound(entropy: Entropy) -> None:
    reader, read = SecondReader(), 0
    for payload in sound_seeds(entropy):
        sound = parse_sound(payload)
        found = reader.read_any(payload)
        told = None
        if sound.report is not None:
            told = (*sound.report.path.extension().data, pytest.approx(sound.report.rate_bps))
        assert (found["time"], found["opus"], found["deaf"], found["padding"]) == (sound.time, sound.opus, sound.deaf, sound.padding)
        assert found["report"] == told
        assert (found["copies"], found["words"]) == (list(sound.copies), sound.words)
        assert (found["tokens"] is None) == (not sound.tokens)
        if sound.tokens:
            tokens = parse(sound.tokens, entropy)
            assert tokens.more or found["tokens"] == as_read(tokens)
        read += 1
    assert read > 30


def test_the_inventory_of_the_document_is_that_of_the_code() -> None:
    text = payload_examples.DOCUMENT.read_text()
    section = text.partition("### 4.4")[2].partition("### 4.5")[0].partition("\n")[2]
    assert [word for word in section.replace(",", " ").replace(";", " ").replace(".", " ").split() if word.isupper()] == list(PHONES)
