"""The background between words: described where it can be heard, made alike, and never in the way of speech."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import lfilter

from codec.decoder import Decoder
from codec.encoder import Encoder
from codec.speak.comfort_noise import FADE_TO_S, ORDER, SILENT, STEP_SAMPLES, TYPE, BackgroundMeter, ComfortNoise
from codec.wire.packet import parse
from codec.wire.settings import EncoderSettings
from tests.scripted_speech import HELLO, models_for, script

RNG = np.random.default_rng(7)


def noise(dbov: float, seconds: float, pole: float = 0.0) -> NDArray[np.int16]:
    sound = lfilter([1], [1, -pole], RNG.standard_normal(int(16000 * seconds)))
    sound *= 32768 * 10 ** (dbov / 20) / np.sqrt(np.mean(sound**2))
    return np.asarray(np.clip(np.round(sound), -32768, 32767), np.int16)


def level(pcm: NDArray[np.int16]) -> float:
    return float(10 * np.log10(np.mean((pcm / 32768.0) ** 2) + 1e-12))


def tilt(pcm: NDArray[np.int16]) -> float:
    """dB by which the band below 1 kHz is louder than that from 3 to 4 kHz."""
    power = np.abs(np.fft.rfft(pcm.astype(float))) ** 2
    hertz = np.fft.rfftfreq(len(pcm), 1 / 16000)
    return float(10 * np.log10(power[(hertz > 50) & (hertz < 1000)].mean() / power[(hertz > 3000) & (hertz < 4000)].mean()))


def meter_of(pcm: NDArray[np.int16], meter: BackgroundMeter | None = None) -> BackgroundMeter:
    meter = meter or BackgroundMeter()
    for at in range(0, len(pcm) - STEP_SAMPLES + 1, STEP_SAMPLES):
        step = pcm[at : at + STEP_SAMPLES]
        meter.push(step, level(step), level(step) - 1, speaking=False)
    return meter


@pytest.mark.parametrize(("dbov", "pole"), [(-40.0, 0.0), (-52.0, 0.9), (-45.0, -0.8)])
def test_the_listener_hears_a_background_of_the_same_level_and_colour(dbov: float, pole: float) -> None:
    background = noise(dbov, 2, pole)
    told = meter_of(background).description()
    assert told is not None and told.type == TYPE
    assert len(told.data) <= 1 + ORDER
    heard = ComfortNoise()
    heard.receive(told.data)
    made = np.concatenate([heard.fill(np.zeros(320, np.int16)) for _ in range(35)])[640:]
    assert level(made) == pytest.approx(dbov, abs=2)
    assert tilt(made) == pytest.approx(tilt(background), abs=4)


def test_a_quiet_room_is_not_described() -> None:
    for background in (noise(-70, 2), np.zeros(32000, np.int16)):
        assert meter_of(background).description() is None


def test_it_is_told_again_only_when_it_changed_or_is_old() -> None:
    meter = meter_of(noise(-45, 1))
    assert meter.description() is not None
    assert meter_of(noise(-45, 3), meter).description() is None
    assert meter_of(noise(-45, 6), meter).description() is not None
    assert meter_of(noise(-38, 3), meter).description() is not None
    assert not meter.worth_a_packet
    assert meter_of(noise(-25, 5), meter).worth_a_packet
    louder = meter.description()
    assert louder is not None and louder.data[0] == pytest.approx(25, abs=2)
    ended = meter_of(noise(-75, 8), meter).description()
    assert ended is not None and ended.data == bytes([SILENT])


def test_speech_is_no_background() -> None:
    meter = BackgroundMeter()
    for step in noise(-20, 3).reshape(-1, STEP_SAMPLES):
        meter.push(step, -20, -50, speaking=False)
        meter.push(step, -20, -20, speaking=True)
    assert meter.description() is None


def test_loud_speech_is_left_alone_and_silence_filled() -> None:
    heard = ComfortNoise()
    heard.receive(bytes([45, 127, 127]))
    speech = noise(-20, 0.4)
    sound = heard.fill(np.concatenate((speech, np.zeros(6400, np.int16))))
    beside = sound[640 : len(speech)] - speech[640:].astype(float)
    assert np.abs(beside).max() == 0
    assert level(sound[len(speech) + 640 :]) == pytest.approx(-45, abs=2)


def test_the_noise_dies_away_when_nothing_comes_any_more() -> None:
    heard = ComfortNoise()
    heard.receive(bytes([40]))
    steps = [heard.fill(np.zeros(320, np.int16)) for _ in range(round(FADE_TO_S * 50) + 10)]
    assert level(steps[10]) > -45
    assert not steps[-1].any()
    heard.packet_came()
    assert any(heard.fill(np.zeros(320, np.int16)).any() for _ in range(3))


def test_sound_does_not_depend_on_how_it_is_taken() -> None:
    speech = np.concatenate((noise(-30, 0.1), np.zeros(3000, np.int16)))
    first, second = ComfortNoise(), ComfortNoise()
    for each in (first, second):
        each.receive(bytes([42, 200, 100]))
    cuts = [0, 1, 100, 320, 321, 1000, 2500, len(speech)]
    pieces = [second.fill(speech[a:b]) for a, b in itertools.pairwise(cuts)]
    assert np.array_equal(first.fill(speech), np.concatenate(pieces))


@given(st.binary(max_size=255))
def test_any_description_is_survived(data: bytes) -> None:
    heard = ComfortNoise()
    heard.receive(data)
    sound = np.concatenate([heard.fill(np.full(320, 30000, np.int16)), *(heard.fill(np.zeros(320, np.int16)) for _ in range(4))])
    assert len(sound) == 1600
    assert np.isfinite(sound).all()


@pytest.mark.parametrize("wanted", [True, False])
def test_a_call_with_a_background(wanted: bool) -> None:
    said = script([("SIL", 1000), *HELLO, ("SIL", 500), *HELLO, ("SIL", 3000)], silence_db=-45)
    models = models_for(said.phones)
    encoder, decoder = Encoder(models, EncoderSettings(comfort_noise=wanted, voice=False, detail=0)), Decoder(models)
    heard, described, packets = [], 0, 0
    for at in range(0, len(said.pcm), 320):
        for payload in encoder.encode(said.pcm[at : at + 320]):
            described += sum(extension.type == TYPE for extension in parse(payload, models.entropy).extensions)
            packets += 1
            decoder.receive(payload)
        heard.append(decoder.pull(320))
    assert packets < 40, "the background alone makes no packets"
    quiet = [level(step) for step in heard if level(step) < -38]
    if wanted:
        assert 1 <= described <= 2
        assert sum(-50 < each < -40 for each in quiet) > 30
    else:
        assert described == 0
        assert all(each < -100 for each in quiet[:10])
