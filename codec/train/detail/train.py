"""Trains the detail layer: `python -m codec.train.detail.train --minutes 60`.

Encoder, codebooks and decoder together, between a synthesiser and a vocoder that stay as they are. What counts is what a listener
notices of the sound (`codec.train.detail.perception`), likeness to the speaker and to speech as such (`codec.train.synthesis.polish`),
then the mel spectrogram. Most phones and their times are those that the streaming recogniser hears, often wrong: details must put them
right. The others are aligned with the text, as those of a sender that waits for words. Needs `codec.train.corpus.realign` and
`codec.train.corpus.heard`.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from codec.detail.layer import (
    CODES,
    LATENT,
    DetailLayer,
    at_points,
    loudness,
    place_of_segment,
    places_of_frames,
    segment_of_frames,
    span_of_segment,
)
from codec.speak.synthesiser import Synthesiser, TokenBatch
from codec.train.card import data_card
from codec.train.corpus.packed import Corpus
from codec.train.detail.damage import Damage, with_noise
from codec.train.detail.perception import Perception
from codec.train.detail.picture import first_picture
from codec.train.detail.voiced import Voiced, pitch
from codec.train.run import Run, bfloat16, device, options, set_rate
from codec.train.step import begin, run_step
from codec.train.synthesis.polish import VOICE_FRAMES, Polish, VoiceLoss
from codec.train.synthesis.synthesiser import open_data
from codec.train.synthesis.token_data import PART_WEIGHT, Target, TokenData, collate
from codec.units.limits import DETAIL_STAGES
from codec.units.weights import load_weights
from codec.units.weights_files import weights_directory
from codec.wire.token import TICK_FRAMES, segment_count

BATCH = 12
LABEL_NOISE, RIGHT = 0.1, 0.5
"""Share of phones heard that are wrong besides, since the recogniser knows this speech; share of batches that have the right ones."""
HEARD, LIKENESS, DECEIT, MATCHING, COMMITMENT = 2.0, 2.0, 0.08, 0.3, 0.015
SETS = "realigned", "heard"
"""Labels with the right phones, and with those of the recogniser."""
SHOWN = (2, 3, 4, 6, 8)
"""Numbers of codes that `evaluate` looks at."""
FREE_STEPS, FREE_BATCHES = 250, 60
"""Steps without quantising, and batches then remembered at least, before the first codebooks are made of what the encoder says."""
DECAY, USUAL_HITS = 0.99, 5.0
"""What is left of the counts of a codebook after each batch; the count of every code where training goes on from shipped weights."""


@dataclass
class Segments:
    """Segments of a batch, in order: frame_segment (batch, T) index into them, or their number where a frame has none; token features;
    place (batch, T, 4) as `DetailDecoder` wants it; following (segments,) index of the next segment of the same token, or their number;
    stages (segments,) how many codes arrive; begin, size (segments,): first frame, counted through all rows, and number of frames.
    """

    frame_segment: Tensor
    phones: Tensor
    place: Tensor
    of_frame: Tensor
    following: Tensor
    stages: Tensor
    begin: Tensor
    size: Tensor


def segments_of(batch: TokenBatch, lengths: list[int], damages: Sequence[Damage] | None = None) -> Segments:
    """Cuts the tokens of a batch into segments; those get none whose details `damages` (one for each row) loses."""
    size, frames = batch.owner.shape
    frame_segment = torch.full((size, frames), -1)
    of_frame = torch.zeros(size, frames, 4)
    phones: list[int] = []
    places: list[tuple[float, float]] = []
    following: list[int] = []
    stages: list[int] = []
    begins: list[int] = []
    sizes: list[int] = []
    for row, total in enumerate(lengths):
        owners, counts = torch.unique_consecutive(batch.owner[row, :total], return_counts=True)
        at = 0
        for owner, length in zip(owners.tolist(), counts.tolist(), strict=True):
            phone = int(batch.phones[row, owner, 1])
            count = segment_count(phone, -(-length // TICK_FRAMES))
            damage = damages[row] if damages else None
            if count and not (damage and damage.loses(at)):
                first = len(phones)
                frame_segment[row, at : at + length] = first + segment_of_frames(length, count)
                of_frame[row, at : at + length] = places_of_frames(length, count)
                for index in range(count):
                    phones.append(phone)
                    places.append(place_of_segment(index, count))
                    following.append(first + index + 1 if index + 1 < count else -1)
                    stages.append(int(damage.stages[at]) if damage else DETAIL_STAGES)
                    start, size_here = span_of_segment(index, length, count)
                    begins.append(row * frames + at + start)
                    sizes.append(size_here)
            at += length
    many = len(phones)
    frame_segment[frame_segment < 0] = many
    follow = torch.tensor([many if index < 0 else index for index in following] + [many])
    # With their types, for there may be no segments at all.
    counted = (torch.tensor(each, dtype=torch.int64) for each in (stages, begins, sizes))
    return Segments(frame_segment, torch.tensor(phones, dtype=torch.int64), torch.tensor(places).view(-1, 2), of_frame, follow, *counted)


class Detail(DetailLayer):
    """The layer with what is counted while its codebooks are learned."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("used", torch.ones(DETAIL_STAGES, CODES))
        self.register_buffer("sums", torch.zeros(DETAIL_STAGES, CODES, LATENT))
        self.register_buffer("ready", torch.zeros(()))
        self.used: Tensor
        self.sums: Tensor
        self.ready: Tensor

    def load_shipped(self, tensors: dict[str, Tensor]) -> None:
        """Goes on from what was exported, which lacks the counts: every code is taken to have been used as often as the others."""
        own = {name: value.float() for name, value in tensors.items() if name in self.state_dict()}
        counts = {"used": torch.full_like(self.used, USUAL_HITS), "sums": USUAL_HITS * own["codebooks.books"]}
        self.load_state_dict(own | counts | {"ready": torch.ones(())})

    def latents(self, mel: Tensor, spoken: Tensor, segments: Segments, jitter: float = 0.0) -> Tensor:
        """What the encoder says of each segment, (segments, LATENT)."""
        mel = mel - loudness(mel, spoken) + jitter
        heard = self.encoder.hear(mel)
        many = len(segments.phones)
        flat = segments.frame_segment.flatten()
        sums = torch.zeros(many + 1, heard.shape[2], device=mel.device).index_add(0, flat, heard.flatten(0, 1).float())
        counts = torch.zeros(many + 1, device=mel.device).index_add(0, flat, torch.ones(len(flat), device=mel.device))
        mean = (sums / counts.clamp_min(1)[:, None])[:many]
        points = at_points(mel.flatten(0, 1), segments.begin, segments.size)
        result: Tensor = self.encoder(mean, points, segments.phones, segments.place)
        return result

    def quantise(self, latents: Tensor, stages: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Straight-through quantised latents, commitment, codes; stages (n,): how many each segment gets. Learns the books."""
        if not bool(self.ready):
            return latents, latents.new_zeros(()), torch.zeros(len(latents), DETAIL_STAGES, dtype=torch.int64)
        rest, total, chosen = latents.detach(), torch.zeros_like(latents), []
        commitment = latents.new_zeros(())
        for stage in range(DETAIL_STAGES):
            book = self.codebooks.books[stage]
            nearest = torch.cdist(rest, book).argmin(1)
            chosen.append(nearest)
            if self.training:
                self._learn(stage, nearest, rest)
            said = book[nearest]
            total = total + torch.where(stages[:, None] > stage, said, 0.0)
            rest = rest - said
            commitment = commitment + (latents - (latents.detach() - rest)).square().mean()
        return latents + (total - latents).detach(), commitment, torch.stack(chosen, 1)

    @torch.no_grad()
    def _learn(self, stage: int, nearest: Tensor, values: Tensor) -> None:
        hits = torch.bincount(nearest, minlength=CODES).float()
        self.used[stage] = DECAY * self.used[stage] + (1 - DECAY) * hits
        self.sums[stage] = DECAY * self.sums[stage] + (1 - DECAY) * torch.zeros_like(self.sums[stage]).index_add(0, nearest, values)
        self.codebooks.books[stage] = self.sums[stage] / self.used[stage].clamp_min(1e-4)[:, None]
        idle = (self.used[stage] < 0.02 * self.used[stage].mean()).nonzero()[:, 0]
        if len(idle) and len(values):
            fresh = values[torch.randint(len(values), (len(idle),))]
            share = float(self.used[stage].mean()) * 0.5
            self.codebooks.books[stage][idle], self.sums[stage][idle], self.used[stage][idle] = fresh, fresh * share, share

    @torch.no_grad()
    def begin_quantising(self, latents: Tensor) -> None:
        """First codebooks: k-means of each stage over many latents."""
        rest = latents
        for stage in range(DETAIL_STAGES):
            book = rest[torch.randperm(max(CODES, len(rest)))[:CODES] % len(rest)].clone()
            for _ in range(8):
                nearest = torch.cdist(rest, book).argmin(1)
                hits = torch.bincount(nearest, minlength=CODES).float()
                book = torch.where(hits[:, None] > 0, torch.zeros_like(book).index_add(0, nearest, rest) / hits.clamp_min(1)[:, None], book)
            hits = torch.bincount(torch.cdist(rest, book).argmin(1), minlength=CODES).float() / len(rest) * 300 + 0.05
            self.codebooks.books[stage], self.used[stage], self.sums[stage] = book, hits, book * hits[:, None]
            rest = rest - book[torch.cdist(rest, book).argmin(1)]
        self.ready.fill_(1)


def speak(detail: Detail, base: Tensor, batch: TokenBatch, segments: Segments, latents: Tensor) -> Tensor:
    """The decoder over a whole batch -> mel (batch, T, 80)."""
    table = torch.cat((latents, latents.new_zeros(1, LATENT)))
    own = table[segments.frame_segment]
    following = table[segments.following[segments.frame_segment]]
    mel: Tensor = detail.decoder(detail.decoder.state(len(base)), base, batch.level, torch.cat((own, following), 2), segments.of_frame)
    return mel


def spectral(mel: Tensor, target: Target) -> tuple[Tensor, Tensor]:
    """L1 of mel, and of its error averaged over patches."""
    weight = target.weight[..., None] / target.weight.sum()
    error = mel - target.mel
    level = (error.abs() * weight).sum() / mel.shape[2]
    mean = nn.functional.avg_pool2d((error * (weight > 0))[:, None], (3, 3), stride=1, padding=1)[:, 0]
    return level, (mean.abs() * weight).sum() / mel.shape[2]


def frozen_synthesiser() -> Synthesiser:
    """The synthesiser as it is shipped."""
    return Synthesiser.from_weights(load_weights(weights_directory() / "synthesiser.safetensors")[0]).requires_grad_(False)


@torch.no_grad()
def base_speech(synthesiser: Synthesiser, batch: TokenBatch) -> tuple[Tensor, Tensor]:
    """What is spoken without details: mel (batch, T, 80); F0 (batch, T) Hz, 0 where there is no voice."""
    with bfloat16(batch.frames.device):
        mel, voicing = synthesiser(synthesiser.network_state(len(batch.phones)), batch)
    return mel.float(), pitch(batch, voicing.float())


def to_device(batch: TokenBatch, target: Target, segments: Segments) -> tuple[TokenBatch, Target, Segments]:
    return (
        TokenBatch(*(x.to(device()) for x in batch)),
        Target(*(x.to(device()) for x in target)),
        Segments(**{name: value.to(device()) for name, value in vars(segments).items()}),
    )


def ways() -> dict[str, Damage]:
    """What `evaluate` looks at: without details, with some numbers of codes, and with all of them in every other run."""
    return {"none": Damage.even(0), "every other": Damage.every_other()} | {str(codes): Damage.even(codes) for codes in SHOWN}


@torch.no_grad()
def evaluate(detail: Detail, synthesiser: Synthesiser, perception: Perception, data: TokenData, count: int = 60) -> dict[str, float]:
    """Distances over the tokens of `data` as the wire brings them, in all `ways`, and with two codes and noise before the encoder; and the
    likeness of the voice (GE2E)."""
    detail.eval()
    voice, voiced = VoiceLoss().to(device()), Voiced().to(device())
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    sums: dict[str, float] = {}
    chosen = data.indices[:: max(1, len(data.indices) // count)]
    for start in range(0, len(chosen), BATCH):
        drawn, wanted = collate([data.example(i, damaged=False, wired=True) for i in chosen[start : start + BATCH]])
        lengths = [int(n) for n in (wanted.weight > 0).sum(1)]
        long, share = (wanted.weight > 0).sum(1) >= VOICE_FRAMES, len(lengths) / len(chosen)
        for name, damage in (*ways().items(), ("2 noisy", Damage.even(2))):
            batch, target, segments = to_device(drawn, wanted, segments_of(drawn, lengths, [damage] * len(lengths)))
            base, f0 = base_speech(synthesiser, batch)
            spoken = target.weight > 0.5
            heard = with_noise(target.mel, spoken, rng) if name == "2 noisy" else target.mel
            mel = speak(detail, base, batch, segments, detail.quantise(detail.latents(heard, spoken, segments), segments.stages)[0])
            sums[f"{name} mel"] = sums.get(f"{name} mel", 0) + share * float(spectral(mel, target)[0])
            sound = voiced(mel, f0, target.weight > 0)
            sums[f"{name} heard"] = sums.get(f"{name} heard", 0) + share * float(perception(sound, target.mel, target.weight))
            likeness = (voice.embed(sound[long, :VOICE_FRAMES]) * voice.embed(target.mel[long, :VOICE_FRAMES])).sum(1)
            sums[f"{name} voice"] = sums.get(f"{name} voice", 0) + share * float(likeness.mean())
    detail.train()
    return {name: round(value, 4) for name, value in sums.items()}


def pictures(data: TokenData, batches: int) -> list[Tensor]:
    """Spectra of many segments, for `first_picture`."""
    found = []
    for _ in range(batches):
        batch, target = collate(data.draw(BATCH))
        segments = segments_of(batch, [int(n) for n in (target.weight > 0).sum(1)])
        mel = target.mel - loudness(target.mel, target.weight > 0.5)
        found.append(at_points(mel.flatten(0, 1), segments.begin, segments.size))
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = options(__doc__ or "")
    parser.add_argument("--spectra", action="store_true", help="only the mel spectrogram counts: five times as fast, for a beginning")
    arguments = begin(parser, argv)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    random.seed(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    detail = Detail().to(device()).train()
    synthesiser = frozen_synthesiser().to(device())
    optimizer = torch.optim.AdamW([*detail.encoder.parameters(), *detail.decoder.parameters()], lr=arguments.rate, betas=(0.9, 0.98))
    polish, voiced = Polish(2e-4, arguments.seed), Voiced().to(device())
    parts: dict[str, nn.Module | torch.optim.Optimizer] = {"detail": detail, "optimizer": optimizer}
    parts |= {"adversary": polish.adversary, "adversary_optimizer": polish.optimizer}
    run = Run("detail", arguments, parts)
    corpus = Corpus("train", arguments.work / "corpus")
    run.uses([row for labels in SETS for row in data_card(Corpus("train", corpus.cache, labels), PART_WEIGHT, aligned=True)])
    right, heard_wrong = (open_data("train", arguments.seed + run.step, arguments.work, labels) for labels in SETS)
    right.label_noise, heard_wrong.label_noise = 0.0, LABEL_NOISE
    if not run.step:
        print(f"the pictures keep {first_picture(detail, pictures(right, 2 if arguments.smoke else 60)):.0%} of the variance", flush=True)
    # Whisper takes longer to load than a smoke run lasts.
    perception = None if arguments.smoke or arguments.spectra else Perception(corpus).to(device())
    remembered: list[Tensor] = []

    def valid() -> TokenData:
        return open_data("valid", 0, arguments.work, SETS[1])

    for done in run.steps():
        set_rate(optimizer, arguments.rate, done, run.optimised)
        data = right if rng.random() < RIGHT else heard_wrong
        batch, target = collate(data.draw(2 if arguments.smoke else BATCH))
        lengths = [int(n) for n in (target.weight > 0).sum(1)]
        segments = segments_of(batch, lengths, [Damage.of_a_call(rng) for _ in lengths])
        if not len(segments.phones):
            continue
        batch, target, segments = to_device(batch, target, segments)
        base, f0 = base_speech(synthesiser, batch)
        spoken = target.weight > 0.5
        latents = detail.latents(with_noise(target.mel, spoken, rng), spoken, segments, float(rng.normal(0, 0.3)))
        rough, commitment, codes = detail.quantise(latents, segments.stages)
        if not bool(detail.ready):
            remembered = [*remembered, latents.detach()][-FREE_BATCHES:]
            if (run.step >= FREE_STEPS and len(remembered) == FREE_BATCHES) or arguments.smoke:
                detail.begin_quantising(torch.cat(remembered))
        mel = speak(detail, base, batch, segments, rough)
        sound = mel if perception is None else voiced(mel, f0, target.weight > 0)
        level, patches = spectral(mel, target)[0], spectral(sound, target)[1]
        loss = 0.4 * level + 0.6 * patches + COMMITMENT * commitment
        if perception is not None:
            heard = perception(sound, target.mel, target.weight)
            likeness = polish.likeness(sound, target)
            deceit, matching = polish.teach(sound, batch, target)
            loss = loss + HEARD * heard + LIKENESS * likeness + DECEIT * deceit + MATCHING * matching
            run.note(heard=float(heard.detach()), likeness=float(likeness.detach()), matching=float(matching.detach()))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(detail.parameters(), 1.0)
        optimizer.step()
        run.note(
            mel=level.item(),
            patches=patches.item(),
            commitment=commitment.item(),
            codes=len({tuple(row) for row in codes.tolist()}) / len(codes),
        )
        if perception is not None and run.step % 500 == 0:
            print(f"step {run.step}: {evaluate(detail, synthesiser, perception, valid())}", flush=True)
    if perception is not None:
        print(f"done: {evaluate(detail, synthesiser, perception, valid())}", flush=True)


if __name__ == "__main__":
    run_step(main)
