"""Aligned speech as tokens, damaged the way a recogniser and the wire damage them."""

import itertools
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from codec.describe.prosody import mean_f0, measure, pieces
from codec.speak.mel import log_mel
from codec.speak.prosody_fill import LOOK_AHEAD, wire_round_trip
from codec.speak.synthesiser import TokenBatch, voice_features
from codec.speak.token_features import TokenContext, Unrolled
from codec.train.corpus.packed import Corpus
from codec.train.corpus.tracks import Tracks
from codec.units.phones import PHONES, SILENCE, VOWELS, phone_index
from codec.units.rates import FRAME_MS, FRAME_SAMPLES
from codec.units.token import MAX_FRAMES, Token
from codec.units.weights import load_weights
from codec.units.weights_files import weights_directory
from codec.wire.tables import Entropy
from codec.wire.token import TICK_FRAMES

FRAMES = 256
PART_WEIGHT = {"l2": 0.3, "librispeech": 4.0, "commands": 1.0, "synthetic": 2.0}
NEUTRAL_SHARE = 0.1
LABEL_NOISE = 0.02
WIRE_SHARE = 0.75
"""Of the examples whose tokens went over the wire: coarse, with prosody at vowels only."""

Span = tuple[int, int, int]
"""Phone, first frame, end frame."""


class Example(NamedTuple):
    """Part of an utterance: what the synthesiser gets and what it should say.

    sound: the same stretch with two more frames on either side; f0: Hz per frame of the stretch.
    """

    unrolled: list[Unrolled]
    mel: Tensor
    sound: Tensor
    f0: NDArray[np.float32]
    voice: Tensor
    speaker: Tensor


class Target(NamedTuple):
    """mel (batch, T, 80); voiced (batch, T) 0 or 1; weight (batch, T), 0 beyond the end, low in silence; speaker (batch,
    256): embedding of the utterance itself, zeros where the synthesiser is not told it.
    """

    mel: Tensor
    voiced: Tensor
    weight: Tensor
    speaker: Tensor


def spans_of(phones: list[tuple[str, int, int]], frames: int) -> list[Span]:
    """Alignment in milliseconds -> spans of at most MAX_FRAMES frames without gaps between neighbours."""
    spans = []
    for label, start, end in phones:
        first, last = round(start / FRAME_MS), min(round(end / FRAME_MS), frames)
        spans += [(phone_index(label), a, b) for a, b in pieces(first, last) if b > a]
    return spans


def tokens_of(spans: list[Span], f0: NDArray[np.float32], level: NDArray[np.float32], speaker_f0: float) -> list[Token]:
    return [measure(phone, start, end, f0, level, speaker_f0) for phone, start, end in spans]


class Voices:
    """GE2E windows of each utterance (made by `codec.train.voice.codebook`), and who else is the same speaker."""

    def __init__(self, corpus: Corpus, path: Path) -> None:
        saved = np.load(path)
        ends = np.cumsum(saved["counts"])
        self._windows = np.split(saved["windows"].astype(np.float32), ends[:-1])
        self._same: dict[str, list[int]] = {}
        self._speakers = [str(record["speaker"]) for record in corpus.records]
        for index, speaker in enumerate(self._speakers):
            self._same.setdefault(speaker, []).append(index)
        means = np.stack([self.of(index) for index in corpus])
        self.neutral = unit(means.mean(axis=0))

    def of(self, index: int) -> NDArray[np.float32]:
        return unit(self._windows[index].mean(axis=0))

    def draw(self, index: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """An embedding as a receiver might hold it: of this or another utterance, of part of it, coarse; or neutral."""
        if rng.random() < NEUTRAL_SHARE:
            return self.neutral
        if rng.random() < 0.5:
            index = int(rng.choice(self._same[self._speakers[index]]))
        windows = self._windows[index]
        some = windows[rng.integers(len(windows), size=max(1, len(windows) // 2))] if rng.random() < 0.5 else windows
        embedding = some.mean(axis=0)
        if rng.random() < 0.6:
            embedding = embedding + rng.normal(0, rng.uniform(0.003, 0.02), embedding.shape)
        return unit(embedding)


def unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-6), dtype=np.float32)


class TokenData:
    """Draws examples from the aligned utterances of a corpus."""

    def __init__(self, corpus: Corpus, tracks: Tracks, voices: Voices, seed: int) -> None:
        self._corpus, self._tracks, self.voices = corpus, tracks, voices
        self._rng = np.random.default_rng(seed)
        self.label_noise = LABEL_NOISE
        self._level_offset = Entropy.from_weights(load_weights(weights_directory() / "entropy.safetensors")[0]).level_offset
        self._spans = {
            i: spans_of(corpus.records[i]["phones"], corpus.records[i]["samples"] // FRAME_SAMPLES)
            for i in corpus
            if corpus.records[i]["phones"]
        }
        self.indices = sorted(self._spans)
        weights = np.array([PART_WEIGHT[corpus.part(i)] * corpus.records[i]["seconds"] for i in self.indices])
        self._chance = weights / weights.sum()

    def draw(self, size: int) -> list[Example]:
        """Random damaged examples."""
        drawn = self._rng.choice(len(self.indices), size, p=self._chance)
        return [self.example(self.indices[int(i)], damaged=True, wired=self._rng.random() < WIRE_SHARE) for i in drawn]

    def example(self, index: int, damaged: bool, wired: bool) -> Example:
        """Part of utterance `index`.

        damaged: from anywhere, as a recogniser might hear it and in a voice not quite its own, else from its start,
        exact, in its own voice. wired: tokens as the wire brings them.
        """
        rng, spans = self._rng, self._spans[index]
        f0, level = self._tracks.f0(index), self._tracks.level(index)
        speaker_f0 = mean_f0(f0)
        first = 0
        if damaged:
            spans = self._jitter(spans) if rng.random() < 0.6 else spans
            first = int(rng.integers(max(1, len(spans) - 4)))
            speaker_f0 *= 2 ** rng.normal(0, 0.03)
        spans = _snap(spans, int(rng.integers(TICK_FRAMES)) if damaged else 0) if wired else spans
        last = first = min(first, len(spans) - 1)
        while last < len(spans) and spans[last][2] - spans[first][1] <= FRAMES:
            last += 1
        tokens = tokens_of(spans[first : last + 1 + (LOOK_AHEAD if wired else 0)], f0, level, speaker_f0)
        gain = float(rng.uniform(-8, 6)) if damaged else 0.0
        if damaged:
            tokens = [self._damage(token, gain) for token in tokens]
        if wired:
            tokens = wire_round_trip(tokens, speaker_f0, self._level_offset)
        follower = tokens[last - first] if last < len(spans) and (not damaged or rng.random() < 0.7) else None
        context = TokenContext(current=tokens[0])
        followers: list[Token | None] = [*tokens[1 : last - first], follower]
        unrolled = [piece for piece in map(context.advance, followers) if piece is not None]
        begin, end = spans[first][1], spans[last - 1][2]
        sound = self._sound(index, begin, end, gain)
        embedding = self.voices.draw(index, rng) if damaged else self.voices.of(index)
        told = embedding is not self.voices.neutral
        speaker = torch.from_numpy(self.voices.of(index) * told)
        voice = voice_features(torch.from_numpy(embedding), speaker_f0)
        return Example(unrolled, log_mel(sound)[2:-2], sound, f0[begin:end], voice, speaker)

    def _sound(self, index: int, begin: int, end: int, gain: float) -> Tensor:
        pcm = self._corpus.pcm(index)
        from_sample, to_sample = (begin - 2) * FRAME_SAMPLES, (end + 2) * FRAME_SAMPLES
        piece = np.zeros(to_sample - from_sample, dtype=np.float32)
        inside = pcm[max(0, from_sample) : to_sample]
        lead = max(0, -from_sample)
        piece[lead : lead + len(inside)] = inside.astype(np.float32) / 32768 * 10 ** (gain / 20)
        return torch.from_numpy(piece)

    def _jitter(self, spans: list[Span]) -> list[Span]:
        edges = [spans[0][1]] + [span[2] for span in spans]
        shifts = np.clip(np.round(self._rng.normal(0, 0.9, len(edges))), -2, 2).astype(int)
        moved = [edges[0]]
        for place in range(1, len(edges) - 1):
            moved.append(int(np.clip(edges[place] + shifts[place], moved[-1] + 1, edges[place + 1] - 1)))
        moved.append(edges[-1])
        gapless = all(left[2] == right[1] for left, right in itertools.pairwise(spans))
        if not gapless or any(right <= left for left, right in itertools.pairwise(moved)):
            return spans
        return _cut_long([(span[0], left, right) for span, (left, right) in zip(spans, itertools.pairwise(moved), strict=True)])

    def _damage(self, token: Token, gain: float) -> Token:
        rng, phone, semitones = self._rng, token.phone, token.semitones
        if rng.random() < self.label_noise and phone != SILENCE:
            likes = [p for p in range(1, len(PHONES)) if (p in VOWELS) == (phone in VOWELS)]
            phone = int(rng.choice(likes))
        if semitones is not None:
            if rng.random() < 0.02:
                semitones = None
            elif rng.random() < 0.7:
                semitones = (float(round(semitones[0])), float(round(semitones[1])))
        loudness = token.loudness_db + gain
        loudness = 3 * round(loudness / 3) if rng.random() < 0.7 else loudness
        return Token(phone, token.frames, semitones, float(np.clip(loudness, -96, 0)))


def _snap(spans: list[Span], phase: int) -> list[Span]:
    """Edges onto the time grid of the wire; what vanishes is dropped."""

    def on_grid(frame: int) -> int:
        return max(phase, TICK_FRAMES * ((frame - phase + TICK_FRAMES // 2) // TICK_FRAMES) + phase)

    last = spans[-1][2]
    snapped = [(phone, on_grid(start), on_grid(end)) for phone, start, end in spans]
    return _cut_long([span for span in snapped if span[1] < span[2] <= last]) or spans


def _cut_long(spans: list[Span]) -> list[Span]:
    """Spans over MAX_FRAMES in two, on the grid of the wire."""
    cut = []
    for phone, start, end in spans:
        middle = start + (end - start) // (2 * TICK_FRAMES) * TICK_FRAMES
        cut += [(phone, start, end)] if end - start <= MAX_FRAMES else [(phone, start, middle), (phone, middle, end)]
    return cut


def collate(examples: list[Example]) -> tuple[TokenBatch, Target]:
    """Pad to the longest; frames beyond an example's end have weight 0."""
    size = len(examples)
    most_tokens = max(len(example.unrolled) for example in examples)
    most_frames = max(len(example.mel) for example in examples)
    phones = np.zeros((size, most_tokens, 3), dtype=np.int64)
    tokens = np.zeros((size, most_tokens, examples[0].unrolled[0].token.shape[0]), dtype=np.float32)
    owner = np.zeros((size, most_frames), dtype=np.int64)
    frames = np.zeros((size, most_frames, examples[0].unrolled[0].frames.shape[1]), dtype=np.float32)
    level = np.zeros((size, most_frames), dtype=np.float32)
    mel = torch.zeros(size, most_frames, examples[0].mel.shape[1])
    voiced = np.zeros((size, most_frames), dtype=np.float32)
    weight = np.zeros((size, most_frames), dtype=np.float32)
    for row, example in enumerate(examples):
        at = 0
        for column, piece in enumerate(example.unrolled):
            n = min(len(piece.level), len(example.mel) - at)
            phones[row, column], tokens[row, column] = piece.phones, piece.token
            owner[row, at : at + n] = column
            frames[row, at : at + n], level[row, at : at + n] = piece.frames[:n], piece.level[:n]
            weight[row, at : at + n] = 0.3 if piece.phones[1] == SILENCE else 1.0
            at += n
        mel[row, :at], voiced[row, :at] = example.mel[:at], example.f0[:at] > 0
    voice = torch.stack([example.voice for example in examples])
    arrays = (torch.from_numpy(x) for x in (phones, tokens, owner, frames, level, voiced, weight))
    p, t, o, f, lev, v, w = arrays
    return TokenBatch(p, t, voice, o, f, lev), Target(mel, v, w, torch.stack([example.speaker for example in examples]))
