"""Train the vocoder on all speech of the corpus: `python -m codec.train.synthesis.vocoder --minutes 60`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from codec.speak.mel import log_mel
from codec.speak.vocoder import LAG_SAMPLES, NOISE_SAMPLES, Vocoder
from codec.train.card import data_card
from codec.train.corpus.packed import Corpus
from codec.train.corpus.tracks import Tracks
from codec.train.detail.damage import Damage
from codec.train.detail.train import Detail, base_speech, frozen_synthesiser, segments_of, to_device
from codec.train.detail.train import speak as speak_details
from codec.train.run import Run, device, options, set_rate
from codec.train.step import begin, run_step
from codec.train.synthesis.sound_adversary import SoundAdversary
from codec.train.synthesis.synthesiser import open_data
from codec.train.synthesis.token_data import Example, collate
from codec.units.rates import FRAME_SAMPLES
from codec.units.weights import load_weights
from codec.units.weights_files import weights_directory

BATCH, FRAMES = 12, 64
MARGIN = 4
"""Frames at the start of a segment that the loss leaves out: the stream begins from nothing there."""
PART_WEIGHT = {"l2": 0.5, "librispeech": 3.0, "commands": 1.0, "synthetic": 1.5}
FFT_SIZES = (2048, 1024, 512, 256, 128)
CODES_HEARD = (0, 2, 4, 6, 6)
"""Numbers of codes of predicted frames, as often as they stand here."""
USES = 6
"""How many segments are cut from each predicted stretch, which takes as long as a few steps."""
ALONE_STEPS = 60
"""First the adversary learns."""
DECEIT, MATCHING = 0.3, 1.0


def spectral_loss(said: Tensor, true: Tensor) -> Tensor:
    """Multi-resolution STFT loss (Yamamoto 2020): log and linear magnitudes. (batch, samples) both."""
    total = torch.zeros((), device=said.device)
    for size in FFT_SIZES:
        window = torch.hann_window(size, device=said.device)
        pair = torch.stft(torch.cat((said, true)), size, size // 4, window=window, return_complex=True, center=False).abs()
        ours, theirs = pair.clamp_min(1e-4).chunk(2)
        logs = (ours.log() - theirs.log()).abs().mean()
        linear = ((ours - theirs).flatten(1).norm(dim=1) / theirs.flatten(1).norm(dim=1).clamp_min(1e-2)).mean()
        total = total + logs + 0.5 * linear
    return total / len(FFT_SIZES)


def mel_loss(said: Tensor, true: Tensor) -> Tensor:
    return (log_mel(said) - log_mel(true)).abs().mean()


class Segments:
    """Random stretches of speech with their F0: sound (batch, samples) that lags as the vocoder does, F0 (batch, frames)."""

    def __init__(self, corpus: Corpus, tracks: Tracks, seed: int) -> None:
        self._corpus, self._tracks = corpus, tracks
        self._rng = np.random.default_rng(seed)
        long_enough = [record["samples"] > (FRAMES + 4) * FRAME_SAMPLES for record in corpus.records]
        weights = np.array([PART_WEIGHT[corpus.part(i)] * corpus.records[i]["seconds"] * long_enough[i] for i in corpus])
        self._chance = weights / weights.sum()

    def batch(self) -> tuple[Tensor, Tensor, Tensor]:
        """mel (batch, frames, 80), f0 (batch, frames), sound (batch, frames * 160) as the vocoder should give it."""
        sounds, tracks = [], []
        for index in self._rng.choice(len(self._chance), BATCH, p=self._chance):
            pcm = self._corpus.pcm(int(index))
            start = int(self._rng.integers(2, len(pcm) // FRAME_SAMPLES - FRAMES - 1))
            piece = pcm[(start - 2) * FRAME_SAMPLES : (start + FRAMES + 2) * FRAME_SAMPLES].astype(np.float32) / 32768
            sounds.append(piece * 10 ** (self._rng.uniform(-10, 6) / 20))
            tracks.append(self._tracks.f0(int(index))[start : start + FRAMES])
        return cut(torch.from_numpy(np.stack(sounds)), torch.from_numpy(np.stack(tracks)))


def cut(sound: Tensor, f0: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """sound (batch, (frames + 4) * 160) with two frames of margin on either side."""
    mel = log_mel(sound)[:, 2:-2]
    begin = 2 * FRAME_SAMPLES - LAG_SAMPLES
    return mel, f0, sound[:, begin : begin + f0.shape[1] * FRAME_SAMPLES]


class Predicted:
    """Segments whose mel is what a receiver makes of tokens, without details or with some of their codes: smoother than true ones."""

    def __init__(self, seed: int, work: Path) -> None:
        self._synthesiser = frozen_synthesiser().to(device())
        self._detail = Detail().to(device()).requires_grad_(False).eval()
        self._detail.load_shipped(load_weights(weights_directory() / "detail.safetensors")[0])
        self._data = open_data("train", seed, work)
        self._rng = np.random.default_rng(seed)
        self._drawn: tuple[Tensor, Tensor, list[Example]] | None = None
        self._uses = 0

    def batch(self) -> tuple[Tensor, Tensor, Tensor]:
        """As `Segments.batch`; mostly the later frames of a stretch, where the networks know what came before."""
        if self._drawn is None or self._uses == USES:
            self._drawn, self._uses = self._draw(), 0
        self._uses += 1
        mel, f0, examples = self._drawn
        mels, f0s, sounds = [], [], []
        for row, example in enumerate(examples):
            start = len(example.mel) - FRAMES - int(self._rng.integers((len(example.mel) - FRAMES) // 2 + 1))
            mels.append(mel[row, start : start + FRAMES])
            f0s.append(f0[row, start : start + FRAMES])
            sounds.append(example.sound[start * FRAME_SAMPLES : (start + FRAMES + 4) * FRAME_SAMPLES])
        _, _, sound = cut(torch.stack(sounds), torch.stack(f0s))
        return torch.stack(mels), torch.stack(f0s), sound

    @torch.no_grad()
    def _draw(self) -> tuple[Tensor, Tensor, list[Example]]:
        self._data.label_noise = 0.0
        examples = [example for example in self._data.draw(2 * BATCH) if len(example.mel) > FRAMES][:BATCH]
        batch, target = collate(examples)
        damage = Damage.even(int(self._rng.choice(CODES_HEARD)))
        segments = segments_of(batch, [int(n) for n in (target.weight > 0).sum(1)], [damage] * len(examples))
        batch, target, segments = to_device(batch, target, segments)
        mel, f0 = base_speech(self._synthesiser, batch)
        rough = self._detail.quantise(self._detail.latents(target.mel, target.weight > 0.5, segments), segments.stages)[0]
        return speak_details(self._detail, mel, batch, segments, rough), f0, examples


def speak(vocoder: Vocoder, mel: Tensor, f0: Tensor) -> Tensor:
    """One batch through fresh streams at random places of phase and noise."""
    state = vocoder.stream(len(mel))
    state.phase = torch.rand(len(mel), dtype=torch.float64, device=mel.device)
    state.noise_at = torch.randint(NOISE_SAMPLES, (len(mel),), device=mel.device)
    out: Tensor = vocoder(state, mel, f0)
    return out


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = options(__doc__ or "")
    parser.add_argument(
        "--polish", action="store_true", help="against an adversary, and every other step of what a receiver makes of tokens"
    )
    arguments = begin(parser, argv)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    vocoder = Vocoder().to(device())
    optimizer = torch.optim.AdamW(vocoder.parameters(), lr=arguments.rate, betas=(0.8, 0.99), weight_decay=1e-4)
    adversary = SoundAdversary(arguments.rate)
    parts: dict[str, nn.Module | torch.optim.Optimizer] = {"vocoder": vocoder, "optimizer": optimizer}
    if arguments.polish:
        parts |= {"adversary": adversary.networks, "adversary_optimizer": adversary.optimizer}
    run = Run("vocoder", arguments, parts)
    corpus = Corpus("train", arguments.work / "corpus")
    run.uses(data_card(corpus, PART_WEIGHT, aligned=False))
    segments = Segments(corpus, Tracks(corpus), arguments.seed + run.step)
    predicted = Predicted(arguments.seed + run.step, arguments.work) if arguments.polish else None
    begun = run.step
    for done in run.steps():
        set_rate(optimizer, arguments.rate, done, run.step - begun)
        source = predicted if predicted is not None and run.step % 2 else segments
        mel, f0, true = (x.to(device()) for x in source.batch())
        said = speak(vocoder, mel, f0)[:, MARGIN * FRAME_SAMPLES :]
        true = true[:, MARGIN * FRAME_SAMPLES :]
        kind = "_predicted" if source is predicted else ""
        bands = mel_loss(said, true)
        loss = bands
        run.note(**{f"mel{kind}": bands.item()})
        if source is segments:  # its pitch is not the recording's, so that lines of finer spectra would not meet
            spectra = spectral_loss(said, true)
            loss = loss + spectra
            run.note(stft=spectra.item())
        if arguments.polish:
            deceit, matching = adversary.teach(said, true)
            if run.step - begun > ALONE_STEPS:
                loss = loss + DECEIT * deceit + MATCHING * matching
            run.note(**{f"deceit{kind}": deceit.item(), f"matching{kind}": matching.item()})
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(vocoder.parameters(), 1.0)
        optimizer.step()


if __name__ == "__main__":
    run_step(main)
