import subprocess
import sys
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from codec.units.errors import ModelError
from codec.units.weights import load_weights
from codec.voice.code import VoiceCode
from codec.voice.embedding import WINDOW_SAMPLES, Voice, VoiceEncoder, VoiceEstimator
from codec.voice.repeats import CYCLES
from codec.voice.updates import VoiceReceiver, VoiceSender
from codec.wire.packet import VoicePiece
from tests.places import ROOT

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def encoder() -> VoiceEncoder:
    return VoiceEncoder.load()


@pytest.fixture(scope="module")
def code() -> VoiceCode:
    return VoiceCode.from_weights(load_weights(ROOT / "models" / "voice_code.safetensors")[0])


@pytest.fixture(scope="module")
def speech() -> NDArray[np.int16]:
    pcm, rate = soundfile.read(ROOT / "softphone" / "demo_audio" / "demo.flac", dtype="int16")
    assert rate == 16000
    return np.asarray(pcm)


@pytest.fixture(scope="module")
def voice(encoder: VoiceEncoder, speech: NDArray[np.int16]) -> Voice:
    mean = encoder.embed_windows((speech / 32768).astype(np.float32)).mean(0)
    return Voice(np.asarray(mean / np.linalg.norm(mean), dtype=np.float32), 180.0)


def test_resemblyzer_is_not_imported() -> None:
    slow = "('resemblyzer', 'librosa', 'numba')"
    code = f"import sys, codec.voice.embedding; codec.voice.embedding.VoiceEncoder.load(); print([m for m in {slow} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip() == "[]"


def test_damaged_weights_are_named(tmp_path: Path) -> None:
    path = tmp_path / "pretrained.pt"
    path.write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"pretrained\.pt cannot be read"):
        VoiceEncoder.load(path)


def test_estimate_comes_early_and_settles(encoder: VoiceEncoder, speech: NDArray[np.int16], voice: Voice) -> None:
    estimator, seen = VoiceEstimator(encoder), []
    assert estimator.embedding is None
    for at in range(0, len(speech) - 1600, 1600):
        if estimator.push(speech[at : at + 1600]):
            assert estimator.embedding is not None
            seen.append(float(estimator.embedding @ voice.embedding))
    assert seen[0] > 0.6
    assert seen[-1] > 0.97
    assert len(seen) >= (len(speech) - WINDOW_SAMPLES) // (WINDOW_SAMPLES // 2) - 1


def test_estimate_does_not_depend_on_how_speech_comes(encoder: VoiceEncoder, speech: NDArray[np.int16]) -> None:
    whole, parts = VoiceEstimator(encoder), VoiceEstimator(encoder)
    whole.push(speech[:40000])
    for at in range(0, 40000, 777):
        parts.push(speech[at : min(at + 777, 40000)])
    assert whole.embedding is not None
    assert parts.embedding is not None
    assert np.allclose(whole.embedding, parts.embedding, atol=1e-5)


def test_a_prefix_of_the_pieces_gets_better_with_each(code: VoiceCode, voice: Voice) -> None:
    pieces = code.encode(voice)
    assert all(len(piece) == 4 for piece in pieces)
    cosines = [float(code.decode(dict(enumerate(pieces[:n])), 150.0).embedding @ voice.embedding) for n in range(len(pieces) + 1)]
    assert cosines == sorted(cosines)
    assert cosines[2] > 0.85
    assert cosines[len(pieces)] > 0.95
    assert 4 * len(pieces) <= 32


def test_any_subset_of_the_pieces_is_a_voice(code: VoiceCode, voice: Voice) -> None:
    pieces = dict(enumerate(code.encode(voice)))
    whole = float(code.decode(pieces, 150.0).embedding @ voice.embedding)
    for missing in pieces:
        rest = {index: piece for index, piece in pieces.items() if index != missing}
        part = code.decode(rest, 150.0)
        assert float(part.embedding @ voice.embedding) > 0.6
        assert np.linalg.norm(part.embedding) == pytest.approx(1)
        assert float(part.embedding @ voice.embedding) < whole


@pytest.mark.parametrize("f0", [40.0, 50.0, 87.3, 180.0, 499.0, 5000.0])
def test_mean_f0_is_kept_to_a_quarter_of_a_semitone(code: VoiceCode, voice: Voice, f0: float) -> None:
    decoded = code.decode(dict(enumerate(code.encode(Voice(voice.embedding, f0)))), 1.0).mean_f0
    assert abs(12 * np.log2(decoded / np.clip(f0, 50, 1987))) <= 0.13


def test_without_pieces_the_voice_is_neutral(code: VoiceCode) -> None:
    nobody = code.decode({}, 140.0)
    assert np.allclose(nobody.embedding, code.neutral, atol=1e-6)
    assert nobody.mean_f0 == 140.0


def test_foreign_pieces_are_skipped(code: VoiceCode) -> None:
    assert np.allclose(code.decode({31: b"1234", 0: b"12"}, 140.0).embedding, code.neutral, atol=1e-6)


def test_sender_repeats_everything_then_rests(code: VoiceCode, voice: Voice) -> None:
    sender = VoiceSender(code)
    assert sender.next_piece(0.0) is None
    sender.update(voice, 30.0)
    sent = [piece for tick in range(500) if (piece := sender.next_piece(tick * 0.16))]
    counts = [sum(piece.index == index for piece in sent) for index in range(code.pieces)]
    assert min(counts) >= CYCLES
    assert [piece.index for piece in sent[: code.pieces]] == list(range(code.pieces))
    later = [piece for tick in range(500, 1000) if (piece := sender.next_piece(tick * 0.16))]
    assert 0 < len(later) < len(sent) / 2


def test_a_guess_from_little_speech_is_described_coarsely(code: VoiceCode, voice: Voice) -> None:
    sender = VoiceSender(code)
    sender.update(voice, 1.0)
    assert {piece.index for tick in range(100) if (piece := sender.next_piece(tick * 0.16))} == {0, 1}


def test_the_same_voice_is_not_described_again(code: VoiceCode, voice: Voice) -> None:
    sender = VoiceSender(code)
    sender.update(voice, 30.0)
    sender.update(voice, 1000.0)
    assert (piece := sender.next_piece(100.0)) is not None
    assert piece.version == 0


@pytest.mark.parametrize("change", ["voice", "pitch"])
def test_a_changed_voice_becomes_a_new_version(code: VoiceCode, voice: Voice, change: str) -> None:
    sender, receiver = VoiceSender(code), VoiceReceiver(code)
    sender.update(voice, 30.0)
    for tick in range(200):
        if piece := sender.next_piece(tick * 0.16):
            receiver.receive(piece)
    other = Voice(code.neutral[::-1].copy(), voice.mean_f0) if change == "voice" else Voice(voice.embedding, 300.0)
    sender.update(other, 31.0)
    for tick in range(200):
        if piece := sender.next_piece(200 + tick * 0.16):
            assert piece.version == 1
            receiver.receive(piece)
    heard = receiver.voice(150.0)
    assert float(heard.embedding @ other.embedding) > 0.8
    assert abs(heard.mean_f0 - other.mean_f0) < 5


def test_receiver_follows_a_sender_that_began_anew(code: VoiceCode, voice: Voice) -> None:
    receiver = VoiceReceiver(code)
    assert not receiver.known
    for index, piece in enumerate(code.encode(Voice(voice.embedding, 100.0))):
        receiver.receive(VoicePiece(5, index, piece))
    pieces = code.encode(Voice(voice.embedding, 200.0))
    receiver.receive(VoicePiece(0, 0, pieces[0]))
    assert abs(receiver.voice(150.0).mean_f0 - 100) < 2
    for index, piece in enumerate(pieces):
        receiver.receive(VoicePiece(0, index, piece))
    assert receiver.known
    assert abs(receiver.voice(150.0).mean_f0 - 200) < 2


class TwoSpeakers:
    """In place of the encoder: loud sound is one speaker, quiet sound another."""

    def embed(self, wave: NDArray[np.float32]) -> NDArray[np.float32]:
        rng = np.random.default_rng(int(1e6 * float(np.abs(wave).mean())))
        centre = np.where((np.arange(256) < 160) == (np.abs(wave).mean() > 0.2), 1.0, 0.05)
        vector = np.abs(centre + rng.normal(0, 0.3, 256))
        return np.asarray(vector / np.linalg.norm(vector), np.float32)


def test_a_phone_handed_on_is_noticed_and_the_same_speaker_is_not() -> None:
    rng = np.random.default_rng(3)
    loud = np.asarray(rng.uniform(8000, 20000, 16000 * 30), np.int16)
    estimator = VoiceEstimator(cast(VoiceEncoder, TwoSpeakers()))
    estimator.push(loud)
    assert estimator.speakers == 0
    estimator.push(loud // 10)
    assert estimator.speakers == 1
    assert estimator.embedding is not None
    other = TwoSpeakers().embed(loud[:WINDOW_SAMPLES].astype(np.float32) / 327680)
    assert float(estimator.embedding @ other) > 0.9
    assert estimator.seconds < 32
