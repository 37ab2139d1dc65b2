"""What the detail layer is taught with: first pictures, and frames as a listener gets them."""

import torch

from codec.describe.pitch import track
from codec.detail.layer import LATENT, POINTS, DetailLayer
from codec.speak.mel import MEL_BANDS, log_mel
from codec.speak.synthesiser import TokenBatch, voice_features
from codec.speak.token_features import FRAME_FEATURES, TOKEN_FEATURES
from codec.train.detail.damage import Damage
from codec.train.detail.picture import first_picture
from codec.train.detail.train import Detail, segments_of, speak
from codec.train.detail.voiced import Voiced, pitch
from codec.units import audio_file
from codec.units.limits import DETAIL_STAGES
from codec.units.weights import load_weights
from codec.units.weights_files import weights_directory
from tests.places import DEMO_AUDIO


def test_first_pictures_show_what_segments_have_in_common() -> None:
    torch.manual_seed(1)
    layer = DetailLayer()
    common = torch.randn(20, POINTS * MEL_BANDS)
    shapes = (torch.randn(500, 20) @ common).view(-1, POINTS, MEL_BANDS) + 2
    assert first_picture(layer, [shapes[:300], shapes[300:]]) > 0.999
    with torch.inference_mode():
        centred = (shapes - shapes.mean((1, 2), keepdim=True)).flatten(1)
        latents = layer.encoder.picture(centred) + layer.encoder.out.bias
        shown = layer.decoder.picture(latents)
    assert latents.shape == (500, LATENT)
    assert float((shown - centred).square().mean()) < 0.01 * float(centred.square().mean())


def test_the_sound_of_true_frames_has_nearly_their_spectrum_and_teaches() -> None:
    sound = torch.from_numpy(audio_file.read(DEMO_AUDIO / "demo.flac")[: 16000 * 2] / 32768).float()
    mel, f0 = log_mel(sound)[None], torch.from_numpy(track(sound.numpy()).f0).float()[None]
    frames = min(mel.shape[1], f0.shape[1])
    mel, f0 = mel[:, :frames].requires_grad_(), f0[:, :frames]
    spoken = torch.ones(1, frames, dtype=torch.bool)
    spoken[:, -40:] = False
    heard = Voiced()(mel, f0, spoken)
    error = (heard - mel)[:, 5 : frames - 40].abs().mean()
    assert heard.shape == mel.shape
    assert error.item() < 0.6 * (mel[:, 5:] - mel[:, 5:].mean(1, keepdim=True)).abs().mean().item()
    torch.autograd.backward(error)
    assert mel.grad is not None and float(mel.grad[:, 5 : frames - 40].abs().sum()) > 0


def test_a_stream_without_any_codes_is_spoken_and_taught() -> None:
    torch.manual_seed(1)
    phones, owner = torch.ones(1, 3, 3, dtype=torch.int64), torch.repeat_interleave(torch.arange(3), 8)[None]
    tokens, frames = torch.zeros(1, 3, TOKEN_FEATURES), torch.zeros(1, 24, FRAME_FEATURES)
    batch = TokenBatch(phones, tokens, torch.zeros(1, 257), owner, frames, torch.full((1, 24), -30.0))
    detail, mel = Detail(), torch.randn(1, 24, MEL_BANDS)
    detail.load_shipped(load_weights(weights_directory() / "detail.safetensors")[0])
    for codes, segments_expected in ((0, 0), (2, 6)):
        segments = segments_of(batch, [24], [Damage.even(codes)])
        assert len(segments.phones) == segments_expected
        latents = detail.eval().latents(mel, torch.ones(1, 24, dtype=torch.bool), segments)
        said = speak(detail, mel, batch, segments, detail.quantise(latents, segments.stages)[0])
        assert said.shape == mel.shape and bool(said.isfinite().all())
        assert (said - mel).abs().mean() > 0.01
        detail.zero_grad()
        torch.autograd.backward(said.square().mean())
        uncoded = detail.decoder.uncoded.weight.grad
        assert uncoded is not None and bool(uncoded.any()) == (codes == 0)


def test_pitch_is_that_of_the_tokens_where_there_is_voice() -> None:
    frames = torch.zeros(1, 3, FRAME_FEATURES)
    frames[0, :, 7] = torch.tensor([0.0, 2.0, -2.0])  # semitones over 6
    voice = voice_features(torch.zeros(1, 256), 200.0)
    batch = TokenBatch(*(torch.zeros(1) for _ in range(2)), voice, torch.zeros(1), frames, torch.zeros(1))
    assert pitch(batch, torch.tensor([[1.0, 1.0, -1.0]])).tolist() == [[200.0, 400.0, 0.0]]


def test_training_goes_on_from_what_was_exported() -> None:
    torch.manual_seed(1)
    detail = Detail().train()
    detail.load_shipped(load_weights(weights_directory() / "detail.safetensors")[0])
    before = detail.codebooks.books.clone()
    assert bool(detail.ready) and float(before.abs().mean()) > 0.1
    latents = before[0][torch.randint(256, (1500,))]
    rough, _, codes = detail.quantise(latents, torch.full((1500,), 1))
    assert torch.equal(before[0][codes[:, 0]], latents) and torch.allclose(rough, latents)
    assert float((detail.codebooks.books[0] - before[0]).abs().mean()) < 0.02 * float(before[0].abs().mean())
    assert codes.shape == (1500, DETAIL_STAGES)
