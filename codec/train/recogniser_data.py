"""What the recogniser is trained on: utterances in memory, and batches of distorted ones."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from codec.phones import phone_index
from codec.recogniser_features import WINDOW
from codec.recogniser_network import FRAME_SAMPLES
from codec.train import augment
from codec.train.corpus import Corpus, decode_audio
from codec.train.pronunciations import variants_of

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


@dataclass
class Batch:
    """pcm (batch, WINDOW // 2 of silence + samples + WINDOW); labels (batch, frames), UNLABELLED where unknown; targets of CTC, lengths."""

    pcm: Tensor
    labels: Tensor
    targets: list[list[int]]
    lengths: list[int]


def load(split: str, cache: Path, limit: int | None = None, labels: str = "") -> list[tuple[str, Utterance]]:
    """(part, utterance) of a packed list, at most `limit` spread over it; labels: which set of them, see `Corpus`."""
    corpus = Corpus(split, cache, labels)
    loaded = []
    for index in range(0, len(corpus), max(1, len(corpus) // limit) if limit else 1):
        row = corpus.records[index]
        spans = [(phone_index(label), start, end) for label, start, end in row["phones"]] if row["phones"] else None
        if spans is not None:
            phones = [phone for phone, _, _ in spans if phone]
        else:
            phones = [phone for word in variants_of(row["text"]) or [] for phone in word[0]]
        loaded.append((corpus.part(index), Utterance(row["id"], corpus.pcm(index), spans, phones or None, row["text"])))
    return loaded


def load_noises(data: Path, limit: int | None = None) -> list[augment.Sound]:
    """The noise clips, float32 in [-1, 1]."""
    return [np.asarray(decode_audio(path) / np.float32(32768), np.float32) for path in sorted((data / "noise").rglob("*.opus"))[:limit]]


def frame_labels(labels: list[tuple[int, int, int]], frames: int, speed: float) -> NDArray[np.int64]:
    """The phone at the middle of each 20 ms frame; times in ms divide by `speed`."""
    result = np.full(frames, UNLABELLED, np.int64)
    for phone, start, end in labels:
        result[max(0, math.ceil((start / speed - 10) / 20)) : max(0, math.ceil((end / speed - 10) / 20))] = phone
    return result


def batches(utterances: list[Utterance], noises: list[augment.Sound], seconds: float, seed: int) -> Iterator[Batch]:
    """Endless batches of about `seconds` of sound."""
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
                pcm = augment.speed(np.asarray(one.pcm / np.float32(32768), np.float32), factor)
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
            yield Batch(torch.from_numpy(pcm_batch), torch.from_numpy(label_batch), [one.phones or [] for one in group], lengths)
