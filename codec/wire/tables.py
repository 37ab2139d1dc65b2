"""Static context models of everything that is entropy-coded; both ends have the same integers.

Contexts never reach beyond one packet, so that each packet can be read alone: where a packet begins, the context is "unknown".
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from codec.units.arrays import load_arrays
from codec.units.limits import DETAIL_STAGES
from codec.units.phones import INVENTORY, PHONES, SOUND_CLASSES
from codec.wire.detail_contexts import BOOKS, PREFIX, UNKNOWN_PHONE, DetailContexts
from codec.wire.range_coder import TOTAL, FrequencyTable
from codec.wire.token import LEVELS, MAX_GLIDE, MAX_TICKS, PITCHES

MANY_GROUPS = 4
"""The table of redundant_groups ends here; so many or more are told by three bits that follow."""

MAX_GROUP_TOKENS = 31
FLAGS = 32
PHONE_CLASSES = SOUND_CLASSES + 1
GLIDE_CONTEXTS = 4
NO_NUMBER = OTHER_LAYER = DETAIL_STAGES + 1
"""Of codes that a group has: as a context, none was told yet; as a symbol, what follows is another layer."""

SHAPES: dict[str, tuple[int, ...]] = {
    "flags": (FLAGS,),
    "redundant_groups": (MANY_GROUPS + 1,),
    "group_tokens": (MAX_GROUP_TOKENS + 1,),
    "phone": (UNKNOWN_PHONE + 1, UNKNOWN_PHONE + 1, len(PHONES)),
    "ticks": (len(PHONES), PHONE_CLASSES, MAX_TICKS),
    "first_pitch": (PITCHES + 1,),
    "pitch_change": (2 * PITCHES,),
    "glide": (GLIDE_CONTEXTS, 2 * MAX_GLIDE + 1),
    "first_level": (LEVELS,),
    "level_change": (2 * LEVELS - 1,),
    "detail_codes": (DETAIL_STAGES + 2, DETAIL_STAGES + 2),
}
"""Tables: leading dimensions are contexts, the last one is the symbol. In first_pitch and pitch_change the last symbol is "not voiced"."""


def phone_class(phone: int) -> int:
    """Context of a duration: `Inventory.sound_class`, or 4 where the phone is not known."""
    return SOUND_CLASSES if phone == UNKNOWN_PHONE else INVENTORY.sound_class(phone)


def glide_context(ticks: int) -> int:
    """Long vowels glide further: 0 for 1-3 ticks, 1 for 4-5, 2 for 6-8, 3 for more."""
    return 0 if ticks <= 3 else 1 if ticks <= 5 else 2 if ticks <= 8 else 3


class Entropy:
    """The tables: arrays of integers >= 1 whose last dimension adds up to 65536. Raises KeyError, ValueError.

    level_offset: (phones,) dB, typical level of each phone relative to the vowels around it; not needed to read a packet.
    """

    def __init__(self, frequencies: Mapping[str, NDArray[np.int64]], details: DetailContexts | None = None) -> None:
        self._frequencies: dict[str, NDArray[np.int64]] = {}
        self.level_offset = np.asarray(frequencies["level_offset"], dtype=np.float64) / 10
        if self.level_offset.shape != (len(PHONES),):
            raise ValueError("the table level_offset does not fit the phone inventory of this version")
        for name, shape in SHAPES.items():
            table = np.asarray(frequencies[name])
            if table.shape != shape or table.min() < 1 or (table.sum(-1) != TOTAL).any():
                raise ValueError(f"the entropy table {name} has shape {table.shape} or sums that are not of this version")
            self._frequencies[name] = table
        self._made: dict[tuple[str, tuple[int, ...]], FrequencyTable] = {}
        self._details = details

    @classmethod
    def from_weights(cls, tensors: Mapping[str, ArrayLike], detail: Mapping[str, ArrayLike] | None = None) -> "Entropy":
        """From the arrays or tensors of `entropy.safetensors`, and of `detail.safetensors` where details are coded. Raises KeyError,
        ValueError."""
        contexts = None
        if detail is not None:
            contexts = DetailContexts({name: np.asarray(array) for name, array in detail.items() if name.startswith((PREFIX, BOOKS))})
        return cls({name: np.asarray(tensor).astype(np.int64) for name, tensor in tensors.items()}, contexts)

    @classmethod
    def load(cls, directory: Path) -> "Entropy":
        """From the files of a folder with the codec's weights, without torch. Raises ModelError, KeyError, ValueError."""
        return cls.from_weights(load_arrays(directory / "entropy.safetensors")[0], load_arrays(directory / "detail.safetensors")[0])

    @property
    def details(self) -> DetailContexts:
        """Of the codes of detail. Raises ValueError where none were loaded."""
        if self._details is None:
            raise ValueError("details cannot be coded without the tables of detail.safetensors")
        return self._details

    def table(self, name: str, *context: int) -> FrequencyTable:
        """The frequencies of one symbol; kept once made, as a conversation uses few of the contexts."""
        made = self._made.get((name, context))
        if made is None:
            made = self._made[name, context] = FrequencyTable(self._frequencies[name][context].tolist())
        return made
