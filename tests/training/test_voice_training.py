"""The training during a call: what is sent really is what the far end speaks, the descent descends, and the process of its own answers."""

import contextlib
import os
import queue
from collections import deque
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from codec.decoder import Decoder
from codec.encoder import Encoder
from codec.learning.embedding import through_a_line
from codec.learning.far_end import HeardBatch, Joiner, Stretch
from codec.learning.fit import LEAST_LIKENESS, LIKENESS, MOST_LIKENESS, VoiceFit
from codec.learning.hearing import REMEMBERED, Heard, Hearing
from codec.learning.trainer import DUE_STEPS, ListenerNetworks, TrainingBatch
from codec.models import Models
from codec.units import audio_file
from codec.units.weights import load_weights
from codec.units.weights_files import weights_directory
from codec.voice.embedding import Voice
from codec.voice.training_example import TrainingExample
from codec.wire.settings import EncoderSettings
from softphone import paths
from softphone.worker.trainer_client import TrainerClient
from softphone.worker.trainer_messages import FromTrainer, TrainingProgress, TrainingResult

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def models() -> Models:
    return Models.load()


@pytest.fixture(scope="module")
def networks() -> ListenerNetworks:
    return ListenerNetworks.load()


@pytest.fixture(scope="module")
def examples(models: Models) -> list[TrainingExample]:
    encoder = Encoder(models, EncoderSettings())
    encoder.examples = deque()
    pcm = audio_file.read(paths.demo_recording()[0])[:96000]
    with torch.inference_mode():
        for at in range(0, len(pcm), 320):
            encoder.encode(pcm[at : at + 320])
    return list(encoder.examples)


@pytest.fixture(scope="module")
def voice(models: Models, examples: list[TrainingExample]) -> Voice:
    sound = np.concatenate([example.pcm[320:-320] for example in examples]).astype(np.float32) / np.float32(32768)
    mean = models.voice_encoder.embed_windows(sound).mean(0)
    return Voice(np.asarray(mean / np.linalg.norm(mean), np.float32), 180.0)


def again(examples: list[TrainingExample], times: int) -> list[TrainingExample]:
    """The same examples so many times, each time later."""
    length = examples[-1].start + examples[-1].ticks + 100
    return [replace(example, start=example.start + turn * length) for turn in range(times) for example in examples]


def stretches(examples: list[TrainingExample]) -> list[Stretch]:
    joiner = Joiner()
    return [stretch for example in examples if (stretch := joiner.push(example)) is not None]


def test_lessons_hold_the_sound_of_their_tokens(examples: list[TrainingExample]) -> None:
    assert sum(example.ticks for example in examples) > 100
    assert all(len(example.pcm) == example.ticks * 320 + 640 for example in examples)
    for stretch in stretches(again(examples, 2)):
        assert len(stretch.speech) == stretch.frames * 160


def test_the_far_end_is_the_decoder_itself(models: Models, networks: ListenerNetworks, voice: Voice) -> None:
    """The same coordinates move both to the same place: the mean spectrum of what they speak is alike."""
    coordinates = np.zeros(networks.code.size, np.float32)
    coordinates[:4] = (2.0, -2.0, 1.6, 1.2)
    encoder = Encoder(models, EncoderSettings(voice=False))
    encoder.examples = deque()
    decoders = [Decoder(models), Decoder(models)]
    pieces = dict(enumerate(models.voice_code.encode(voice)))
    for decoder, residual in zip(decoders, ({}, dict(enumerate(models.voice_residual.encode(coordinates)))), strict=True):
        decoder.know(pieces, residual)
    heard: list[list[np.ndarray]] = [[], []]
    pcm = audio_file.read(paths.demo_recording()[0])[:64000]
    with torch.inference_mode():
        for at in range(0, len(pcm), 320):
            payloads = encoder.encode(pcm[at : at + 320])
            for place, decoder in enumerate(decoders):
                for payload in payloads:
                    decoder.receive(payload)
                heard[place].append(decoder.pull(320))
    spectra = [np.log(np.abs(np.fft.rfft(np.concatenate(each).reshape(-1, 640))).mean(0) + 1) for each in heard]
    batch = networks.far_end.prepare(stretches(again(list(encoder.examples), 2))[:1], voice.mean_f0)
    described = models.voice_code.decode(pieces, voice.mean_f0)
    sounds = []
    for shift in (
        None,
        networks.code.shift(torch.from_numpy(models.voice_residual.decode(dict(enumerate(networks.code.encode(coordinates)))))),
    ):
        with torch.no_grad():
            sound = networks.far_end.sound(*networks.far_end.frames(batch, described, shift))[0].numpy() * 32768
        sounds.append(np.log(np.abs(np.fft.rfft(sound[: len(sound) // 640 * 640].reshape(-1, 640))).mean(0) + 1))
    band = slice(4, 200)
    likeness = np.corrcoef((spectra[1] - spectra[0])[band], (sounds[1] - sounds[0])[band])[0, 1]
    assert likeness > 0.5


def test_the_descent_comes_nearer_to_the_speaker(networks: ListenerNetworks, examples: list[TrainingExample], voice: Voice) -> None:
    fit, still = (VoiceFit(networks.far_end, networks.code, networks.encoder) for _ in range(2))
    assert not fit.ready
    for one in (fit, still):
        one.know(Voice(voice.embedding, 180.0), voice.embedding)
        for stretch in stretches(again(examples, 4)):
            one.add(stretch)
    assert fit.ready
    before = [weight.clone() for weight in networks.encoder.parameters()]
    # Every step draws other stretches, some of which are nearer than others: one that stays where it is draws the same.
    still._optimizer.param_groups[0]["lr"] = 0.0
    losses, unmoved = ([one.step() for _ in range(10)] for one in (fit, still))
    assert losses[0] == unmoved[0]
    assert np.mean(losses[1:]) < np.mean(unmoved[1:])
    assert all(torch.equal(old, new) for old, new in zip(before, networks.encoder.parameters(), strict=True))
    judgement = fit.judge()
    assert judgement.sent == judgement.alone
    assert judgement.found.similarity > judgement.alone.similarity
    assert np.abs(judgement.coordinates).max() > 0


def test_rows_that_were_prepared_alone_are_those_that_were_prepared_together(
    networks: ListenerNetworks, examples: list[TrainingExample]
) -> None:
    some = stretches(again(examples, 3))[:2]
    together, alone = networks.far_end.prepare(some, 180.0), [networks.far_end.prepare([each], 180.0) for each in some]
    for field in fields(HeardBatch):
        assert torch.equal(getattr(HeardBatch.of(alone), field.name), getattr(together, field.name)), field.name
    mixed = networks.far_end.prepare(some, [180.0, 120.0])
    assert torch.equal(mixed.semitones[0], together.semitones[0]) and not torch.equal(mixed.semitones[1], together.semitones[1])


def test_rows_of_two_speakers_are_heard_as_each_alone(networks: ListenerNetworks, examples: list[TrainingExample], voice: Voice) -> None:
    one, other = stretches(again(examples, 3))[:2]
    voices = [voice, Voice(voice.embedding[::-1].copy(), 120.0)]
    shift = networks.code.shift(torch.tensor([[1.0] * networks.code.size, [-1.0] * networks.code.size]))
    mel, f0 = networks.far_end.frames(networks.far_end.prepare([one, other], [180.0, 120.0]), voices, shift)
    for row, (stretch, each) in enumerate(zip((one, other), voices, strict=True)):
        own = networks.code.shift(torch.full((networks.code.size,), 1.0 - 2 * row))
        alone, alone_f0 = networks.far_end.frames(networks.far_end.prepare([stretch], each.mean_f0), each, own)
        assert torch.allclose(mel[row, : stretch.frames], alone[0], atol=1e-3)
        assert torch.allclose(f0[row, : stretch.frames], alone_f0[0], atol=1e-2)


def test_silence_that_a_gate_made_is_no_speech(networks: ListenerNetworks, examples: list[TrainingExample]) -> None:
    whole = stretches(again(examples, 2))[0]
    before = networks.far_end.prepare([whole], 180.0).weight[0]
    spoken = int(torch.nonzero(before[20:] == 1)[10]) + 20
    pcm = whole.pcm.copy()
    pcm[(spoken - 4) * 160 : (spoken + 10) * 160] = 0
    gated = networks.far_end.prepare([Stretch(whole.tokens, pcm)], 180.0).weight[0]
    assert before[spoken + 2] == 1 and gated[spoken + 2] == 0
    assert (gated == 1).sum() > 0.8 * (before == 1).sum()


def test_the_descent_looks_at_what_lags_behind(networks: ListenerNetworks) -> None:
    fit, alone = VoiceFit(networks.far_end, networks.code, networks.encoder), Heard(0.85, 0.70)
    fit._balance(Heard(0.90, 0.65), alone)
    assert fit._likeness == LIKENESS
    fit._balance(Heard(0.90, 0.70), alone)
    assert fit._likeness < LIKENESS
    for _ in range(20):
        fit._balance(Heard(0.90, 0.71), alone)
    assert fit._likeness == LEAST_LIKENESS
    for _ in range(20):
        fit._balance(Heard(0.84, 0.65), alone)
    assert fit._likeness == MOST_LIKENESS


def test_what_was_heard_is_remembered_and_forgotten(
    networks: ListenerNetworks, examples: list[TrainingExample], voice: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = dict(enumerate(stretches(again(examples, 4))[:3]))
    spoken: list[int] = []
    speak = Hearing._speak
    monkeypatch.setattr(Hearing, "_speak", lambda own, new, *told: (spoken.append(len(new)), speak(own, new, *told))[1])
    hearing, plain = Hearing(networks.far_end, networks.code, networks.encoder), np.zeros(networks.code.size, np.float32)
    newer = {number: some[number] for number in (1, 2)}
    hearing.hear({0: some[0], 1: some[1]}, voice, plain)
    heard = hearing.hear(newer, voice, plain)
    assert spoken == [2, 1]
    fresh = Hearing(networks.far_end, networks.code, networks.encoder).hear(newer, voice, plain)
    assert heard.similarity == pytest.approx(fresh.similarity, abs=1e-3)
    assert heard.mel_distance == pytest.approx(fresh.mel_distance, abs=1e-3)
    for strength in range(1, REMEMBERED + 1):
        hearing.hear(newer, voice, np.full(networks.code.size, strength / 10, np.float32))
    spoken.clear()
    hearing.hear(newer, voice, plain)
    assert spoken == [2], "a voice that was not asked for lately is forgotten"


def test_a_random_line_colours_a_sound_a_little_and_lets_gradients_through() -> None:
    waves = torch.randn(2, 16000, generator=torch.Generator().manual_seed(1)).mul(0.1).requires_grad_()
    heard = through_a_line(waves, np.random.default_rng(1))
    assert heard.shape == waves.shape
    moved = (heard - waves).detach().square().mean(1) / waves.detach().square().mean(1)
    assert ((moved > 0.001) & (moved < 0.5)).all() and moved[0] != moved[1]
    heard.square().sum().backward()
    assert waves.grad is not None and waves.grad.abs().mean() > 0


def children() -> list[int]:
    """Training processes of this one."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((each / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"softphone.worker.trainer" in (each / "cmdline").read_bytes():
                found.append(int(each.name))
    return found


@pytest.mark.timeout(300)
def test_the_process_of_its_own_answers(examples: list[TrainingExample], voice: Voice) -> None:
    weights, _ = load_weights(weights_directory() / "voice_residual.safetensors")
    client, came = TrainerClient(idle_s=0.1), queue.SimpleQueue[FromTrainer]()
    batch = TrainingBatch(0, voice, np.zeros(len(weights["directions"]), np.float32), voice.embedding, tuple(again(examples, 4)))
    assert not client.train(7, batch)
    client.open(7, came.put)
    assert client.train(7, batch)
    told = []
    while isinstance(result := came.get(timeout=280), TrainingProgress):
        told.append(result)
    assert [each.steps for each in told] == list(range(1, len(told) + 1)) and len(told) >= DUE_STEPS, "each step is told"
    assert all(each.stream == 7 and each.cpu_s > 0 for each in told)
    assert isinstance(result, TrainingResult) and result.stream == 7
    assert 0 < result.heard_alone.similarity < 1
    assert [os.sched_getscheduler(each) for each in children()] == [os.SCHED_IDLE]
    running = client._thread
    assert running is not None and running.is_alive()
    client.close(7)
    assert not client.train(7, batch)
    running.join(60)
    assert not running.is_alive() and client._thread is None, "the process ends where no stream is open"
