"""Makes Moonshine's encoder streaming: it learns to give in chunks, of distorted sound, what it gives for the whole undistorted one.

    python -m codec.train.recogniser.streaming_encoder --minutes 480

The teacher is the encoder as it came; no labels are needed for that, so all speech teaches. Chunk and look-ahead are drawn again for each
batch: one network then serves calls that wait and calls that do not. A phone head learns beside it where there are alignments.

Needs the packed corpus (`python -m codec.train.corpus.pack train more valid`); resumes from work/streaming_encoder.checkpoint.
"""

import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from codec.recognise.moonshine.network import FRAME_SAMPLES, RECEPTIVE_SAMPLES, MoonshineEncoder, load_encoder, model_folder, rotations
from codec.recognise.streaming_encoder import StreamingEncoder
from codec.text.pronunciations import phone_errors, variants_of
from codec.train.card import data_card
from codec.train.corpus.packed import DATA, Corpus
from codec.train.recogniser import augment
from codec.train.recogniser.batching import groups_of_like_length, likeness
from codec.train.recogniser.data import UNLABELLED, load_noises
from codec.train.recogniser.lossy_codecs import through_any
from codec.train.run import Run, device, options, set_rate
from codec.train.step import begin, run_step
from codec.units.phones import SILENCE, phone_index
from codec.units.rates import SAMPLE_RATE

REPORT_SECONDS = 900.0
CROP_SECONDS = 8
MATCHED = (2, 5)
"""Blocks whose outputs are compared with the teacher's, besides the last norm."""
WEIGHT_OF = {"last": 2.0, "inner": 0.5, "phones": 0.3}
PART_WEIGHTS = {
    "l2": 1.0,
    "librispeech": 3.0,
    "commands": 1.0,
    "synthetic": 1.0,
    "librispeech_more": 1.0,
    "vctk": 2.0,
    "arctic": 1.0,
    "alphanumeric": 1.0,
    "commands35": 0.2,
    "wakewords": 0.1,
}
"""How often an utterance of a part comes in one pass; single words seldom."""
CHUNKS = (4, 7, 13, 20, 27)
LOOK_AHEADS = (0, 3, 7, 13, 27)
CONTEXTS = (83, 125, 250)
"""Frames of 24 ms."""
QUICK, CLEAR = (7, 3), (13, 27)
"""(chunk, look-ahead) that are reported: those of calls that do not wait, and of those that do."""
MIDDLE_MS = RECEPTIVE_SAMPLES / 32
"""From the beginning of a frame to the middle of what it sees."""


@dataclass
class Spoken:
    """pcm int16; labels: (phone, start, end in ms), or None; text: or None."""

    pcm: NDArray[np.int16]
    labels: list[tuple[int, float, float]] | None
    text: str | None
    weight: float


@dataclass
class Batch:
    """clean, distorted (batch, samples); labels (batch, frames), UNLABELLED where unknown; within (batch, frames): where there is sound."""

    clean: Tensor
    distorted: Tensor
    labels: Tensor
    within: Tensor


def load(name: str, cache: Path, labels: str, folder: str) -> list[Spoken]:
    """Utterances of a packed list whose files lie in `folder`."""
    corpus = Corpus(name, cache, labels if (cache / f"{name}.{labels}.jsonl").exists() else "")
    found = []
    for index, row in enumerate(corpus.records):
        if str(row["file"]).startswith(folder):
            spans = [(phone_index(label), start, end) for label, start, end in row["phones"]] if row["phones"] else None
            found.append(Spoken(corpus.pcm(index), spans, row["text"], PART_WEIGHTS[corpus.part(index)]))
    return found


def frame_labels(labels: list[tuple[int, float, float]] | None, frames: int, speed: float) -> NDArray[np.int64]:
    """The phone in the middle of what each frame sees; times in ms divide by `speed`."""
    result = np.full(frames, UNLABELLED, np.int64)
    middle = np.arange(frames) * FRAME_SAMPLES * 1000 / SAMPLE_RATE + MIDDLE_MS
    for phone, start, end in labels or ():
        result[(middle >= start / speed) & (middle < end / speed)] = phone
    return result


def batches(spoken: list[Spoken], noises: list[augment.Sound], seconds: float, seed: int) -> Iterator[Batch]:
    """Endless batches of about `seconds` of sound."""
    rng, np_rng = random.Random(seed), np.random.default_rng(seed)
    longest = CROP_SECONDS * SAMPLE_RATE
    while True:
        order = [one for one in spoken for _ in range(int(one.weight) + (rng.random() < one.weight % 1))]
        for group in groups_of_like_length(order, seconds, longest, rng):
            yield _batch([_cut(one, np_rng) for one in group], noises, np_rng)


def _cut(one: Spoken, rng: np.random.Generator) -> tuple[augment.Sound, NDArray[np.int64]]:
    """Part of an utterance, at another speed and from another mouth, with its labels."""
    factor = rng.uniform(0.85, 1.15)
    pcm = augment.speed(np.asarray(one.pcm / np.float32(32768), np.float32), factor)
    labels = frame_labels(one.labels, len(pcm) // FRAME_SAMPLES, factor)
    most = CROP_SECONDS * SAMPLE_RATE // FRAME_SAMPLES
    start = int(rng.integers(0, max(1, len(labels) - most)))
    pcm, labels = pcm[start * FRAME_SAMPLES : (start + most) * FRAME_SAMPLES], labels[start : start + most]
    if rng.random() < 0.25:
        pcm = augment.warp_formants(pcm, rng.uniform(0.85, 1.18))
    return pcm, labels


def _batch(cuts: list[tuple[augment.Sound, NDArray[np.int64]]], noises: list[augment.Sound], rng: np.random.Generator) -> Batch:
    frames = max(len(labels) for _, labels in cuts) + max(CHUNKS)
    shape = (len(cuts), frames * FRAME_SAMPLES + RECEPTIVE_SAMPLES)
    clean, distorted = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    labels = np.full((len(cuts), frames), UNLABELLED, np.int64)
    within = np.zeros((len(cuts), frames), bool)
    for row, (pcm, own) in enumerate(cuts):
        clean[row, : len(pcm)] = pcm * (0.5 / (float(np.abs(pcm).max()) + 1e-6))
        heard = through_any(pcm, rng) if rng.random() < 0.15 else pcm
        distorted[row, : len(pcm)] = augment.augment(heard, noises, rng)
        labels[row, : len(own)], within[row, : len(own)] = own, True
    distorted += rng.standard_normal(shape, np.float32) * 1e-4 * 10 ** rng.uniform(-1, 1)
    return Batch(*(torch.from_numpy(array) for array in (clean, distorted, labels, within)))


@torch.no_grad()
def teach(teacher: MoonshineEncoder, pcm: Tensor) -> list[Tensor]:
    """pcm (batch, samples) -> outputs of the blocks in MATCHED and of the last norm, (batch, frames, width), of the whole sound."""
    x = teacher.front(pcm)
    turn = rotations(torch.arange(x.shape[1], device=x.device))
    kept = []
    for index, block in enumerate(teacher.blocks):
        x = block(x, turn)
        if index in MATCHED:
            kept.append(x)
    return [*kept, teacher.norm(x)]


def losses(network: StreamingEncoder, teacher: MoonshineEncoder, batch: Batch, sizes: tuple[int, int, int]) -> dict[str, Tensor]:
    """sizes: chunk, look-ahead and context -> likeness of the last and of inner layers, cross-entropy of the phones."""
    chunk, look_ahead, context = sizes
    where = device()
    with torch.autocast(where.type, torch.bfloat16):
        theirs = teach(teacher, batch.clean.to(where))
        hidden, kept = network.chunked(batch.distorted.to(where), chunk, look_ahead, context, MATCHED)
        said = network.classify(hidden, chunk).float()
    ours = [x[:, :, :chunk].flatten(1, 2).float() for x in (*kept, hidden)]
    frames = min(ours[0].shape[1], theirs[0].shape[1], batch.within.shape[1])
    within, labels = batch.within[:, :frames].to(where), batch.labels[:, :frames].to(where)
    near = [likeness(x[:, :frames], y[:, :frames].float(), within) for x, y in zip(ours, theirs, strict=True)]
    entropy = functional.cross_entropy(said[:, :frames].transpose(1, 2), labels, ignore_index=UNLABELLED, label_smoothing=0.05)
    return {"last": near[-1], "inner": torch.stack(near[:-1]).sum(), "phones": torch.nan_to_num(entropy)}


@torch.inference_mode()
def evaluate(
    network: StreamingEncoder, teacher: MoonshineEncoder, held: list[Spoken], sizes: tuple[int, int]
) -> tuple[float, float, float]:
    """(distance from the teacher, share of frames right, phone error of the greedy path of at least two frames a phone)."""
    far, right, frames, edits, total = [], 0, 0, 0, 0
    for one in held:
        pcm = torch.from_numpy(np.pad(one.pcm / np.float32(32768), (0, (sum(sizes) + 2) * FRAME_SAMPLES + RECEPTIVE_SAMPLES)))[None].to(
            device()
        )
        with torch.autocast(device().type, torch.bfloat16):
            hidden, _ = network.chunked(pcm, *sizes, CONTEXTS[1])
            best = network.classify(hidden, sizes[0])[0].argmax(1).cpu().numpy()
            theirs = teach(teacher, pcm)[-1]
        count = len(one.pcm) // FRAME_SAMPLES
        ours = hidden[:, :, : sizes[0]].flatten(1, 2)[:, :count].float()
        far.append(float(likeness(ours, theirs[:, :count].float(), torch.ones(1, count, dtype=torch.bool, device=device()))))
        labels = frame_labels(one.labels, min(count, len(best)), 1.0)
        known = labels != UNLABELLED
        right, frames = right + int((best[: len(labels)][known] == labels[known]).sum()), frames + int(known.sum())
        variants = variants_of(one.text) if one.text else None
        if variants:
            changes = np.flatnonzero(np.diff(best, prepend=-1))
            lengths = np.diff(changes, append=len(best))
            path = [int(best[at]) for at, length in zip(changes, lengths, strict=True) if best[at] != SILENCE and length >= 2]
            found, many = phone_errors(path, variants)
            edits, total = edits + found, total + many
    return float(np.mean(far)), right / max(1, frames), edits / max(1, total)


def report(when: str, network: StreamingEncoder, teacher: MoonshineEncoder, held: list[Spoken]) -> None:
    """Prints the figures of `evaluate`."""
    for name, sizes in (("quick", QUICK), ("clear", CLEAR)):
        far, right, phones = evaluate(network.eval(), teacher, held, sizes)
        print(f"{when}, {name}: distance {far:.3f}, frames right {right:.3f}, greedy phone error {phones:.3f}", flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = options(__doc__ or "")
    parser.set_defaults(rate=2e-4)
    parser.add_argument("--data", type=Path, default=DATA, help="folder that holds noise/")
    parser.add_argument("--batch-seconds", type=float, default=32)
    parser.add_argument("--lists", nargs="+", default=["train", "more"], help="packed lists to train on")
    parser.add_argument("--labels", default="realigned", help="set of labels of these lists, where there is one")
    arguments = begin(parser, argv)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    random.seed(arguments.seed)

    teacher = load_encoder(model_folder())
    network = StreamingEncoder()
    network.load_state_dict(teacher.state_dict(), strict=False)
    network.to(device())
    teacher.to(device()).requires_grad_(False)
    optimizer = torch.optim.AdamW(network.parameters(), arguments.rate, betas=(0.9, 0.98), weight_decay=0.01)
    run = Run("streaming_encoder", arguments, {"network": network, "optimizer": optimizer})

    cache = arguments.work / "corpus"
    spoken = [one for name in arguments.lists for one in load(name, cache, arguments.labels, "train/")]
    held = load("valid", cache, arguments.labels, "valid/")
    held = [one for one in held if one.weight > 1] + [one for one in held if one.weight == 1][::16]
    run.uses([row for name in arguments.lists for row in data_card(Corpus(name, cache), PART_WEIGHTS, aligned=False)])
    noises = load_noises(arguments.data)
    hours = sum(len(one.pcm) * one.weight for one in spoken) / 57.6e6
    print(f"{len(spoken)} utterances, {hours:.2f} h a pass; {len(held)} for validation", flush=True)
    if run.step == 0:
        _expect(network, spoken)

    stream = batches(spoken, noises, arguments.batch_seconds, arguments.seed + run.step)
    reported = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, stream)
        for done in run.steps():
            batch = coming.result()
            coming = pool.submit(next, stream)
            set_rate(optimizer, arguments.rate, done, run.step)
            network.train()
            chunk = random.choice(CHUNKS)
            sizes = chunk, random.choice([size for size in LOOK_AHEADS if size <= chunk + 3]), random.choice(CONTEXTS)
            found = losses(network, teacher, batch, sizes)
            torch.autograd.backward(torch.stack([weight * found[name] for name, weight in WEIGHT_OF.items()]).sum())
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            run.note(**{name: float(value.detach()) for name, value in found.items()})
            if time.monotonic() - reported > REPORT_SECONDS:
                reported = time.monotonic()
                report(f"step {run.step}", network, teacher, held)
    report("done", network, teacher, held)


@torch.no_grad()
def _expect(network: StreamingEncoder, spoken: list[Spoken]) -> None:
    """Mean and variance of the first convolution's output over some of the speech."""
    sounds = [
        torch.tanh(network.conv1(torch.from_numpy(one.pcm[:48000] / np.float32(32768))[None, None].to(device()))) for one in spoken[::200]
    ]
    mean = torch.stack([sound.mean() for sound in sounds]).mean()
    square = torch.stack([sound.square().mean() for sound in sounds]).mean()
    network.prior.copy_(torch.stack((mean, square - mean.square())))


if __name__ == "__main__":
    run_step(main)
