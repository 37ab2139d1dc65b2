"""Calls with a standard phone (baresip): Opus, and G.711 for a peer that has nothing else; the sound is compared, both ways."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from softphone import sound_file
from softphone.control.protocol import AutoAnswer, CallState, CallStatistics, Hangup, Sdp
from tests.peers.programs.baresip import Baresip
from tests.phones.phone import Phone
from tests.sound import LAST_WORDS_SECONDS, assert_same_sound

MakePhone = Callable[..., Phone]
MakeBaresip = Callable[..., Baresip]
OPUS = ("opus/48000/2", "pcmu", "pcma")


def test_the_comparison_tells_other_speech_apart(speech: Path, tmp_path: Path) -> None:
    pcm = sound_file.read(speech)
    sound_file.write_wav(tmp_path / "backwards.wav", pcm[::-1].copy())
    with pytest.raises(AssertionError, match="not what was said"):
        assert_same_sound(speech, tmp_path / "backwards.wav")


@pytest.mark.interop("Opus and G.711, both ways, the sound compared", "baresip-core")
@pytest.mark.parametrize(("codecs", "expected"), [(OPUS, "opus"), (("pcmu",), "PCMU")])
def test_we_call_baresip(
    codecs: tuple[str, ...], expected: str, make_phone: MakePhone, make_baresip: MakeBaresip, speech: Path, tmp_path: Path
) -> None:
    phone, peer = make_phone("phone"), make_baresip(codecs)
    phone.wait_worker()
    heard = tmp_path / "heard.wav"
    call = phone.call(peer.uri, wav_in=speech, wav_out=heard)
    phone.wait_state(call, "confirmed")
    media = phone.wait_media(call)
    assert media.codec == expected
    assert "did not agree to x-phv: baresip v" in media.note and "does not know it" in media.note, "why it is not on our own codec"
    phone.wait_file(call, "played")
    time.sleep(LAST_WORDS_SECONDS)
    phone.client.request(Hangup(call=call))
    phone.wait_file(call, "recorded")
    peer.wait_for("CALL_CLOSED")
    assert_same_sound(speech, heard)
    assert_same_sound(speech, peer.heard())
    statistics = phone.last_statistics(call)
    assert statistics.rx.packets > 50
    assert statistics.rx.loss_percent < 5


@pytest.mark.interop("Opus and G.711, both ways, the sound compared", "baresip-core")
@pytest.mark.parametrize(("codecs", "expected"), [(OPUS, "opus"), (("pcmu",), "PCMU")])
def test_baresip_calls_us(
    codecs: tuple[str, ...], expected: str, make_phone: MakePhone, make_baresip: MakeBaresip, speech: Path, tmp_path: Path
) -> None:
    phone, peer = make_phone("phone"), make_baresip(codecs)
    heard = tmp_path / "heard.wav"
    phone.client.request(AutoAnswer(wav_in=str(speech), wav_out=str(heard)))
    peer.command("dial", phone.uri)
    peer.wait_for("CALL_ESTABLISHED")
    call = phone.wait(CallState, lambda event: event.state == "incoming").call
    assert phone.wait_media(call).codec == expected
    phone.wait_file(call, "played")
    time.sleep(LAST_WORDS_SECONDS)
    peer.command("hangup")
    phone.wait_state(call, "disconnected")
    phone.wait_file(call, "recorded")
    assert_same_sound(speech, heard)
    assert_same_sound(speech, peer.heard())


@pytest.mark.interop("Opus in packets of 60 ms", "baresip-core")
def test_opus_goes_to_baresip_in_slow_link_packets(make_phone: MakePhone, make_baresip: MakeBaresip, speech: Path) -> None:
    phone, peer = make_phone("phone", codecs=("opus",)), make_baresip(OPUS)
    call = phone.call(peer.uri, wav_in=speech)
    assert phone.wait_media(call).codec == "opus"
    played = phone.wait_file(call, "played")
    sent = phone.wait(CallStatistics, lambda event: event.monotonic > played.monotonic + 0.5).tx
    # 4.5 s in packets of 60 ms are 75; at 8 kbit/s they hold 4500 bytes, a little more with FEC.
    assert 60 <= sent.packets <= 110
    assert sent.bytes < 8000
    phone.client.request(Hangup(call=call))


@pytest.mark.interop("video offered to us is refused, and the call goes on with sound", "baresip-core")
def test_video_is_refused_politely(make_phone: MakePhone, speech: Path, tmp_path: Path) -> None:
    phone, peer = make_phone("phone", codecs=("PCMU",)), Baresip(tmp_path / "baresip", ("pcmu",), speech, video=True)
    peer.start()
    try:
        phone.client.request(AutoAnswer())
        peer.command("dial", phone.uri)
        peer.wait_for("CALL_ESTABLISHED")
        call = phone.wait(CallState, lambda event: event.state == "incoming").call
        assert phone.wait_media(call).codec == "PCMU"
        sdp = phone.client.request(Sdp(call=call))
        assert re.search(r"m=video [1-9]", sdp.remote) and re.search(r"m=video 0 ", sdp.local)
        phone.wait(CallStatistics, lambda event: event.rx.packets > 50)
        peer.command("hangup")
        phone.wait_state(call, "disconnected")
    finally:
        peer.stop()
