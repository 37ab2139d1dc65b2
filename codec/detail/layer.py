"""The detail layer: learned residual codes that say how each phone was spoken.

A phone is cut into segments of about 40 ms. The encoder hears the sound of a segment and names it by DETAIL_STAGES codes, each refining the
one before (residual vector quantisation, SoundStream, arXiv 2107.03312). Codes give a rough picture of the segment's spectrum, POINTS
frames of it; the decoder weighs it against the synthesiser's mel frames and corrects both. Frames without codes it corrects by what it
remembers of the stream, so every packet's details may be dropped.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.speak.mel import LOG_PER_DB, MEL_BANDS
from codec.units.convolution import convolve
from codec.units.limits import DETAIL_STAGES
from codec.units.phones import PHONES
from codec.wire.detail_contexts import DETAIL_CODES, DETAIL_LATENT, PREFIX
from codec.wire.token import SegmentCodes

Index = TypeVar("Index", int, Tensor)

CODES, LATENT = DETAIL_CODES, DETAIL_LATENT
"""Entries of the codebook of a stage, and how many numbers each has."""
POINTS = 4
"""Moments of a segment whose spectra the codes picture."""
REACH = 7
"""Frames on either side of a segment that the encoder hears."""
_WIDTH = 192
_PHONE_WIDTH = 32
_KERNEL = 3
_DILATIONS = (1, 2)


def segment_of_frames(frames: int, count: int) -> Tensor:
    """(frames,) which of `count` segments of equal length each frame of a token belongs to."""
    return torch.arange(frames) * count // frames


def span_of_segment(index: Index, frames: int, count: int) -> tuple[Index, Index]:
    """First frame of segment `index` of `count` in a token of so many frames, and its number of frames."""
    start = -(-index * frames // count)
    return start, -(-(index + 1) * frames // count) - start


def places_of_frames(frames: int, count: int) -> Tensor:
    """(frames, 4) what `DetailDecoder` is told of each frame of a token with details: how far in its segment it is, 1, whether another
    segment follows, how many there are."""
    segment = segment_of_frames(frames, count)
    start, size = span_of_segment(segment, frames, count)
    inside = (torch.arange(frames) - start + 0.5) / size
    return torch.stack((inside, torch.ones(frames), (segment + 1 < count).float(), torch.full((frames,), count / 8)), 1)


def place_of_segment(index: int, count: int) -> tuple[float, float]:
    """What `DetailEncoder` is told of segment `index` of `count`: where in the token it lies, and how many there are."""
    return (index + 0.5) / count, count / 8


def at_points(mel: Tensor, begin: Tensor, size: Tensor) -> Tensor:
    """Mel (frames, 80) at POINTS moments of each segment, that begins at frame `begin` (n,) and has `size` (n,) frames
    -> (n, POINTS, 80)."""
    place = ((torch.arange(POINTS, device=mel.device) + 0.5) / POINTS * size[:, None] - 0.5).clamp_min(0).minimum(size[:, None] - 1.0)
    low = place.long()
    high = (low + 1).minimum(size[:, None] - 1)
    part = (place - low)[..., None]
    return (1 - part) * mel[begin[:, None] + low] + part * mel[begin[:, None] + high]


class DetailEncoder(nn.Module):
    """Mel frames of the true sound -> latents of segments."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (MEL_BANDS, _WIDTH, _WIDTH, _WIDTH)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(sizes[place], sizes[place + 1], kernel, padding=kernel // 2) for place, kernel in enumerate((5, 5, 7))
        )
        self.phone = nn.Embedding(len(PHONES), _PHONE_WIDTH)
        self.deep = nn.Linear(_WIDTH + POINTS * MEL_BANDS + _PHONE_WIDTH + 3, 2 * _WIDTH)
        self.out = nn.Linear(2 * _WIDTH, LATENT)
        self.picture = nn.Linear(POINTS * MEL_BANDS, LATENT, bias=False)

    def hear(self, mel: Tensor) -> Tensor:
        """mel (batch, frames, 80), relative to `loudness` -> (batch, frames, width)."""
        x = mel.transpose(1, 2) / 3
        for place, convolution in enumerate(self.convolutions):
            y = functional.gelu(convolution(x))
            x = y if place == 0 else x + y
        return x.transpose(1, 2)

    def forward(self, heard: Tensor, points: Tensor, phones: Tensor, place: Tensor) -> Tensor:
        """heard (n, width): mean over each segment's frames; points (n, POINTS, 80): of `at_points`, mel relative to `loudness`; phones
        (n,); place (n, 2): where in the phone, and how many segments it has -> (n, LATENT).
        """
        level = points.mean((1, 2), keepdim=True)
        shape = (points - level).flatten(1)
        x = torch.cat((heard, shape, level[:, 0], self.phone(phones), place), 1)
        latent: Tensor = self.picture(shape) + self.out(functional.gelu(self.deep(x)))
        return latent


class Codebooks(nn.Module):
    """Residual vector quantiser; the books are buffers, set by training."""

    books: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("books", torch.zeros(DETAIL_STAGES, CODES, LATENT))

    def latents_of(self, segments: Sequence[SegmentCodes]) -> Tensor:
        """n segments, of each the codes that were sent -> (n, LATENT)."""
        padded = [[*codes, *[-1] * (DETAIL_STAGES - len(codes))] for codes in segments]
        return self.latents(torch.tensor(padded, dtype=torch.int64).view(-1, DETAIL_STAGES))

    def latents(self, codes: Tensor) -> Tensor:
        """(n, DETAIL_STAGES), -1 for a code that was not sent -> (n, LATENT)."""
        total = torch.zeros(len(codes), LATENT)
        for stage, book in enumerate(self.books):
            total = total + torch.where(codes[:, stage, None] >= 0, book[codes[:, stage].clamp_min(0)], 0.0)
        return total


class DetailDecoder(nn.Module):
    """Mel frames of the synthesiser, and latents of those segments that have them -> better mel frames; causal."""

    def __init__(self) -> None:
        super().__init__()
        self.picture = nn.Linear(LATENT, POINTS * MEL_BANDS)
        self.enter = nn.Linear(2 * MEL_BANDS + 2 * LATENT + 5, _WIDTH)
        self.convolutions = nn.ModuleList(nn.Conv1d(_WIDTH, 2 * _WIDTH, _KERNEL, dilation=dilation) for dilation in _DILATIONS)
        self.gru = nn.GRU(_WIDTH, _WIDTH, batch_first=True)
        self.out = nn.Linear(2 * _WIDTH, 2 * MEL_BANDS)
        self.uncoded = nn.Linear(2 * _WIDTH, MEL_BANDS)

    def state(self, batch: int) -> list[Tensor]:
        """Of a new stream."""
        device = self.out.bias.device
        kept = [torch.zeros(batch, _WIDTH, (_KERNEL - 1) * dilation, device=device) for dilation in _DILATIONS]
        return [*kept, torch.zeros(1, batch, _WIDTH, device=device)]

    def forward(
        self, state: list[Tensor], mel: Tensor, level: Tensor, latents: Tensor, place: Tensor, shift: Tensor | None = None
    ) -> Tensor:
        """mel (batch, T, 80) of the synthesiser; level (batch, T) dB; latents (batch, T, 2 * LATENT): of the segment of each frame and
        of the next one of the same token, zeros where there is none; place (batch, T, 4): how far in the segment, whether it has
        details, whether the next one has, how many segments the token has; shift (width,) or (batch, width): of the speaker
        (`codec.speak.shift`). `state` is changed. -> mel (batch, T, 80).
        """
        shape = (mel - LOG_PER_DB * level[..., None] + 3) / 2
        pictured = self._pictured(latents[..., :LATENT], place[..., 0])
        x = self.enter(torch.cat((shape, pictured / 2, latents, place, (level[..., None] + 30) / 15), 2))
        x = (x if shift is None else x + shift.unsqueeze(-2)).transpose(1, 2)
        for index, convolution in enumerate(self.convolutions):
            padded = torch.cat((state[index], x), 2)
            state[index] = padded[:, :, -state[index].shape[2] :]
            value, gate = convolve(convolution, padded).chunk(2, 1)
            x = x + torch.tanh(value) * torch.sigmoid(gate)
        x = x.transpose(1, 2)
        recalled, state[-1] = self.gru(x, state[-1])
        hidden = torch.cat((x, recalled), 2)
        correction, trust = self.out(hidden).chunk(2, 2)
        pictured = pictured + mel.mean(2, keepdim=True)
        coded = place[..., 1:2]
        better: Tensor = mel + coded * (torch.sigmoid(trust) * (pictured - mel) + correction) + (1 - coded) * self.uncoded(hidden)
        return better

    def _pictured(self, latents: Tensor, inside: Tensor) -> Tensor:
        """What codes picture of each frame, its mean over the bands aside: latents (batch, T, LATENT), inside (batch, T): how far in the
        segment -> (batch, T, 80)."""
        points: Tensor = self.picture(latents).unflatten(2, (POINTS, MEL_BANDS))
        place = (inside * POINTS - 0.5).clamp(0, POINTS - 1)
        near = (1 - (place[..., None] - torch.arange(POINTS, device=place.device)).abs()).clamp_min(0)
        pictured: Tensor = (near[..., None] * points).sum(2)
        return pictured


class DetailLayer(nn.Module):
    """All three parts as they are shipped."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.codebooks, self.decoder = DetailEncoder(), Codebooks(), DetailDecoder()

    @classmethod
    def from_weights(cls, weights: Mapping[str, Tensor]) -> "DetailLayer":
        """From the tensors of `detail.safetensors`, contexts aside. Raises KeyError, RuntimeError."""
        layer = cls()
        layer.load_state_dict({name: value.float() for name, value in weights.items() if not name.startswith(PREFIX)})
        return layer.eval()


def loudness(mel: Tensor, spoken: Tensor) -> Tensor:
    """What mel frames are relative to: mean over bands of the frames (batch, T, 80) that are `spoken` (batch, T) -> (batch, 1, 1)."""
    weight = spoken.to(mel)[..., None]
    return (mel * weight).sum((1, 2), keepdim=True) / (weight.sum((1, 2), keepdim=True) * MEL_BANDS).clamp_min(1)


def spread_latents(latents: Tensor, counts: Sequence[int], frames: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Latents of all segments in order (n, LATENT), segments and frames of each token -> what `DetailDecoder` wants per frame:
    latents (T, 2 * LATENT), place (T, 4).
    """
    rows, places = [], []
    at = 0
    for count, length in zip(counts, frames, strict=True):
        if count == 0:
            rows.append(torch.zeros(length, 2 * LATENT))
            places.append(torch.zeros(length, 4))
            continue
        own = functional.pad(latents[at : at + count], (0, 0, 0, 1))
        segment = segment_of_frames(length, count)
        rows.append(torch.cat((own[segment], own[segment + 1]), 1))
        places.append(places_of_frames(length, count))
        at += count
    return torch.cat(rows), torch.cat(places)
