"""The listener's side of the detail layer: corrects the synthesiser's frames token by token."""

import torch
from torch import Tensor

from codec.detail.layer import DetailLayer, spread_latents
from codec.speak.synthesiser import SpokenFrames
from codec.wire.token import SegmentCodes


class DetailReader:
    """One stream, with or without details."""

    def __init__(self, layer: DetailLayer) -> None:
        self._layer = layer
        self._state = layer.decoder.state(1)
        self._coming: tuple[SegmentCodes, ...] = ()

    @torch.inference_mode()
    def correct(self, spoken: SpokenFrames, following: tuple[SegmentCodes, ...]) -> Tensor:
        """What `Synthesiser.push` said at a token, which is of the token before; following: details of the token that was pushed.

        -> mel (frames, 80) for the vocoder, with the speaker's own colour.
        """
        shift = spoken.shift
        mel = self._corrected(spoken, following)
        return mel if shift is None else mel + shift.bands[spoken.kind]

    def _corrected(self, spoken: SpokenFrames, following: tuple[SegmentCodes, ...]) -> Tensor:
        details, self._coming = self._coming, following
        frames = len(spoken.mel)
        if not frames:
            return spoken.mel
        latents = self._layer.codebooks.latents_of(details)
        spread, place = spread_latents(latents, (len(details),), (frames,))
        shift = None if spoken.shift is None else spoken.shift.detail
        mel: Tensor = self._layer.decoder(self._state, spoken.mel[None], spoken.level[None], spread[None], place[None], shift)[0]
        return mel
