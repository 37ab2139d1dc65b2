"""The sender's side of the detail layer: sound of a group of tokens -> their codes."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from codec.detail.code_search import CodeSearch
from codec.detail.layer import REACH, DetailLayer, at_points, place_of_segment, segment_of_frames, span_of_segment
from codec.speak.mel import log_mel
from codec.units.phones import SILENCE
from codec.wire.detail_contexts import DetailContexts, places_of
from codec.wire.token import TICK_FRAMES, WireToken, segment_count

MARGIN = REACH + 2
"""Frames of sound on either side that `describe` wants: what the encoder hears, and what a mel frame reaches over."""

MEMORY_FRAMES = 300
"""Loudness is relative to the mean of about so many frames of speech."""


class DetailWriter:
    """One stream."""

    def __init__(self, layer: DetailLayer, contexts: DetailContexts) -> None:
        self._layer = layer
        self._search = CodeSearch(layer.codebooks.books.numpy(), contexts)
        self._loudness = 0.0
        self._frames = 0.0

    @torch.inference_mode()
    def describe(self, tokens: tuple[WireToken, ...], pcm: NDArray[np.int16], stages: int) -> tuple[WireToken, ...]:
        """Tokens that follow one another, and their sound (samples,) int16, MARGIN more frames on either side -> with `stages` codes.

        Without any the writer only learns how loud the speaker is.
        """
        mel = log_mel(torch.from_numpy(pcm.astype(np.float32) / 32768)[None])[:, 2:-2]
        owner = np.repeat(np.arange(len(tokens)), [token.ticks * TICK_FRAMES for token in tokens])
        spoken = np.array([tokens[place].phone != SILENCE for place in owner])
        if not spoken.any():
            return tokens
        self._hear(mel[0, REACH:-REACH][torch.from_numpy(spoken)])
        if not stages:
            return tokens
        mel = mel - self._loudness
        heard = self._layer.encoder.hear(mel)[0, REACH:-REACH]
        means, begins, sizes, phones, places = [], [], [], [], []
        at = 0
        for token in tokens:
            frames, count = token.ticks * TICK_FRAMES, segment_count(token.phone, token.ticks)
            segment = segment_of_frames(frames, max(1, count))
            for index in range(count):
                means.append(heard[at : at + frames][segment == index].mean(0))
                start, size = span_of_segment(index, frames, count)
                begins.append(at + start)
                sizes.append(size)
                phones.append(token.phone)
                places.append(place_of_segment(index, count))
            at += frames
        points = at_points(mel[0, REACH:-REACH], torch.tensor(begins), torch.tensor(sizes))
        latents = self._layer.encoder(torch.stack(means), points, torch.tensor(phones), torch.tensor(places))
        codes = iter(self._search.codes(latents.numpy(), tuple(places_of(tokens)), stages))
        return tuple(replace(token, details=tuple(next(codes) for _ in range(segment_count(token.phone, token.ticks)))) for token in tokens)

    def _hear(self, frames: torch.Tensor) -> None:
        self._frames = min(MEMORY_FRAMES, self._frames + len(frames))
        self._loudness += (float(frames.mean()) - self._loudness) * min(1.0, len(frames) / self._frames)
