"""The detail layer: what the sender says of the sound, the listener hears, and what does not arrive is not missed."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from codec.decoder import Decoder
from codec.detail.layer import CODES, LATENT, POINTS, REACH, DetailLayer, at_points, segment_of_frames, spread_latents
from codec.detail.writer import MARGIN, DetailWriter
from codec.encoder import Encoder
from codec.models import Models
from codec.speak.mel import log_mel
from codec.units.limits import DETAIL_STAGES
from codec.units.phones import phone_index
from codec.units.rates import FRAME_SAMPLES
from codec.units.weights import load_weights
from codec.wire.packet import parse, serialize
from codec.wire.settings import EncoderSettings
from codec.wire.tables import Entropy
from codec.wire.token import TICK_FRAMES, WireToken, segment_count
from tests.places import MODELS
from tests.scripted_speech import HELLO, models_for, script

CONTEXTS = Entropy.load(MODELS).details
TOKENS = (WireToken(phone_index("S"), 5), WireToken(0, 3), WireToken(phone_index("IY"), 9, 20, 0, 18))


@pytest.fixture(scope="module")
def layer() -> DetailLayer:
    return DetailLayer.from_weights(load_weights(MODELS / "detail.safetensors")[0])


def sound(frames: int, seed: int = 1) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(frames * FRAME_SAMPLES) * 2000).astype(np.int16)


def test_segments_cover_a_phone_in_order() -> None:
    for ticks in range(1, 33):
        count = segment_count(1, ticks)
        segments = segment_of_frames(ticks * TICK_FRAMES, count)
        assert segments.unique().tolist() == list(range(count))
        assert (segments.diff() >= 0).all()
    assert segment_count(0, 12) == 0


@pytest.mark.parametrize("stages", range(1, DETAIL_STAGES + 1))
def test_every_segment_gets_its_codes(layer: DetailLayer, stages: int) -> None:
    frames = sum(token.ticks for token in TOKENS) * TICK_FRAMES
    described = DetailWriter(layer, CONTEXTS).describe(TOKENS, sound(frames + 2 * MARGIN), stages)
    assert [len(token.details) for token in described] == [3, 0, 5]
    assert all(len(codes) == stages and all(0 <= code < CODES for code in codes) for token in described for codes in token.details)
    assert tuple(replace(token, details=()) for token in described) == TOKENS


def test_coarse_codes_are_those_of_the_first_stage(layer: DetailLayer) -> None:
    pcm = sound(sum(token.ticks for token in TOKENS) * TICK_FRAMES + 2 * MARGIN)
    fine, coarse = (DetailWriter(layer, CONTEXTS).describe(TOKENS, pcm, stages) for stages in (2, 1))
    pairs = [pair for tokens in zip(fine, coarse, strict=True) for pair in zip(*(token.details for token in tokens), strict=True)]
    assert len(pairs) == 8
    # The price of a code differs a little.
    assert sum(one[:1] == other for one, other in pairs) >= 6


def test_the_encoder_hears_no_further_than_it_says(layer: DetailLayer) -> None:
    mel = log_mel(torch.from_numpy(sound(60) / np.float32(32768))[None])
    other = mel.clone()
    other[:, : 30 - REACH] = other[:, 31 + REACH :] = 0
    with torch.inference_mode():
        torch.testing.assert_close(layer.encoder.hear(other)[:, 30], layer.encoder.hear(mel)[:, 30])


def test_the_decoder_streams(layer: DetailLayer) -> None:
    torch.manual_seed(2)
    mel, level, counts, frames = torch.randn(1, 30, 80), torch.full((1, 30), -30.0), (3, 0, 4), (10, 6, 14)
    latents, place = spread_latents(torch.randn(7, LATENT), counts, frames)
    with torch.inference_mode():
        whole = layer.decoder(layer.decoder.state(1), mel, level, latents[None], place[None])
        state, parts = layer.decoder.state(1), []
        for start in range(0, 30, 5):
            cut = slice(start, start + 5)
            parts.append(layer.decoder(state, mel[:, cut], level[:, cut], latents[None, cut], place[None, cut]))
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-4, rtol=1e-3)


def test_frames_without_codes_are_spoken_by_what_is_remembered(layer: DetailLayer) -> None:
    torch.manual_seed(2)
    mel, level = torch.randn(1, 30, 80) - 3, torch.full((1, 30), -30.0)

    def spoken(latents: torch.Tensor) -> torch.Tensor:
        told, place = spread_latents(latents, (3, 0), (12, 18))
        with torch.inference_mode():
            return layer.decoder(layer.decoder.state(1), mel, level, told[None], place[None])[0, 12:]

    one, other = spoken(torch.randn(3, LATENT)), spoken(torch.randn(3, LATENT))
    assert (one - other).abs().mean() > 0.01
    assert (one - mel[0, 12:]).abs().mean() > 0.01


def heard(models: Models, payloads: list[list[bytes]]) -> np.ndarray:
    decoder, blocks = Decoder(models), []
    for arrived in [*payloads, *[[]] * 100]:
        for payload in arrived:
            decoder.receive(payload)
        blocks.append(decoder.pull(320))
    return np.concatenate(blocks)


def test_a_packet_without_its_details_is_heard_as_if_none_had_been_sent() -> None:
    said = script([("SIL", 300), *HELLO, ("SIL", 200), *HELLO, ("SIL", 400)])
    models = models_for(said.phones)

    def sent(detail: int) -> list[list[bytes]]:
        encoder = Encoder(models, EncoderSettings(voice=False, redundancy=1, detail=detail))
        return [*(encoder.encode(said.pcm[at : at + 320]) for at in range(0, len(said.pcm), 320)), encoder.flush()]

    def stripped(payload: bytes) -> bytes:
        packet = parse(payload, models.entropy)
        newest = tuple(replace(token, details=()) for token in packet.groups[-1])
        return serialize(replace(packet, groups=(*packet.groups[:-1], newest)), models.entropy)

    full, base = sent(2), sent(0)
    assert [[stripped(payload) for payload in payloads] for payloads in full] == base
    assert sum(map(len, itertools.chain(*full))) > sum(map(len, itertools.chain(*base)))
    plain = heard(models, base)
    assert (plain != heard(models, full)).any()
    np.testing.assert_array_equal(plain, heard(models, [[stripped(payload) for payload in payloads] for payloads in full]))


@pytest.mark.parametrize("unsure", [None, *range(len(HELLO))])
def test_codes_go_with_the_phones_that_may_be_wrong(unsure: int | None) -> None:
    """Groups of words that are certain go without, and those around a phone that is not have theirs."""
    said = script(HELLO)
    phones = [replace(phone, sure=number != unsure) for number, phone in enumerate(said.phones)]
    models = models_for(phones)
    encoder = Encoder(models, EncoderSettings(interval_ms=160, redundancy=0, voice=False, detail=2, wait=True))
    payloads = [payload for at in range(0, len(said.pcm), 320) for payload in encoder.encode(said.pcm[at : at + 320])] + encoder.flush()
    groups = [parse(payload, models.entropy).groups[-1] for payload in payloads]
    detailed = {token.phone for group in groups for token in group if token.details}
    doubtful = phones[unsure].phone if unsure is not None else 0
    assert len(groups) > 2
    assert (doubtful in detailed) == bool(doubtful)
    assert bool(detailed) == bool(doubtful)
    assert len(detailed) < len({phone.phone for phone in phones}) - 1
    assert {token.phone for token, as_heard in encoder.sent if as_heard} == {doubtful} - {0}


def test_a_segment_is_seen_at_moments_spread_over_it() -> None:
    mel = torch.arange(12.0)[:, None].expand(12, 80)
    found = at_points(mel, torch.tensor([2, 4, 10]), torch.tensor([4, 6, 2]))
    assert found.shape == (3, POINTS, 80)
    assert found[0, :, 0].tolist() == [2, 3, 4, 5]
    assert found[1, :, 7].tolist() == pytest.approx([4.25, 5.75, 7.25, 8.75])
    assert found[2, :, 0].tolist() == pytest.approx([10, 10.25, 10.75, 11])
