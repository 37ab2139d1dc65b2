"""The vocoder with the shipped weights: streaming, pitch, level."""

import numpy as np
import pytest
import torch

from codec.describe import pitch
from codec.speak.mel import MEL_BANDS, log_mel
from codec.speak.vocoder import LAG_SAMPLES, Vocoder
from codec.units.rates import FRAME_SAMPLES
from codec.units.weights import load_weights
from tests.places import MODELS
from tests.unit.codec.describe.synthetic_voice import voice


@pytest.fixture(scope="module")
def vocoder() -> Vocoder:
    return Vocoder.from_weights(load_weights(MODELS / "vocoder.safetensors")[0])


def speak(vocoder: Vocoder, mel: torch.Tensor, f0: torch.Tensor, step: int) -> torch.Tensor:
    state = vocoder.stream()
    parts = [vocoder.push(state, mel[at : at + step], f0[at : at + step]) for at in range(0, len(mel), step)]
    return torch.cat((*parts, vocoder.flush(state)))


def test_cutting_into_pushes_changes_nothing(vocoder: Vocoder) -> None:
    torch.manual_seed(1)
    mel = torch.randn(57, MEL_BANDS) - 3
    f0 = torch.where(torch.rand(57) > 0.4, 80 + 200 * torch.rand(57), 0.0)
    whole = speak(vocoder, mel, f0, 57)
    assert len(whole) == (57 + 3) * FRAME_SAMPLES
    for step in (1, 2, 5):
        torch.testing.assert_close(speak(vocoder, mel, f0, step), whole, atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize(("low", "high"), [(90, 140), (180, 260)])
def test_copies_a_voice(vocoder: Vocoder, low: float, high: float) -> None:
    sound, true = voice(low, high)
    mel = log_mel(torch.from_numpy(sound))
    f0 = torch.from_numpy(true.astype(np.float32))
    said = speak(vocoder, mel, f0, 4)[LAG_SAMPLES : LAG_SAMPLES + len(sound)]
    found = pitch.track(said.numpy()).f0
    voiced = found > 0
    assert voiced.mean() > 0.9
    assert np.median(np.abs(12 * np.log2(found[voiced] / true[voiced]))) < 0.3
    level = 20 * np.log10(float(said.std()) / sound.std())
    assert abs(level) < 3


def test_unvoiced_frames_have_no_pitch(vocoder: Vocoder) -> None:
    mel = torch.full((200, MEL_BANDS), -1.0)
    said = speak(vocoder, mel, torch.zeros(200), 8).numpy()
    assert said.std() > 1e-3
    assert np.mean(pitch.track(said).f0 > 0) < 0.1


def test_nothing_in_nothing_out(vocoder: Vocoder) -> None:
    assert vocoder.push(vocoder.stream(), torch.zeros(0, MEL_BANDS), torch.zeros(0)).shape == (0,)
