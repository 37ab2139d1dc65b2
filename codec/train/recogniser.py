"""Trains the streaming recogniser: framewise cross-entropy on alignments plus CTC on transcripts.

    python -m codec.train.recogniser --data ../shared/data --minutes 60

Resumes from work/recogniser.pt. The learning rate follows a cosine over the minutes of this run.
"""

import argparse
import json
import math
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from codec.phones import PHONES, phone_index
from codec.recogniser_network import FRAME_SAMPLES, RecogniserNetwork
from codec.recogniser_features import HOP, WINDOW, log_mel
from codec.train import augment
from codec.train.pronunciations import phone_errors, variants_of
from codec.train.whisper_weights import recogniser_from_whisper

UNLABELLED = -100
WEIGHTS = {"librispeech": 3, "commands": 1, "l2": 1, "synthetic": 1}
"""How often an utterance of a part comes in one pass: native read speech is what there is least of."""


@dataclass
class Utterance:
    """pcm int16; labels: phone of each 20 ms frame or None; phones: the pronunciation for CTC or None."""

    name: str
    pcm: NDArray[np.int16]
    labels: list[tuple[int, int, int]] | None
    phones: list[int] | None
    text: str


def load(data: Path, split: str, limit: int | None = None) -> list[tuple[str, Utterance]]:
    """(part, utterance) of a split's list, sound decoded into memory."""
    rows = [json.loads(line) for line in (data / f"{split}.jsonl").read_text().splitlines()]
    rows = rows[:: max(1, len(rows) // limit)][:limit] if limit else rows

    def one(row: dict[str, Any]) -> tuple[str, Utterance]:
        pcm, _ = soundfile.read(data / row["file"], dtype="int16")
        labels = [(phone_index(label), start, end) for label, start, end in row["phones"]] if row["phones"] else None
        if labels is not None:
            phones = [phone for phone, _, _ in labels if phone]
        else:
            variants = variants_of(row["text"])
            phones = [phone for word in variants for phone in word[0]] if variants else []
        return row["file"].split("/")[1], Utterance(row["id"], pcm, labels, phones or None, row["text"])

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(one, rows))


def load_noises(data: Path, limit: int | None = None) -> list[augment.Sound]:
    """The noise clips that libsndfile reads; it calls some Ogg Opus files malformed, which are left out and counted."""
    noises, unreadable = [], 0
    for path in sorted((data / "noise").rglob("*.opus"))[:limit]:
        try:
            noises.append(soundfile.read(path, dtype="float32")[0].astype(np.float32))
        except soundfile.LibsndfileError:
            unreadable += 1
    print(f"{len(noises)} noises, {unreadable} unreadable left out", flush=True)
    return noises


def frame_labels(labels: list[tuple[int, int, int]], frames: int, speed: float) -> NDArray[np.int64]:
    """The phone at the middle of each 20 ms frame; times in ms divide by `speed`."""
    result = np.full(frames, UNLABELLED, np.int64)
    for phone, start, end in labels:
        result[max(0, math.ceil((start / speed - 10) / 20)) : max(0, math.ceil((end / speed - 10) / 20))] = phone
    return result


def batches(utterances: list[Utterance], noises: list[augment.Sound], seconds: float, seed: int) -> Iterator[tuple[Any, ...]]:
    """Endless batches of about `seconds` of sound: (pcm, frame labels, CTC targets, lengths in frames)."""
    rng, np_rng = random.Random(seed), np.random.default_rng(seed)
    while True:
        order = sorted(utterances, key=lambda one: len(one.pcm) * rng.uniform(0.8, 1.25))
        groups: list[list[Utterance]] = [[]]
        for one in order:
            if len(groups[-1]) and (len(groups[-1]) + 1) * len(one.pcm) > seconds * 16000:
                groups.append([])
            groups[-1].append(one)
        rng.shuffle(groups)
        for group in groups:
            sounds, labels = [], []
            for one in group:
                factor = np_rng.uniform(0.85, 1.15)
                pcm = augment.speed(one.pcm.astype(np.float32) / 32768, factor)
                sounds.append(augment.augment(pcm, noises, np_rng))
                frames = len(pcm) // FRAME_SAMPLES
                labels.append(frame_labels(one.labels, frames, factor) if one.labels else np.full(frames, UNLABELLED, np.int64))
            longest = max(len(pcm) for pcm in sounds)
            longest += -longest % (8 * FRAME_SAMPLES)
            pcm_batch = np.zeros((len(group), WINDOW // 2 + longest + WINDOW), np.float32)
            label_batch = np.full((len(group), longest // FRAME_SAMPLES), UNLABELLED, np.int64)
            for row, (pcm, label) in enumerate(zip(sounds, labels, strict=True)):
                pcm_batch[row, WINDOW // 2 : WINDOW // 2 + len(pcm)] = pcm
                label_batch[row, : len(label)] = label
            pcm_batch += np_rng.standard_normal(pcm_batch.shape, np.float32) * 1e-4 * 10 ** np_rng.uniform(-1, 1)
            lengths = [len(label) for label in labels]
            yield torch.from_numpy(pcm_batch), torch.from_numpy(label_batch), [one.phones or [] for one in group], lengths


def mel_of(pcm: Tensor, network: RecogniserNetwork) -> Tensor:
    """pcm (batch, samples), WINDOW // 2 of silence first -> (batch, 2 * frames, BANDS)."""
    frames = (pcm.shape[1] - WINDOW // 2 - WINDOW) // HOP
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


def losses(network: RecogniserNetwork, ctc_head: nn.Linear, batch: tuple[Any, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """(cross-entropy per labelled frame, CTC per phone) of one batch."""
    pcm, labels, targets, lengths = batch
    with torch.no_grad():
        mel = mask_features(mel_of(pcm.to(device), network))
    delay = network.config.label_delay
    offset = random.randrange(0, 1500 - mel.shape[1] // 2)
    with torch.autocast(device.type, torch.bfloat16):
        hidden = network.encode(mel, offset)
        frames, ctc = network.head(hidden).float(), ctc_head(hidden).float()
    delayed = functional.pad(labels.to(device), (delay, 0), value=UNLABELLED)[:, : frames.shape[1]]
    entropy = functional.cross_entropy(frames.transpose(1, 2), delayed, ignore_index=UNLABELLED, label_smoothing=0.05)
    entropy = torch.nan_to_num(entropy)  # no labelled frame at all
    rows = [row for row, phones in enumerate(targets) if 0 < len(phones) < lengths[row]]
    if not rows:
        return entropy, 0.0 * ctc.sum()
    aligned = functional.ctc_loss(
        functional.log_softmax(ctc[rows], -1).transpose(0, 1),
        torch.tensor([phone for row in rows for phone in targets[row]], device=device),
        torch.tensor([min(lengths[row] + delay, frames.shape[1]) for row in rows]),
        torch.tensor([len(targets[row]) for row in rows]),
        blank=0,
        zero_infinity=True,
    )
    return entropy, aligned


@torch.inference_mode()
def evaluate(network: RecogniserNetwork, utterances: list[Utterance]) -> tuple[float, float]:
    """(share of frames right, phone error of the greedy path of at least two frames a phone) in streaming."""
    right = frames = edits = total = 0
    for one in utterances:
        stream = network.stream()
        posteriors = np.concatenate((stream.push(one.pcm), stream.flush()))
        best = posteriors.argmax(1)
        if one.labels:
            labels = frame_labels(one.labels, len(one.pcm) // FRAME_SAMPLES, 1.0)
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


def main() -> None:
    """Command line of the step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path("work"))
    parser.add_argument("--source", default="base", choices=("tiny.en", "base"))
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--batch-seconds", type=float, default=64)
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--smoke", action="store_true", help="three steps on a few utterances")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    random.seed(args.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    args.work.mkdir(exist_ok=True)
    checkpoint = args.work / ("recogniser-smoke.pt" if args.smoke else "recogniser.pt")

    network = recogniser_from_whisper(args.source).to(device)
    ctc_head = nn.Linear(network.config.width, len(PHONES)).to(device)
    optimizer = torch.optim.AdamW([*network.parameters(), *ctc_head.parameters()], args.rate, betas=(0.9, 0.98), weight_decay=0.01)
    step, heard = 0, 0.0
    if checkpoint.exists() and not args.smoke:
        state = torch.load(checkpoint, map_location=device)
        network.load_state_dict(state["network"])
        ctc_head.load_state_dict(state["ctc_head"])
        optimizer.load_state_dict(state["optimizer"])
        step, heard = state["step"], state["heard"]

    limit = 12 if args.smoke else None
    train = [one for part, one in load(args.data, "train", limit) for _ in range(WEIGHTS[part]) if len(one.pcm) < 16 * 16000]
    valid_all = load(args.data, "valid", limit)
    valid = [one for part, one in valid_all if part == "librispeech"][:25] + [one for part, one in valid_all if part == "l2"][::8]
    noises = load_noises(args.data, 2 if args.smoke else None)
    print(f"{len(train)} utterances, {sum(len(one.pcm) for one in train) / 57.6e6:.2f} h a pass; {len(valid)} for validation", flush=True)

    begin = saved = time.monotonic()
    stream = batches(train, noises, args.batch_seconds, args.seed + step)
    running = [0.0, 0.0]
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, stream)
        while True:
            share = (time.monotonic() - begin) / (60 * args.minutes)
            if share >= 1 or (args.smoke and step == 3):
                break
            batch = coming.result()
            coming = pool.submit(next, stream)
            warm = min(1.0, (step + 1) / 200)
            for group in optimizer.param_groups:
                group["lr"] = args.rate * warm * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * share)))
            network.train()
            entropy, ctc = losses(network, ctc_head, batch, device)
            (entropy + 0.5 * ctc).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            step += 1
            heard += float(sum(batch[3])) * 0.02
            running = [0.98 * running[0] + 0.02 * float(entropy.detach()), 0.98 * running[1] + 0.02 * float(ctc.detach())]
            if step % 50 == 0:
                minutes = (time.monotonic() - begin) / 60
                print(
                    f"step {step} heard {heard / 3600:.2f} h frame-CE {running[0]:.3f} CTC {running[1]:.3f} "
                    f"{minutes:.1f} min, {args.minutes - minutes:.1f} left",
                    flush=True,
                )
            if time.monotonic() - saved > 300 or args.smoke:
                save(checkpoint, network, ctc_head, optimizer, step, heard)
                saved = time.monotonic()
                print("valid: frames right %.3f, phone error %.3f" % evaluate(network.eval(), valid), flush=True)
    save(checkpoint, network, ctc_head, optimizer, step, heard)
    print("done: frames right %.3f, phone error %.3f" % evaluate(network.eval(), valid), flush=True)


def save(path: Path, network: RecogniserNetwork, ctc_head: nn.Linear, optimizer: torch.optim.Optimizer, step: int, heard: float) -> None:
    """Writes the checkpoint beside and then over the old one, so that a kill never leaves half a file."""
    beside = path.with_suffix(".new")
    torch.save(
        {
            "config": network.metadata(),
            "network": network.state_dict(),
            "ctc_head": ctc_head.state_dict(),
            "optimizer": optimizer.state_dict(),
            "step": step,
            "heard": heard,
        },
        beside,
    )
    beside.replace(path)


if __name__ == "__main__":
    main()
