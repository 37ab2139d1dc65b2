"""What the recogniser is trained on: utterances in memory, and batches of distorted ones."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from codec.recognise.features import WINDOW
from codec.recognise.network import FRAME_SAMPLES
from codec.train.corpus.packed import Corpus, decode_audio
from codec.train.recogniser import augment
from codec.train.recogniser.batching import groups_of_like_length
from codec.units.phones import phone_index
from codec.units.rates import SAMPLE_RATE

UNLABELLED = -100
CROP_SECONDS = 6
CHUNK = 8
"""Batches are whole multiples of so many frames."""
WEIGHTS = {
    "librispeech": 5,
    "librispeech_more": 3,
    "vctk": 3,
    "arctic": 1,
    "commands": 1,
    "l2": 1,
    "synthetic": 1,
    "alphanumeric": 1,
    "commands35": 1,
    "wakewords": 0,
}
"""How often an utterance of a part comes in one pass: native read speech is what there is least of; `commands35` has single words, but of
1939 speakers; everybody in `wakewords` says the same."""


@dataclass
class Utterance:
    """pcm int16; labels: phone, start and end in ms, or None."""

    name: str
    pcm: NDArray[np.int16]
    labels: list[tuple[int, int, int]] | None
    text: str


@dataclass
class Batch:
    """Sound of equal length, whole chunks and a look-ahead of silence, both as recorded and distorted.

    clean, distorted (batch, WINDOW // 2 of silence + samples + WINDOW) in [-1, 1]; labels (batch, frames), UNLABELLED where unknown;
    within (batch, frames), true where there is sound.
    """

    clean: Tensor
    distorted: Tensor
    labels: Tensor
    within: Tensor

    @property
    def frames(self) -> int:
        """Of the sound with the silence after it."""
        return (self.distorted.shape[1] - WINDOW // 2 - WINDOW) // FRAME_SAMPLES

    def before(self, frames: int) -> "Batch":
        """The same sound with no labels beyond so many frames."""
        return replace(self, labels=self.labels[:, :frames], within=self.within[:, :frames])


def load(split: str, cache: Path, limit: int | None = None, labels: str = "") -> list[tuple[str, Utterance]]:
    """(part, utterance) of a packed list, at most `limit` spread over it; labels: which set of them, see `Corpus`."""
    corpus = Corpus(split, cache, labels)
    loaded = []
    for index in range(0, len(corpus), max(1, len(corpus) // limit) if limit else 1):
        row = corpus.records[index]
        spans = [(phone_index(label), start, end) for label, start, end in row["phones"]] if row["phones"] else None
        loaded.append((corpus.part(index), Utterance(row["id"], corpus.pcm(index), spans, row["text"])))
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


def batches(utterances: list[Utterance], noises: list[augment.Sound], seconds: float, seed: int, tail: int) -> Iterator[Batch]:
    """Endless batches of about `seconds` of sound, cut to CROP_SECONDS; tail: frames of silence that follow for the look-ahead."""
    rng, np_rng = random.Random(seed), np.random.default_rng(seed)
    longest = CROP_SECONDS * SAMPLE_RATE
    while True:
        for group in groups_of_like_length(utterances, seconds, longest, rng):
            yield _batch([_cut(one, np_rng, longest) for one in group], noises, np_rng, tail)


def _cut(utterance: Utterance, random: np.random.Generator, longest: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Part of an utterance, at another speed, with its labels."""
    factor = random.uniform(0.85, 1.15)
    pcm = augment.speed(np.asarray(utterance.pcm / np.float32(32768), np.float32), factor)
    frames = len(pcm) // FRAME_SAMPLES
    labels = frame_labels(utterance.labels, frames, factor) if utterance.labels else np.full(frames, UNLABELLED, np.int64)
    most = longest // FRAME_SAMPLES
    start = int(random.integers(0, max(1, frames - most)))
    return pcm[start * FRAME_SAMPLES : (start + most) * FRAME_SAMPLES], labels[start : start + most]


def _batch(
    cuts: list[tuple[NDArray[np.float32], NDArray[np.int64]]], noises: list[augment.Sound], random: np.random.Generator, tail: int
) -> Batch:
    frames = max(len(labels) for _, labels in cuts)
    frames += -frames % CHUNK
    shape = (len(cuts), WINDOW // 2 + (frames + tail) * FRAME_SAMPLES + WINDOW)
    clean, distorted = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    labels = np.full((len(cuts), frames), UNLABELLED, np.int64)
    within = np.zeros((len(cuts), frames), bool)
    for row, (said, own) in enumerate(cuts):
        pcm = augment.other_speaker(said, random)
        place = slice(WINDOW // 2, WINDOW // 2 + len(pcm))
        clean[row, place] = augment.at_peak(pcm, 0.5)
        distorted[row, place] = augment.augment(pcm, noises, random)
        labels[row, : len(own)] = own
        within[row, : len(own)] = True
    distorted += random.standard_normal(shape, np.float32) * 1e-4 * 10 ** random.uniform(-1, 1)
    return Batch(*(torch.from_numpy(array) for array in (clean, distorted, labels, within)))
