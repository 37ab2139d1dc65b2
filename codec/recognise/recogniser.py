"""Sound in, phones with their times out: the streaming recogniser as the encoder sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from codec.recognise.lexicon import Lexicon
from codec.recognise.network import PosteriorStream, RecogniserNetwork
from codec.recognise.word_search import FoundPhone, SearchTables, WordSearch

FRAMES_PER_STEP = 2
"""The network steps by 20 ms, tokens by 10 ms."""


@dataclass(frozen=True, slots=True)
class RecognisedPhone:
    """phone: index into PHONES; start_frame, end_frame: frames of 10 ms since the stream began, end exclusive; confidence 0..1."""

    phone: int
    start_frame: int
    end_frame: int
    confidence: float


class PhoneStream(Protocol):
    """One recognition: phones are contiguous from frame 0, silence included."""

    def push(self, pcm: NDArray[np.int16]) -> list[RecognisedPhone]:
        """pcm (samples,) int16 16 kHz, any length -> the phones that became certain."""
        ...

    def flush(self) -> list[RecognisedPhone]:
        """The rest, at the end of a recording; the stream is not to be used after it."""
        ...


class PhoneRecogniser(Protocol):
    """What the encoder needs of a recogniser: another one is a class like this, given to `Models` in place of `Recogniser`."""

    def stream(self) -> PhoneStream:
        """A new stream with its own state."""
        ...


class Recogniser:
    """A trained network with its search tables; `stream()` gives one recognition each."""

    def __init__(self, network: RecogniserNetwork, tables: SearchTables, lexicon: Lexicon) -> None:
        self.network = network.eval()
        self._tables = tables
        self._lexicon = lexicon

    @classmethod
    def from_weights(cls, tensors: Mapping[str, Tensor], metadata: Mapping[str, str], lexicon: Lexicon) -> "Recogniser":
        """From the tensors and metadata of `recogniser.safetensors`. Raises KeyError, ValueError, RuntimeError."""
        network = RecogniserNetwork.from_metadata(metadata)
        own = {name: tensor.float() for name, tensor in tensors.items()}
        tables = SearchTables(own.pop("search.log_prior").numpy(), own.pop("search.trigram").numpy())
        network.load_state_dict(own)
        return cls(network, tables, lexicon)

    def stream(self) -> "RecogniserStream":
        """A new stream with its own state."""
        return RecogniserStream(PosteriorStream(self.network), WordSearch(self._lexicon, self._tables))


class RecogniserStream:
    """One recognition: phones are contiguous from frame 0, silence included."""

    def __init__(self, posteriors: PosteriorStream, search: WordSearch) -> None:
        self._posteriors = posteriors
        self._search = search

    def push(self, pcm: NDArray[np.int16]) -> list[RecognisedPhone]:
        """pcm (samples,) int16 16 kHz, any length -> the phones that became certain."""
        posteriors = self._posteriors.push(pcm)
        return [_in_frames(found) for found in self._search.push(posteriors, self._posteriors.ahead)]

    def flush(self) -> list[RecognisedPhone]:
        """The rest, at the end of a recording; the stream is not to be used after it."""
        last = self._search.push(self._posteriors.flush())
        return [_in_frames(found) for found in (*last, *self._search.flush())]


def _in_frames(found: FoundPhone) -> RecognisedPhone:
    return RecognisedPhone(found.phone, found.start * FRAMES_PER_STEP, found.end * FRAMES_PER_STEP, found.confidence)
