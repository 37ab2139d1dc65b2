"""Packets that hold a way through NATs open: when they go, and that a listener hears no difference."""

from dataclasses import replace

import numpy as np

from codec.decoder import Decoder
from codec.encoder import Encoder
from codec.playout.schedule import Playout
from codec.units.phones import phone_index
from codec.wire.packet import Packet, parse
from codec.wire.settings import EncoderSettings
from codec.wire.token import WireToken
from softphone.worker.keep_alive import AGAIN_S, EACH_S, KeepAlive
from tests.scripted_speech import HELLO, models_for, script

STEP = 320
T = WireToken(phone_index("T"), 4)


def sent_at(seconds: float, speech_at: tuple[float, ...] = ()) -> list[float]:
    """When packets of silence go, of a stream in which packets of speech go at these times."""
    keep_alive, times = KeepAlive(), []
    for step in range(round(seconds / 0.02)):
        if keep_alive.due():
            times.append(step * 0.02)
        keep_alive.passed(0.02, any(abs(step * 0.02 - at) < 0.001 for at in speech_at))
    return times


def test_one_goes_at_once_one_after_a_second_and_then_one_each_time_that_it_is_silent_for_long() -> None:
    assert np.allclose(sent_at(40), [0, AGAIN_S, AGAIN_S + EACH_S, AGAIN_S + 2 * EACH_S], atol=0.05)
    assert np.allclose(sent_at(30, speech_at=(0.5, 9.0)), [0, 9.0 + EACH_S], atol=0.05)


def test_a_listener_hears_no_difference() -> None:
    said = script([("SIL", 600), *HELLO, ("SIL", 1500), *HELLO, ("SIL", 3000)], silence_db=-45)
    models = models_for(said.phones)
    encoder, plain, kept = Encoder(models, EncoderSettings()), Decoder(models), Decoder(models)
    heard: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    extra = 0
    for at in range(0, len(said.pcm), STEP):
        if encoder.quiet and (at // STEP) % 20 == 0:
            payload = encoder.keep_alive()
            assert len(payload) == 1 and parse(payload, models.entropy).groups == ((),)
            kept.receive(payload)
            extra += 1
        for payload in encoder.encode(said.pcm[at : at + STEP]):
            plain.receive(payload)
            kept.receive(payload)
        for decoder, blocks in zip((plain, kept), heard, strict=True):
            blocks.append(decoder.pull(STEP))
    assert extra > 4
    assert np.abs(np.concatenate(heard[0])).max() > 1000
    assert not np.concatenate(heard[0])[-STEP:].any(), "the noise of the background is over, and no packet brings it back"
    assert np.array_equal(np.concatenate(heard[0]), np.concatenate(heard[1]))
    assert kept.statistics == replace(plain.statistics, packets=plain.statistics.packets + extra)


def test_one_that_is_the_first_packet_to_arrive_costs_no_word_that_began_before_it() -> None:
    playout = Playout()
    playout.receive(Packet(60, ((),)), now=5)
    playout.receive(Packet(48, ((T, T),), start=True, end=True), now=6)
    assert playout.counts.tokens_late == 0 and playout.counts.tokens_received == 2
    assert [token.phone for token in playout.following()] == [T.phone, T.phone]
