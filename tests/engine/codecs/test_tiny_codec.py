"""Adding a codec for calls takes one file (tiny_codec.py) and one line: two engines that have it talk on it."""

from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name

import pytest

from softphone.codecs import CODECS
from softphone.codecs.codec import CallCodec
from softphone.config import Audio, Codecs, Config, Network
from softphone.control.protocol import AutoAnswer, Call, CallState, CallStatistics, ControlError, Status
from tests.engine.codecs.tiny_codec import TINY
from tests.phones.phone import Phone
from tests.tones import HEARD_DB, wait_levels, write_tone

MakePhone = Callable[..., Phone]


def start(folder: Path, order: tuple[str, ...]) -> Phone:
    config = Config(network=Network(bind="127.0.0.1"), audio=Audio(input="null", output="null"), codecs=Codecs(order=order))
    phone = Phone(folder, config, module="tests.engine.codecs.tiny_codec")
    phone.start()
    return phone


def test_two_phones_talk_on_a_new_codec(tmp_path: Path) -> None:
    alice = start(tmp_path / "alice", ("PCMU", "x-tiny"))
    bob = start(tmp_path / "bob", ("x-tiny", "PCMU"))
    try:
        bob.client.request(AutoAnswer(wav_in=str(write_tone(tmp_path / "700.wav", 700)), wav_out=str(tmp_path / "bob.wav")))
        assert bob.client.request(Status()).codecs == ["x-tiny", "PCMU"]
        wav_in, wav_out = str(write_tone(tmp_path / "500.wav", 500)), str(tmp_path / "alice.wav")
        command = Call(uri=bob.uri, wav_in=wav_in, wav_out=wav_out, codecs=["x-tiny", "PCMU"])
        call = alice.client.request(command).call
        media = alice.wait_media(call)
        assert (media.codec, media.rtpmap_local) == ("x-tiny", "a=rtpmap:96 x-tiny/8000")
        his = bob.wait(CallState, lambda event: event.state == "confirmed").call
        assert bob.wait_media(his).codec == "x-tiny"
        wait_levels(tmp_path / "alice.wav", lambda level: level(700) > HEARD_DB)
        wait_levels(tmp_path / "bob.wav", lambda level: level(500) > HEARD_DB)
        measured = alice.wait(CallStatistics, lambda event: event.tx.packets > 0)
        assert measured.codec == "x-tiny" and measured.tx.bytes == 160 * measured.tx.packets
    finally:
        alice.stop()
        bob.stop()


def test_a_phone_without_it_refuses_its_name(make_phone: MakePhone) -> None:
    alice = make_phone("alice", codecs=("PCMU",))
    with pytest.raises(ControlError, match="codecs"):
        alice.client.request(Call(uri="sip:bob@127.0.0.1", codecs=[TINY.name]))


@pytest.mark.parametrize("codec", [codec for codec in CODECS if codec.implementation], ids=lambda codec: codec.name)
def test_implementations_exist(codec: CallCodec) -> None:
    assert callable(resolve_name(codec.implementation))
