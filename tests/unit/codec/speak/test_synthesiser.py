"""The synthesiser with the shipped weights: streaming, and that each thing it is told is heard."""

import numpy as np
import pytest
import torch

from codec.speak.mel import MEL_BANDS
from codec.speak.synthesiser import SpokenFrames, Synthesiser, TokenBatch, voice_features
from codec.speak.token_features import TokenContext
from codec.units.phones import PHONE_INDEX
from codec.units.token import Token
from codec.units.weights import load_weights
from tests.places import MODELS


@pytest.fixture(scope="module")
def synthesiser() -> Synthesiser:
    return Synthesiser.from_weights(load_weights(MODELS / "synthesiser.safetensors")[0])


def word(loudness_db: float = -25.0, height: float = 0.0) -> list[Token]:
    """ "asset", said flat."""
    phones = (("AE", 12), ("S", 10), ("EH", 9), ("T", 7))
    high = (height, height)
    return [Token(PHONE_INDEX[p], n, high if p in ("AE", "EH") else None, loudness_db - 8 * (p in "ST")) for p, n in phones]


def speak(synthesiser: Synthesiser, tokens: list[Token], embedding: torch.Tensor | None = None, mean_f0: float = 120.0) -> SpokenFrames:
    state = synthesiser.stream()
    parts = [synthesiser.push(state, token, embedding, mean_f0) for token in tokens]
    assert len(parts[0].mel) == 0
    parts.append(synthesiser.flush(state))
    return SpokenFrames(*(torch.cat(fields) for fields in list(zip(*parts, strict=True))[:4]))


def test_every_token_gets_its_frames_one_token_later(synthesiser: Synthesiser) -> None:
    tokens, state = word(), synthesiser.stream()
    counts = [len(synthesiser.push(state, token, None, 120.0).mel) for token in tokens]
    counts.append(len(synthesiser.flush(state).f0))
    assert counts == [0, *(token.frames for token in tokens)]
    assert len(synthesiser.flush(state).mel) == 0


def test_streaming_equals_the_whole_sentence(synthesiser: Synthesiser) -> None:
    tokens = word() + word(-30, 3)
    streamed = speak(synthesiser, tokens)
    context = TokenContext()
    unrolled = [piece for piece in map(context.advance, [*tokens, None]) if piece is not None]
    batch = TokenBatch(
        phones=torch.from_numpy(np.stack([piece.phones for piece in unrolled]))[None],
        tokens=torch.from_numpy(np.stack([piece.token for piece in unrolled]))[None],
        voice=voice_features(synthesiser.neutral_embedding, 120.0)[None],
        owner=torch.repeat_interleave(torch.arange(len(tokens)), torch.tensor([token.frames for token in tokens]))[None],
        frames=torch.from_numpy(np.concatenate([piece.frames for piece in unrolled]))[None],
        level=torch.from_numpy(np.concatenate([piece.level for piece in unrolled]))[None],
    )
    with torch.inference_mode():
        mel, _ = synthesiser(synthesiser.network_state(1), batch)
    torch.testing.assert_close(streamed.mel, mel[0], atol=1e-4, rtol=1e-3)


def test_phones_differ_as_they_should(synthesiser: Synthesiser) -> None:
    spoken = speak(synthesiser, word())
    assert spoken.mel.shape == (38, MEL_BANDS)
    vowel, fricative = spoken.mel[3:9].mean(0), spoken.mel[15:20].mean(0)
    assert vowel[5:20].mean() - vowel[65:].mean() > fricative[5:20].mean() - fricative[65:].mean() + 2
    assert (spoken.f0[3:9] > 0).all()
    assert (spoken.f0[15:20] == 0).all()


def test_pitch_loudness_and_voice_are_heard(synthesiser: Synthesiser) -> None:
    plain = speak(synthesiser, word())
    higher = speak(synthesiser, word(height=5.0))
    both = (plain.f0 > 0) & (higher.f0 > 0)
    assert torch.log2(higher.f0[both] / plain.f0[both]).mean() * 12 == pytest.approx(5.0, abs=0.1)
    louder = speak(synthesiser, word(loudness_db=-13.0))
    decibels = (louder.mel - plain.mel).mean() * 20 / np.log(10)
    assert 6 < decibels < 18
    other = torch.nn.functional.normalize(torch.relu(torch.sin(torch.arange(256.0))), dim=0)
    assert (speak(synthesiser, word(), other).mel - plain.mel).abs().mean() > 0.05


def test_odd_tokens_are_spoken(synthesiser: Synthesiser) -> None:
    odd = [Token(0, 64, None, -96.0), Token(15, 1, (40.0, -40.0), 0.0), Token(33, 1, None, -96.0)]
    spoken = speak(synthesiser, odd, None, 500.0)
    assert len(spoken.mel) == 66
    assert torch.isfinite(spoken.mel).all()
    assert torch.isfinite(spoken.f0).all()
