"""Voices from call to call: what the codec says of them, what is kept on disk, and that nothing is kept without both sides' leave."""

import json
import stat
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from codec.decoder import Decoder
from codec.encoder import Encoder
from codec.units.errors import PayloadError
from codec.voice import residual
from codec.voice.embedding import Voice
from codec.voice.memory import MAY_KEEP, TYPE, MemoryReceiver, MemorySender, OwnMemory, Remembered
from codec.wire.packet import Extension, Packet, parse, serialize
from codec.wire.settings import EncoderSettings
from softphone import config
from softphone.cli.main import main
from softphone.control.protocol import CallState, Event, Log, Media
from softphone.engine.phv.voice_keeper import ASK, VoiceKeeper, voices_refused
from softphone.link.messages import Keep, KnownVoice, Memory, OwnVoice
from softphone.store.voices import OWN, KeptVoices
from softphone.worker.encoder_lane import KnownVoices
from tests.scripted_speech import models_for, script

BASIS = models_for([]).voice_residual
COORDINATES = np.linspace(-1, 1, BASIS.size).astype(np.float32)
KNOWN = Remembered({0: b"\x50abc", 1: b"defg"}, {0: b"\x12\x34\x56\x78"}, 9)


def own(seconds: float = 40.0, basis: int = BASIS.basis) -> OwnMemory:
    embedding = np.full(256, 1 / 16, np.float32)
    return OwnMemory(Voice(embedding, 180.0), seconds, COORDINATES, basis)


def voices_told(theirs: Remembered | None = KNOWN, permitted: bool = False) -> Keep:
    """What the worker tells of a call."""
    known = None if theirs is None else KnownVoice(**theirs.as_json())
    return Keep(1, OwnVoice(**own().as_json()), KnownVoice(**KNOWN.as_json()), known, permitted)


def test_what_is_kept_is_read_again() -> None:
    assert Remembered.from_json(KNOWN.as_json()) == KNOWN
    again = OwnMemory.from_json(own().as_json())
    assert np.allclose(again.voice.embedding, own().voice.embedding, atol=1e-3)
    assert np.allclose(again.coordinates, own().coordinates, atol=1e-3)


@pytest.mark.parametrize(
    "damage", [{"pieces": {}}, {"pieces": {"0": "zz"}}, {"pieces": {"99": "00000000"}}, {"basis": None}, {"residual": 3}]
)
def test_what_is_damaged_is_refused_in_one_sentence(damage: dict[str, Any]) -> None:
    with pytest.raises(PayloadError, match="delete it"):
        Remembered.from_json(KNOWN.as_json() | damage)


def test_the_digest_stands_for_every_byte() -> None:
    others = [replace(KNOWN, pieces={0: b"\x50abd", 1: b"defg"}), replace(KNOWN, residual={}), replace(KNOWN, basis=8)]
    assert len({KNOWN.digest, *(other.digest for other in others)}) == 4


def test_leave_to_keep_is_told_after_a_while_and_not_for_ever() -> None:
    sender = MemorySender()
    assert not [tick for tick in range(200) if sender.next(tick * 0.16)]
    sender.allow(True)
    told = [tick * 0.16 for tick in range(500) if sender.next(tick * 0.16)]
    assert len(told) == MemorySender.TIMES
    assert told[0] >= MemorySender.KEEP_SECONDS


def test_only_the_voice_that_is_meant_is_used() -> None:
    receiver, sender = MemoryReceiver(), MemorySender()
    receiver.know(KNOWN)
    sender.claim(replace(KNOWN, residual={}))
    assert (first := sender.next(0.0)) is not None
    receiver.receive(first.data)
    assert receiver.take() is None
    sender.claim(KNOWN)
    assert (second := sender.next(10.0)) is not None
    receiver.receive(second.data)
    assert receiver.take() == KNOWN
    assert receiver.take() is None
    assert not receiver.may_keep
    for data in (b"", b"\0", b"\xff" * 300):
        receiver.receive(data)


def test_a_remembered_voice_is_spoken_in_at_once_and_its_bytes_are_saved() -> None:
    models = models_for([])
    decoder, encoder = Decoder(models), Encoder(models, EncoderSettings())
    pieces = dict(enumerate(models.voice_code.encode(own().voice)))
    known = Remembered(pieces, dict(enumerate(models.voice_residual.encode(own().coordinates))), models.voice_residual.basis)
    decoder.remember(known)
    encoder.voice.recall(own(), known, permit=True)
    told = Extension(TYPE, bytes([MAY_KEEP]) + known.digest)
    assert not decoder.statistics.voice_known
    decoder.receive(serialize(Packet(0, ((),), extensions=(told,)), models.entropy))
    assert decoder.statistics.voice_known
    assert np.abs(decoder.speaker[1] - own().coordinates).max() < 0.21
    assert decoder.to_keep == (known, True)
    encoder.voice.acknowledge(decoder.voice_receipt)
    assert encoder.voice.next_piece(100.0) is None
    assert encoder.voice.next_residual(100.0) is None
    assert encoder.voice.known_there == known


@pytest.mark.parametrize("voice", [True, False], ids=["described", "neutral"])
def test_a_neutral_voice_says_nothing_of_who_speaks(voice: bool) -> None:
    said = script([("SIL", 300), *[("HH", 80), ("AH", 120), ("L", 80), ("OW", 160), ("SIL", 300)] * 12])
    models = models_for(said.phones)
    encoder = Encoder(models, EncoderSettings(voice=voice))
    known = Remembered(dict(enumerate(models.voice_code.encode(own().voice))), {0: b"\x12\x34\x56\x78"}, models.voice_residual.basis)
    encoder.voice.recall(own(), known, permit=True)
    encoder.voice.set_residual(own().coordinates, encoder.voice.speakers)
    packets = [parse(payload, models.entropy) for at in range(0, len(said.pcm), 320) for payload in encoder.encode(said.pcm[at : at + 320])]
    told = {each.type for packet in packets for each in packet.extensions} & {residual.TYPE, TYPE}
    assert any(packet.groups[-1] for packet in packets)
    assert (told == {residual.TYPE, TYPE}) == voice and (voice or not told)
    assert voice or not any(packet.voice for packet in packets)
    assert (encoder.voice.bytes > 0) == voice


def test_what_earlier_calls_learned_is_sent_to_a_new_contact_at_once() -> None:
    models = models_for([])
    encoder = Encoder(models, EncoderSettings())
    encoder.voice.recall(own(), None, permit=False)
    assert encoder.voice.next_residual(0.1) is not None
    assert np.abs(encoder.voice.described[1] - COORDINATES).max() < 0.21
    assert (memory := encoder.voice.own_memory) is not None
    again = OwnMemory.from_json(memory.as_json())
    assert again.basis == BASIS.basis and np.abs(again.coordinates - COORDINATES).max() < 0.21


def test_what_was_learned_in_another_basis_is_not_sent() -> None:
    older = {name: value for name, value in own().as_json().items() if name != "basis"}
    for memory in (own(basis=BASIS.basis ^ 1), OwnMemory.from_json(older), replace(own(), coordinates=COORDINATES[:8])):
        encoder = Encoder(models_for([]), EncoderSettings())
        encoder.voice.recall(memory, None, permit=False)
        assert encoder.voice.next_residual(0.1) is None
    neutral = Encoder(models_for([]), EncoderSettings(voice=False))
    neutral.voice.recall(own(), None, permit=False)
    assert neutral.voice.next_residual(0.1) is None


def test_who_forgot_the_voice_is_told_it_anew() -> None:
    models = models_for([])
    encoder = Encoder(models, EncoderSettings())
    known = Remembered(dict(enumerate(models.voice_code.encode(own().voice))), {})
    encoder.voice.recall(own(), known, permit=False)
    assert encoder.voice.next_piece(1.0) is None
    encoder.voice.expect_receipt(6.0)
    assert encoder.voice.next_piece(6.0) is not None


def test_files_are_private_listed_and_deleted(tmp_path: Path) -> None:
    kept = KeptVoices(tmp_path / "voices")
    kept.keep('"Bob" <sip:bob@Example.org>;tag=1', {"mine": KNOWN.as_json(), "theirs": None})
    kept.keep("sip:bob@example.org", {"theirs": KNOWN.as_json()})
    kept.keep(OWN, {"own": own().as_json()})
    assert [voice.who for voice in kept.all()] == [OWN, "bob@example.org"]
    assert (bob := kept.get("sip:bob@example.org")) is not None
    assert set(bob.voices) == {"mine", "theirs"}
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "voices").iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE((tmp_path / "voices").stat().st_mode) == 0o700
    next((tmp_path / "voices").glob("*.json")).write_text("{")
    assert len(kept.all()) == 1
    assert kept.delete_all() == 2


def test_the_command_lists_exports_and_forgets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    kept = KeptVoices()
    kept.keep("sip:bob@example.org", {"mine": KNOWN.as_json(), "theirs": KNOWN.as_json()})
    kept.keep(OWN, {"own": own().as_json()})
    file = tmp_path / "bob.json"
    assert main(["voices", "list"]) == main(["voices", "export", "bob@example.org", str(file)]) == 0
    listed = capsys.readouterr().out
    assert "your voice, from 40 s" in listed and "bob@example.org: their voice is known here" in listed
    assert KNOWN.pieces[1].hex() not in listed, "a list tells of whom, not what"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Remembered.from_json(json.loads(file.read_text())["voices"]["theirs"]) == KNOWN
    assert main(["voices", "delete", "bob@example.org"]) == 0
    assert main(["voices", "export", "bob@example.org", str(file)]) == 1
    assert [voice.who for voice in kept.all()] == [OWN]


@pytest.mark.parametrize(
    ("consent", "permitted", "parts"),
    [("always", True, {"mine", "theirs"}), ("always", False, {"mine"}), ("ask", True, None), ("never", True, None)],
)
def test_nothing_is_kept_without_leave(tmp_path: Path, consent: str, permitted: bool, parts: set[str] | None) -> None:
    told: list[Memory] = []
    stream = SimpleNamespace(number=1, voices=voices_told(permitted=permitted), remember=told.append)
    state = CallState(time=0, monotonic=0, call=1, state="confirmed", direction="outgoing", remote="sip:bob@example.org")
    call = SimpleNamespace(media=SimpleNamespace(phv_stream=stream), describe=lambda: state)
    events: list[Event] = []
    kept = KeptVoices(tmp_path)
    keeper = VoiceKeeper(consent, cast(Any, {1: call}), events.append, kept)
    keeper.start()
    for _ in range(2):
        keeper.take(Media(time=0, monotonic=0, call=1, state="active", codec="x-phv"))
        keeper.take(CallState(time=0, monotonic=0, call=1, state="disconnected", direction="outgoing"))
    keeper.stop()
    bob = kept.get("sip:bob@example.org")
    assert (None if bob is None else set(bob.voices)) == parts
    assert (kept.get(OWN) is not None) == (parts is not None)
    assert len([event for event in events if isinstance(event, Log)]) == (consent == "ask")
    assert [memory.permit for memory in told] == ([True, True] if consent == "always" else [])
    if told:
        first, second = (KnownVoices.of(memory) for memory in told)
        assert (first.own, first.mine, first.theirs) == (None, None, None), "nothing was kept before the first call"
        assert second.own is not None and np.allclose(second.own.coordinates, own().coordinates, atol=1e-3)
        assert (second.mine, second.theirs) == (KNOWN, KNOWN if permitted else None)


def test_consent_is_asked_once_and_said_to_the_configuration_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    file, events = tmp_path / "my phone.toml", cast(list[Any], [])
    stream = SimpleNamespace(number=1, voices=None)
    state = CallState(time=0, monotonic=0, call=1, state="confirmed", direction="outgoing", remote="sip:bob@example.org")
    call = SimpleNamespace(media=SimpleNamespace(phv_stream=stream), describe=lambda: state)
    keeper = VoiceKeeper("ask", cast(Any, {1: call}), events.append, KeptVoices(tmp_path), file=file)
    for _ in range(2):
        keeper.take(Media(time=0, monotonic=0, call=1, state="active", codec="x-phv"))
        keeper.take(CallState(time=0, monotonic=0, call=1, state="disconnected", direction="outgoing", remote="sip:bob@example.org"))
    assert [event.message for event in events] == [ASK.format(f" --config '{file}'")]
    for command, said in (("allow", "always"), ("refuse", "never")):
        assert main(["voices", command, "--config", str(file)]) == 0
        assert config.load(file).privacy.voices == said
    assert voices_refused(file) and not (tmp_path / "xdg").exists()
    assert "not remembered" in capsys.readouterr().err


def test_what_is_refused_meanwhile_is_not_kept_and_another_stream_loses_nothing(tmp_path: Path) -> None:
    streams = [SimpleNamespace(number=number, voices=voices_told(None), remember=lambda _: None) for number in range(2)]
    state = CallState(time=0, monotonic=0, call=1, state="confirmed", direction="outgoing", remote="sip:bob@example.org")
    call = SimpleNamespace(media=SimpleNamespace(phv_stream=streams[0]), describe=lambda: state)
    file = tmp_path / "config.toml"
    active = Media(time=0, monotonic=0, call=1, state="active", codec="x-phv")
    for said, remembered in (("always", True), ("never", False)):
        file.write_text(f'[privacy]\nvoices = "{said}"\n')
        kept = KeptVoices(tmp_path / said)
        keeper = VoiceKeeper("always", cast(Any, {1: call}), lambda _: None, kept, lambda: voices_refused(file))
        keeper.start()
        for stream in streams:
            call.media.phv_stream = stream
            keeper.take(active)
        keeper.stop()
        assert (kept.get("sip:bob@example.org") is not None) == remembered


def test_what_is_deleted_during_a_call_stays_deleted(tmp_path: Path) -> None:
    kept = KeptVoices(tmp_path)
    kept.keep("sip:bob@example.org", {"mine": KNOWN.as_json()})

    def begun(_: Memory) -> None:
        kept.delete_all()

    stream = SimpleNamespace(number=1, voices=voices_told(), remember=begun)
    state = CallState(time=0, monotonic=0, call=1, state="confirmed", direction="outgoing", remote="sip:bob@example.org")
    call = SimpleNamespace(media=SimpleNamespace(phv_stream=stream), describe=lambda: state)
    keeper = VoiceKeeper("always", cast(Any, {1: call}), lambda _: None, kept)
    keeper.start()
    keeper.take(Media(time=0, monotonic=0, call=1, state="active", codec="x-phv"))
    keeper.take(CallState(time=0, monotonic=0, call=1, state="disconnected", direction="outgoing"))
    keeper.stop()
    assert [voice.who for voice in kept.all()] == [OWN], "what was new is kept"


def test_a_kept_voice_that_cannot_be_read_is_learned_again(tmp_path: Path) -> None:
    kept, told = KeptVoices(tmp_path), cast(list[Memory], [])
    kept.keep("sip:bob@example.org", {"mine": {"pieces": 7, "residual": {}}, "theirs": KNOWN.as_json() | {"pieces": {"0": "zz"}}})
    kept.keep(OWN, {"own": own().as_json()})
    stream = SimpleNamespace(number=1, voices=None, remember=told.append)
    state = CallState(time=0, monotonic=0, call=1, state="confirmed", direction="outgoing", remote="sip:bob@example.org")
    call = SimpleNamespace(media=SimpleNamespace(phv_stream=stream), describe=lambda: state)
    keeper = VoiceKeeper("always", cast(Any, {1: call}), lambda _: None, kept)
    keeper.start()
    keeper.take(Media(time=0, monotonic=0, call=1, state="active", codec="x-phv"))
    keeper.stop()
    (memory,) = told
    voices = KnownVoices.of(memory)
    assert voices.own is not None and (voices.mine, voices.theirs) == (None, None)
