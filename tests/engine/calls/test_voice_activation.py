"""When the microphone is sent: always, while somebody speaks into it, or when it is unmuted; heard at the other end of a real call."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from codec.units.rates import SAMPLE_RATE
from softphone.config import Audio, Codecs, Config, Network
from softphone.control.protocol import AutoAnswer, CallState, CallStatistics, Hangup, Hold, Mute, Resume, Status, Talk, TalkMode
from tests.phones.phone import Phone
from tests.tones import HEARD_DB, SILENCE_DB, read_growing, tone_db, wait_levels, write_tone

MakePhone = Callable[..., Phone]
SPEECH, FILE = 600, 1100
QUIET_S, SPEECH_S = 4, 1.5
NOISE_DB = -48
PIECE = SAMPLE_RATE // 50


def microphone() -> bytes:
    """Noise, then what stands for speech in it: a tone."""
    random = np.random.default_rng(20)
    sound = random.standard_normal(round((QUIET_S + SPEECH_S) * SAMPLE_RATE)) * 10 ** (NOISE_DB / 20)
    at = np.arange(round(SPEECH_S * SAMPLE_RATE)) / SAMPLE_RATE
    sound[QUIET_S * SAMPLE_RATE :] += 0.4 * np.sin(2 * np.pi * SPEECH * at)
    return (sound * 32767).astype("<i2").tobytes()


@pytest.fixture
def make_speaker(tmp_path: Path) -> Iterator[Callable[[str], Phone]]:
    """A phone whose microphone hears noise and now and then speech, on Opus."""
    made: list[Phone] = []

    def make(talk: str) -> Phone:
        folder = tmp_path / "speaker"
        folder.mkdir()
        (folder / "microphone.raw").write_bytes(microphone())
        audio = Audio(echo_canceller="off", talk=talk)
        made.append(
            Phone(
                folder, Config(network=Network(bind="127.0.0.1"), audio=audio, codecs=Codecs(("opus",))), module="tests.phones.cable_phone"
            )
        )
        made[-1].start()
        return made[-1]

    yield make
    for phone in made:
        phone.stop()


def levels(file: Path) -> np.ndarray:
    """dBFS of each 20 ms."""
    sound = read_growing(file)
    pieces = sound[: len(sound) // PIECE * PIECE].reshape(-1, PIECE)
    return 20 * np.log10(np.maximum(pieces.std(axis=1), 1e-5))


def stretches(loud: np.ndarray, gap: int) -> list[tuple[int, int]]:
    """(begin, end) of what is loud; shorter gaps belong to it."""
    found: list[tuple[int, int]] = []
    for place in np.flatnonzero(loud).tolist():
        if found and place - found[-1][1] <= gap:
            found[-1] = (found[-1][0], place + 1)
        else:
            found.append((place, place + 1))
    return found


def test_only_speech_goes_out_and_all_of_it(make_speaker: Callable[[str], Phone], make_phone: MakePhone, tmp_path: Path) -> None:
    phone, bob = make_speaker("voice"), make_phone("bob", codecs=("opus",))
    bob.client.request(AutoAnswer(wav_out=str(tmp_path / "heard.wav")))
    call = phone.call(bob.uri)
    phone.wait_state(call, "confirmed")
    told = len(phone.events)
    # The first is the noise, before it is known as such.
    for sending in (True, False) * 3:
        event = phone.wait(Talk, lambda event, now=sending: event.call == call and event.sending is now, after=told)
        told = phone.events.index(event) + 1
    status = phone.client.request(Status())
    assert status.calls[0].sending is False and status.talk == "voice"
    silent = phone.wait(CallStatistics, lambda event: event.tx.payload_bps < 1000, after=told)
    assert silent.call == call, "comfort noise at most"
    time.sleep(1)  # what is on its way
    heard = levels(tmp_path / "heard.wav")
    spoken = stretches(heard > -30, gap=3)
    # The first may be cut by the beginning of the call.
    for begin, end in spoken[1:]:
        assert (end - begin) / 50 == pytest.approx(SPEECH_S, abs=0.1)
        assert heard[max(begin - 60, 0) : begin - 16].max() < NOISE_DB - 15, "noise before"
        assert heard[end + 50 : end + 100].max() < NOISE_DB - 15, "and after"
    assert len(spoken) >= 2

    place = len(phone.events)
    phone.client.request(TalkMode(mode="open"))
    assert phone.wait(Talk, after=place).sending is None
    phone.wait(CallStatistics, lambda event: event.tx.payload_bps > 2000, after=place)
    start = len(levels(tmp_path / "heard.wav"))
    while len(heard := levels(tmp_path / "heard.wav")[start:]) < 300:
        time.sleep(0.1)
    # Opus itself leaves out some of it (DTX).
    assert sum(heard > NOISE_DB - 8) > 170, "the noise is sent, too"

    phone.client.request(TalkMode(mode="voice"))
    phone.wait(Talk, lambda event: event.sending is True, after=len(phone.events))
    phone.client.request(Mute(call=call))
    muted = phone.wait(Talk, lambda event: event.sending is None, after=len(phone.events) - 1)
    phone.client.request(Hold(call=call))
    phone.client.request(Mute(call=call, on=False))
    phone.client.request(Resume(call=call))
    phone.wait(Talk, lambda event: event.sending is True, after=phone.events.index(muted) + 1)
    wait_levels(tmp_path / "heard.wav", lambda level: level(SPEECH) > HEARD_DB)
    phone.client.request(Hangup())
    phone.wait_state(call, "disconnected")
    # The gate of that call serves the next one.
    again = phone.call(bob.uri)
    phone.wait(Talk, lambda event: event.call == again and event.sending is True)
    phone.client.request(Hangup())
    phone.wait_state(again, "disconnected")


def test_with_push_to_talk_calls_begin_muted_and_files_are_heard(
    make_speaker: Callable[[str], Phone], make_phone: MakePhone, tmp_path: Path
) -> None:
    phone, bob = make_speaker("push"), make_phone("bob", codecs=("opus",))
    bob.client.request(AutoAnswer(wav_out=str(tmp_path / "heard-{call}.wav")))
    call = phone.call(bob.uri)
    assert phone.wait_state(call, "confirmed").muted
    time.sleep(QUIET_S + SPEECH_S)
    assert tone_db(read_growing(tmp_path / "heard-1.wav"), SPEECH) < SILENCE_DB
    phone.client.request(Mute(call=call, on=False))
    wait_levels(tmp_path / "heard-1.wav", lambda level: level(SPEECH) > HEARD_DB)
    place = len(phone.events)
    phone.client.request(TalkMode(mode="push"))
    assert phone.wait(CallState, lambda event: event.muted, after=place).call == call
    phone.client.request(Hangup())
    phone.wait_state(call, "disconnected")
    called = phone.call(bob.uri, wav_in=write_tone(tmp_path / "file.wav", FILE))
    assert not phone.wait_state(called, "confirmed").muted
    wait_levels(tmp_path / "heard-2.wav", lambda level: level(FILE) > HEARD_DB)
    phone.client.request(Hangup())
    phone.wait_state(called, "disconnected")
