"""Trains the streaming recogniser: Whisper's encoder learns to give in chunks what it gives when it hears everything.

    python -m codec.train.recogniser.train --minutes 60

The teacher is the same encoder as it came, hearing the whole undistorted sound; the student hears it distorted, in chunks. Alignments
teach only the phone head, which reads both: fine-tuning the encoder itself on a few hours of labels makes it forget the voices of
everybody else (phone error of 31 % on strangers against 25 % with the encoder left as it was).

Needs the packed corpus (`python -m codec.train.corpus.pack`); resumes from work/recogniser.checkpoint.
"""

import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from codec.recognise.features import HOP, WINDOW, log_mel
from codec.recognise.network import FRAME_SAMPLES, REACH, RecogniserConfig, RecogniserNetwork
from codec.text.pronunciations import phone_errors, variants_of
from codec.train.card import data_card
from codec.train.corpus.packed import DATA, Corpus
from codec.train.recogniser.batching import likeness
from codec.train.recogniser.data import UNLABELLED, WEIGHTS, Batch, Utterance, batches, frame_labels, load, load_noises
from codec.train.recogniser.whisper_weights import SOURCES, recogniser_from_whisper
from codec.train.run import Run, bfloat16, device, options, set_rate
from codec.train.step import begin, run_step
from codec.units.weights import load_weights
from codec.units.weights_files import weights_directory

REPORT_SECONDS = 600.0
MATCHED = (1, 3)
"""Blocks whose outputs are compared with the teacher's, besides the last norm."""
WEIGHT_OF = {"last": 2.0, "inner": 0.5, "entropy": 0.2, "teacher": 0.5, "divergence": 0.5}
SHIPPED = "shipped"
SIZES = (8, 12), (8, 12), (12, 12), (6, 12), (8, 16)
"""Chunk and look-ahead, in frames, of which each batch takes one: those of a call, and others, so that the network serves them too."""


def shipped_network() -> RecogniserNetwork:
    """The network as it was exported last, to be trained further on a machine that has no checkpoint."""
    tensors, metadata = load_weights(weights_directory() / "recogniser.safetensors")
    network = RecogniserNetwork.from_metadata(metadata)
    network.load_state_dict({name: tensor for name, tensor in tensors.items() if not name.startswith("search.")})
    return network


def mel_of(pcm: Tensor, network: RecogniserNetwork) -> Tensor:
    """pcm (batch, samples), WINDOW // 2 of silence first -> (batch, 2 * frames, BANDS)."""
    frames = (pcm.shape[1] - WINDOW // 2 - WINDOW) // HOP // 2 * 2
    return log_mel(pcm[:, : WINDOW + (frames - 1) * HOP], network.filters)


def mask_features(mel: Tensor) -> Tensor:
    """SpecAugment (arXiv 1904.08779): one band and a few short stretches of time set to the mean."""
    mel = mel.clone()
    for row in mel:
        if random.random() < 0.5:
            start, width = random.randrange(70), random.randrange(1, 12)
            row[:, start : start + width] = row.mean()
        for _ in range(random.randrange(3)):
            at, width = random.randrange(row.shape[0]), random.randrange(2, 14)
            row[at : at + width] = row.mean()
    return mel


@torch.no_grad()
def teach(teacher: RecogniserNetwork, mel: Tensor, offset: int) -> list[Tensor]:
    """mel (batch, 2 * frames, BANDS) -> outputs of the blocks in MATCHED and of the last norm, (batch, frames, width), of the whole sound.

    offset: the position of the first frame, which the outputs tell as well. The floor is Whisper's own: 8 below the loudest value.
    """
    power = mel * 4 - 2
    mel = (torch.maximum(power, power.amax((1, 2), keepdim=True) - 8) + 4) / 4
    x = teacher.convolve(mel)
    x = x + teacher.positions[offset : offset + x.shape[1]]
    kept = []
    for index, block in enumerate(teacher.blocks):
        x, _ = block(x, None, None)
        if index in MATCHED:
            kept.append(x)
    return [*kept, teacher.norm(x)]


def losses(network: RecogniserNetwork, teacher: RecogniserNetwork, batch: Batch, device: torch.device) -> dict[str, Tensor]:
    """likeness of the last and of inner layers, cross-entropy of the head on the student and on the teacher, divergence of the two."""
    chunk = network.config.chunk
    batch = batch.before((batch.frames - network.config.look_ahead) // chunk * chunk)
    with torch.no_grad():
        mel = mask_features(mel_of(batch.distorted.to(device), network))
        whole = mel_of(batch.clean.to(device), network)
    offset = random.randrange(0, 1500 - mel.shape[1] // 2)
    within, labels = batch.within.to(device), batch.labels.to(device)
    with bfloat16(device):
        *inner, last = teach(teacher, whole, offset)
        hidden, kept = network.encode(mel, offset, MATCHED)
        said = network.classify(hidden)[:, : within.shape[1]].float()
        around = functional.pad(last.detach()[:, : within.shape[1] + REACH], (0, 0, REACH, 0))
        heard = network.head(around).float()
    main = [x[:, :, :chunk].flatten(1, 2)[:, : within.shape[1]].float() for x in (*kept, hidden)]
    near = [likeness(x, y[:, : within.shape[1]].float(), within) for x, y in zip(main, (*inner, last), strict=True)]
    entropies = [
        torch.nan_to_num(functional.cross_entropy(x.transpose(1, 2), labels, ignore_index=UNLABELLED, label_smoothing=0.05))
        for x in (said, heard)
    ]
    target = functional.softmax(heard.detach(), -1)
    divergence = (target * (target.clamp_min(1e-9).log() - functional.log_softmax(said, -1))).sum(-1)[within].mean()
    return {
        "last": near[-1],
        "inner": sum(near[:-1], torch.zeros(())),
        "entropy": entropies[0],
        "teacher": entropies[1],
        "divergence": divergence,
    }


@torch.inference_mode()
def evaluate(network: RecogniserNetwork, utterances: list[Utterance]) -> tuple[float, float]:
    """(share of frames right, phone error of the greedy path of at least two frames a phone); equal to streaming, but in one pass."""
    right = frames = edits = total = 0
    config = network.config
    for one in utterances:
        tail = WINDOW + (config.look_ahead + config.chunk) * FRAME_SAMPLES
        pcm = functional.pad(torch.from_numpy(one.pcm / np.float32(32768))[None], (WINDOW // 2, tail))
        with bfloat16(device()):
            best = network(mel_of(pcm.to(device()), network)[:, :3000])[0].argmax(1).cpu().numpy()
        if one.labels:
            labels = frame_labels(one.labels, min(len(one.pcm) // FRAME_SAMPLES, len(best)), 1.0)
            known = labels != UNLABELLED
            right += int((best[: len(labels)][known] == labels[known]).sum())
            frames += int(known.sum())
        variants = variants_of(one.text)
        if variants:
            changes = np.flatnonzero(np.diff(best, prepend=-1))
            lengths = np.diff(changes, append=len(best))
            path = [int(best[at]) for at, length in zip(changes, lengths, strict=True) if best[at] and length >= 2]
            found, count = phone_errors(path, variants)
            edits, total = edits + found, total + count
    return right / max(1, frames), edits / max(1, total)


def report(when: str, network: RecogniserNetwork, utterances: list[Utterance]) -> None:
    """Prints the figures of `evaluate`."""
    frames, phones = evaluate(network.eval(), utterances)
    print(f"{when}: frames right {frames:.3f}, phone error {phones:.3f}", flush=True)


def tiny_network() -> RecogniserNetwork:
    """A network too small to be good, for smoke runs."""
    network = RecogniserNetwork(RecogniserConfig(width=64, layers=1))
    network.filters.copy_(shipped_network().filters)
    return network


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = options(__doc__ or "")
    parser.set_defaults(rate=1.5e-4)
    parser.add_argument("--data", type=Path, default=DATA, help="folder that holds noise/")
    starts = (SHIPPED, *SOURCES)
    parser.add_argument(
        "--start", default=SHIPPED, choices=starts, help="without a checkpoint: go on from the shipped weights, or from Whisper"
    )
    parser.add_argument("--batch-seconds", type=float, default=32)
    parser.add_argument("--lists", nargs="+", default=["train"], help="packed lists to train on")
    parser.add_argument("--labels", default="", help="another set of labels of these lists, such as 'realigned', where there is one")
    arguments = begin(parser, argv)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    random.seed(arguments.seed)

    if arguments.smoke:
        network, teacher = tiny_network(), tiny_network()
    else:
        network = shipped_network() if arguments.start == SHIPPED else recogniser_from_whisper(arguments.start)
        teacher = recogniser_from_whisper("base")
    network.to(device())
    teacher.to(device()).eval()
    optimizer = torch.optim.AdamW(network.parameters(), arguments.rate, betas=(0.9, 0.98), weight_decay=0.01)
    run = Run("recogniser", arguments, {"network": network, "optimizer": optimizer})
    if arguments.start == SHIPPED and not run.step and not arguments.smoke:
        run.continue_card()

    cache = arguments.work / "corpus"
    # Exact labels need no second set, so a list of synthetic speech may have none.
    lists = [(name, arguments.labels if (cache / f"{name}.{arguments.labels}.jsonl").exists() else "") for name in arguments.lists]
    loaded = [pair for name, labels in lists for pair in load(name, cache, labels=labels)]
    train = [one for part, one in loaded for _ in range(WEIGHTS[part])]
    told = [row for name, labels in lists for row in data_card(Corpus(name, cache, labels), WEIGHTS, aligned=False)]
    run.uses([row for row in told if row["weight_per_second"]])
    held = load("valid", cache)
    valid = [one for part, one in held if part == "librispeech"] + [one for part, one in held if part == "l2"][::16]
    noises = load_noises(arguments.data)
    print(f"{len(train)} utterances, {sum(len(one.pcm) for one in train) / 57.6e6:.2f} h a pass; {len(valid)} for validation", flush=True)

    called = network.config
    stream = batches(train, noises, arguments.batch_seconds, arguments.seed + run.step, max(ahead for _, ahead in SIZES))
    reported = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, stream)
        for done in run.steps():
            batch = coming.result()
            coming = pool.submit(next, stream)
            set_rate(optimizer, arguments.rate, done, run.optimised)
            network.train()
            chunk, ahead = random.choice(SIZES)
            network.config = replace(called, chunk=chunk, look_ahead=ahead)
            found = losses(network, teacher, batch, device())
            torch.autograd.backward(torch.stack([weight * found[name] for name, weight in WEIGHT_OF.items()]).sum())
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            run.note(**{name: float(value.detach()) for name, value in found.items()})
            if time.monotonic() - reported > REPORT_SECONDS:
                reported = time.monotonic()
                network.config = called
                report(f"step {run.step}", network, valid)
    network.config = called
    report("done", network, valid)


if __name__ == "__main__":
    run_step(main)
