"""The far end's decoder for our own tokens: many stretches at once, and differentiable.

The sender holds its true speech, its tokens and details as they were sent, and the networks of the listener. So it can hear itself as it is
heard there, and find which change of its voice's description would help. Timing is the sender's: what the network and the playout schedule
do to it is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from codec.detail.layer import LATENT, DetailLayer, spread_latents
from codec.speak.mel import MEL_BANDS, log_mel
from codec.speak.prosody_fill import ProsodyFill
from codec.speak.shift import Shift
from codec.speak.synthesiser import Synthesiser, TokenBatch, voice_features
from codec.speak.token_features import FRAME_FEATURES, TOKEN_FEATURES, TokenContext, Unrolled
from codec.speak.vocoder import LAG_SAMPLES, Vocoder
from codec.units.phones import INVENTORY, SILENCE
from codec.units.rates import FRAME_SAMPLES
from codec.voice.embedding import Voice
from codec.voice.training_example import MARGIN, TrainingExample
from codec.wire.token import TICK_FRAMES, WireToken

SHORTEST, LONGEST = 40, 300
"""Frames of a stretch: shorter ones teach nothing, longer ones are cut."""

_SILENCE_WEIGHT = 0.1

LOUD, SILENT = 0.9, 10 ** (-40 / 20)
"""Where the true sound is 40 dB below its loudest tenth nothing is to be learned, whatever the token is: digital silence, as gates make
it, is far below any sound, all in one direction, and even a little weight on it taught voices that are too quiet."""


class Stretch(NamedTuple):
    """Examples without a gap: the tokens, and their true sound with MARGIN more frames on either side."""

    tokens: tuple[WireToken, ...]
    pcm: NDArray[np.int16]

    @property
    def frames(self) -> int:
        """Length in frames of 10 ms."""
        return sum(token.ticks for token in self.tokens) * TICK_FRAMES

    @property
    def speech(self) -> NDArray[np.int16]:
        """The true sound alone: (samples,) int16."""
        return self.pcm[MARGIN * FRAME_SAMPLES : -MARGIN * FRAME_SAMPLES]


def joined(examples: Sequence[TrainingExample]) -> Stretch:
    """Consecutive examples as one stretch."""
    margin = MARGIN * FRAME_SAMPLES
    inner = [example.pcm[margin:-margin] for example in examples]
    pcm = np.concatenate((examples[0].pcm[:margin], *inner, examples[-1].pcm[-margin:]))
    return Stretch(tuple(token for example in examples for token in example.tokens), pcm)


class Joiner:
    """Makes stretches of examples as they come."""

    def __init__(self) -> None:
        self._open: list[TrainingExample] = []

    def push(self, example: TrainingExample) -> Stretch | None:
        """The stretch before, where this example does not go on with it or would make it too long."""
        done = None
        if self._open:
            last = self._open[-1]
            frames = sum(each.ticks for each in self._open) * TICK_FRAMES
            if last.start + last.ticks != example.start or frames + example.ticks * TICK_FRAMES > LONGEST:
                done = joined(self._open) if frames >= SHORTEST else None
                self._open = []
        if example.tokens:
            self._open.append(example)
        return done


def stretches_of(examples: Sequence[TrainingExample]) -> list[Stretch]:
    """All of them, where no more will come."""
    if not examples:
        return []
    joiner = Joiner()
    after = TrainingExample(examples[-1].start + LONGEST, (), examples[-1].pcm)
    return [stretch for each in (*examples, after) if (stretch := joiner.push(each)) is not None]


@dataclass
class HeardBatch:
    """Stretches as the networks want them, the speaker aside; (batch, T, ...) padded to the longest. true: (batch, T, 80) log-mel of what
    was said; weight (batch, T): 1 where somebody speaks, 0 beyond the end and in dead silence; semitones: contour around the mean;
    lengths: frames of each."""

    phones: Tensor
    tokens: Tensor
    owner: Tensor
    frames: Tensor
    level: Tensor
    latents: Tensor
    place: Tensor
    semitones: Tensor
    kind: Tensor
    true: Tensor
    weight: Tensor
    lengths: Tensor

    @classmethod
    def of(cls, parts: Sequence["HeardBatch"]) -> "HeardBatch":
        """The rows of all of them, in order."""
        together = {}
        for each in fields(cls):
            rows = [row for part in parts for row in getattr(part, each.name)]
            together[each.name] = torch.stack(rows) if each.name == "lengths" else pad_sequence(rows, batch_first=True)
        return cls(**together)


class FarEnd:
    """The listener's networks."""

    def __init__(self, synthesiser: Synthesiser, detail: DetailLayer, vocoder: Vocoder, level_offset: NDArray[np.float64]) -> None:
        self._synthesiser, self._detail, self._vocoder = synthesiser, detail, vocoder
        self._level_offset = level_offset

    def prepare(self, stretches: Sequence[Stretch], mean_f0: float | Sequence[float]) -> HeardBatch:
        """mean_f0: Hz, as the listener knows it; of each stretch, where they are not of one speaker."""
        heights = [mean_f0] * len(stretches) if isinstance(mean_f0, float) else mean_f0
        size, longest = len(stretches), max(stretch.frames for stretch in stretches)
        most = max(len(stretch.tokens) for stretch in stretches)
        batch = HeardBatch(
            phones=torch.zeros(size, most, 3, dtype=torch.int64),
            tokens=torch.zeros(size, most, TOKEN_FEATURES),
            owner=torch.zeros(size, longest, dtype=torch.int64),
            frames=torch.zeros(size, longest, FRAME_FEATURES),
            level=torch.zeros(size, longest),
            latents=torch.zeros(size, longest, 2 * LATENT),
            place=torch.zeros(size, longest, 4),
            semitones=torch.zeros(size, longest),
            kind=torch.zeros(size, longest, dtype=torch.int64),
            true=torch.zeros(size, longest, MEL_BANDS),
            weight=torch.zeros(size, longest),
            lengths=torch.tensor([stretch.frames for stretch in stretches]),
        )
        for row, (stretch, height) in enumerate(zip(stretches, heights, strict=True)):
            self._fill(batch, row, stretch, height)
        return batch

    def _fill(self, batch: HeardBatch, row: int, stretch: Stretch, mean_f0: float) -> None:
        at = 0
        for index, (wire, unrolled) in enumerate(zip(stretch.tokens, self._unrolled(stretch, mean_f0), strict=True)):
            here = slice(at, at + len(unrolled.level))
            batch.phones[row, index] = torch.from_numpy(unrolled.phones)
            batch.tokens[row, index] = torch.from_numpy(unrolled.token)
            batch.owner[row, here] = index
            batch.frames[row, here] = torch.from_numpy(unrolled.frames)
            batch.level[row, here] = torch.from_numpy(unrolled.level)
            batch.semitones[row, here] = torch.from_numpy(unrolled.semitones)
            batch.kind[row, here] = INVENTORY.sound_class(wire.phone)
            batch.weight[row, here] = _SILENCE_WEIGHT if wire.phone == SILENCE else 1.0
            at = here.stop
        latents = self._detail.codebooks.latents_of([codes for wire in stretch.tokens for codes in wire.details])
        counts = [len(wire.details) for wire in stretch.tokens]
        spread = spread_latents(latents, counts, [wire.ticks * TICK_FRAMES for wire in stretch.tokens])
        batch.latents[row, :at], batch.place[row, :at] = spread
        sound = torch.from_numpy(stretch.pcm.astype(np.float32) / 32768)
        true = log_mel(sound)[MARGIN:-MARGIN]
        level = true.exp().mean(1)
        batch.true[row, :at] = true
        batch.weight[row, :at] = torch.where(level < torch.quantile(level, LOUD) * SILENT, 0.0, batch.weight[row, :at])

    def _unrolled(self, stretch: Stretch, mean_f0: float) -> list[Unrolled]:
        fill = ProsodyFill(self._level_offset)
        physical = [fill.token(wire, stretch.tokens[place + 1 :], mean_f0) for place, wire in enumerate(stretch.tokens)]
        context = TokenContext(current=physical[0])
        return [unrolled for following in (*physical[1:], None) if (unrolled := context.advance(following)) is not None]

    def frames(self, batch: HeardBatch, voice: Voice | Sequence[Voice], shift: Shift | None) -> tuple[Tensor, Tensor]:
        """What the vocoder is given: log-mel (batch, T, 80), and F0 (batch, T) in Hz, 0 where unvoiced. voice: as the listener knows it;
        of each row, with a shift of each row, where they are not of one speaker."""
        voices = [voice] * len(batch.phones) if isinstance(voice, Voice) else voice
        told = torch.stack([voice_features(torch.from_numpy(each.embedding), each.mean_f0) for each in voices])
        heights = torch.tensor([[each.mean_f0] for each in voices])
        tokens = TokenBatch(batch.phones, batch.tokens, told, batch.owner, batch.frames, batch.level)
        plain, logit = self._synthesiser(self._synthesiser.network_state(len(batch.phones)), tokens, shift)
        decoder = self._detail.decoder
        state = decoder.state(len(plain))
        mel = decoder(state, plain, batch.level, batch.latents, batch.place, None if shift is None else shift.detail)
        f0 = torch.where(logit > 0, heights * 2 ** (batch.semitones / 12), 0.0)
        if shift is None:
            return mel, f0
        kinds = batch.kind[..., None].expand(-1, -1, MEL_BANDS)
        return mel + torch.gather(shift.bands.expand(len(mel), -1, -1), 1, kinds), f0

    def sound(self, mel: Tensor, f0: Tensor) -> Tensor:
        """Through the vocoder: (batch, samples), in step with the frames; the last half frame is missing."""
        said: Tensor = self._vocoder(self._vocoder.stream(len(mel)), mel, f0)
        return said[:, LAG_SAMPLES:]
