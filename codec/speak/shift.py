"""What was learned of a speaker beyond the embedding: a few numbers that shift the listener's networks.

The numbers are coordinates in a basis learned from many speakers (`codec.train.voice.residual`), as the speaker codes of Abdel-Hamid and
Jiang (ICASSP 2013) and eigenvoices (Kuhn 2000) are. Shifted are the voice that the synthesiser is told, the vector of each of its tokens,
what enters the decoder of details, and the bands of the frames, by kind of phone.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from codec.speak.mel import MEL_BANDS
from codec.units.phones import SOUND_CLASSES

KINDS = SOUND_CLASSES
VOICE_WIDTH, TOKEN_WIDTH, DETAIL_WIDTH = 64, 256, 192
WIDTH = VOICE_WIDTH + TOKEN_WIDTH + DETAIL_WIDTH + KINDS * MEL_BANDS
"""Numbers of a shift in all."""


class Shift(NamedTuple):
    """voice (..., VOICE_WIDTH), token (..., TOKEN_WIDTH), detail (..., DETAIL_WIDTH): added to layers of the networks; bands (..., KINDS,
    80): added to log-mel frames. Without leading dimensions for all rows of a batch alike."""

    voice: Tensor
    token: Tensor
    detail: Tensor
    bands: Tensor

    @classmethod
    def of(cls, flat: Tensor) -> "Shift":
        """flat (..., WIDTH)."""
        voice, token, detail, bands = torch.split(flat, [VOICE_WIDTH, TOKEN_WIDTH, DETAIL_WIDTH, KINDS * MEL_BANDS], -1)
        return cls(voice, token, detail, bands.reshape(*bands.shape[:-1], KINDS, MEL_BANDS))
