"""Trains the streaming recogniser: framewise cross-entropy on alignments plus CTC on transcripts.

    python -m codec.train.recogniser --minutes 60

Needs the packed corpus (`python -m codec.train.corpus`); resumes from work/recogniser.checkpoint.
"""

import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.models import weights_directory
from codec.phones import PHONES
from codec.recogniser_features import HOP, WINDOW, log_mel
from codec.recogniser_network import FRAME_SAMPLES, RecogniserConfig, RecogniserNetwork
from codec.tokens import SAMPLE_RATE
from codec.train.card import data_card
from codec.train.corpus import DATA, Corpus
from codec.train.pronunciations import phone_errors, variants_of
from codec.train.recogniser_data import UNLABELLED, WEIGHTS, Batch, Utterance, batches, frame_labels, load, load_noises
from codec.train.run import Run, device, options, set_rate
from codec.train.step import begin, run_step
from codec.train.whisper_weights import SOURCES, recogniser_from_whisper
from codec.weights_file import load_weights

REPORT_SECONDS = 600.0
SHIPPED = "shipped"


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


def losses(network: RecogniserNetwork, ctc_head: nn.Linear, batch: Batch, device: torch.device) -> tuple[Tensor, Tensor]:
    """(cross-entropy per labelled frame, CTC per phone) of one batch."""
    with torch.no_grad():
        mel = mask_features(mel_of(batch.pcm.to(device), network))
    delay = network.config.label_delay
    offset = random.randrange(0, 1500 - mel.shape[1] // 2)
    with torch.autocast(device.type, torch.bfloat16):
        hidden = network.encode(mel, offset)
        frames, ctc = network.head(hidden).float(), ctc_head(hidden).float()
    delayed = functional.pad(batch.labels.to(device), (delay, 0), value=UNLABELLED)[:, : frames.shape[1]]
    entropy = functional.cross_entropy(frames.transpose(1, 2), delayed, ignore_index=UNLABELLED, label_smoothing=0.05)
    entropy = torch.nan_to_num(entropy)  # no labelled frame at all
    rows = [row for row, phones in enumerate(batch.targets) if 0 < len(phones) < batch.lengths[row]]
    if not rows:
        return entropy, 0.0 * ctc.sum()
    aligned = functional.ctc_loss(
        functional.log_softmax(ctc[rows], -1).transpose(0, 1),
        torch.tensor([phone for row in rows for phone in batch.targets[row]], device=device),
        torch.tensor([min(batch.lengths[row] + delay, frames.shape[1]) for row in rows]),
        torch.tensor([len(batch.targets[row]) for row in rows]),
        blank=0,
        zero_infinity=True,
    )
    return entropy, aligned


@torch.inference_mode()
def evaluate(network: RecogniserNetwork, utterances: list[Utterance]) -> tuple[float, float]:
    """(share of frames right, phone error of the greedy path of at least two frames a phone); equal to streaming, but in one pass."""
    right = frames = edits = total = 0
    delay = network.config.label_delay
    for one in utterances:
        tail = WINDOW + (delay + network.config.chunk) * FRAME_SAMPLES
        pcm = functional.pad(torch.from_numpy(one.pcm / np.float32(32768))[None], (WINDOW // 2, tail))
        with torch.autocast(device().type, torch.bfloat16):
            best = network(mel_of(pcm.to(device()), network)[:, :3000])[0, delay:].argmax(1).cpu().numpy()
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
    parser.set_defaults(rate=2e-4)
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
        network = tiny_network()
    else:
        network = shipped_network() if arguments.start == SHIPPED else recogniser_from_whisper(arguments.start)
    network.to(device())
    ctc_head = nn.Linear(network.config.width, len(PHONES)).to(device())
    optimizer = torch.optim.AdamW([*network.parameters(), *ctc_head.parameters()], arguments.rate, betas=(0.9, 0.98), weight_decay=0.01)
    run = Run("recogniser", arguments, {"network": network, "ctc_head": ctc_head, "optimizer": optimizer})

    cache = arguments.work / "corpus"
    # Exact labels need no second set, so a list of synthetic speech may have none.
    lists = [(name, arguments.labels if (cache / f"{name}.{arguments.labels}.jsonl").exists() else "") for name in arguments.lists]
    loaded = [pair for name, labels in lists for pair in load(name, cache, labels=labels)]
    train = [one for part, one in loaded for _ in range(WEIGHTS[part]) if len(one.pcm) < 16 * SAMPLE_RATE]
    run.uses([row for name, labels in lists for row in data_card(Corpus(name, cache, labels), WEIGHTS, aligned=False)])
    held = load("valid", cache)
    valid = [one for part, one in held if part == "librispeech"] + [one for part, one in held if part == "l2"][::16]
    noises = load_noises(arguments.data)
    print(f"{len(train)} utterances, {sum(len(one.pcm) for one in train) / 57.6e6:.2f} h a pass; {len(valid)} for validation", flush=True)

    stream = batches(train, noises, arguments.batch_seconds, arguments.seed + run.step)
    reported = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, stream)
        for done in run.steps():
            batch = coming.result()
            coming = pool.submit(next, stream)
            set_rate(optimizer, arguments.rate, done, run.step)
            network.train()
            entropy, ctc = losses(network, ctc_head, batch, device())
            torch.autograd.backward(entropy + 0.5 * ctc)
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            run.note(entropy=float(entropy.detach()), ctc=float(ctc.detach()))
            if time.monotonic() - reported > REPORT_SECONDS:
                reported = time.monotonic()
                report(f"step {run.step}", network, valid)
    report("done", network, valid)


if __name__ == "__main__":
    run_step(main)
