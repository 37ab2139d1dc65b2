"""Sound in, phones with their times out: the streaming recogniser as the encoder sees it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from codec.recognise.lexicon import Lexicon
from codec.recognise.network import PosteriorStream, RecogniserNetwork
from codec.recognise.second_pass import TICK_SAMPLES, SecondPass, WordService
from codec.recognise.word_search import SearchTables, WordSearch
from codec.units.phones import PHONES
from codec.units.rates import SAMPLE_RATE
from codec.units.token import RecognisedPhone


class PhoneStream(Protocol):
    """One recognition: phones are contiguous from tick 0, silence included."""

    def push(self, pcm: NDArray[np.int16]) -> list[RecognisedPhone]:
        """pcm (samples,) int16 16 kHz, any length -> the phones that became certain."""
        ...

    def flush(self) -> list[RecognisedPhone]:
        """The rest, at the end of a recording; the stream is not to be used after it."""
        ...


@runtime_checkable
class WaitingPhoneStream(PhoneStream, Protocol):
    """A recognition that can wait for words."""

    wait: bool
    """Whether phones wait for the words they belong to. May be changed at any time: no phone is lost or comes twice."""
    counters: Counter[str]
    """What waiting did; see `SecondPass`."""


class PhoneRecogniser(Protocol):
    """What the encoder needs of a recogniser: another one is a class like this, given to `Models` in place of `Recogniser`."""

    def stream(self) -> PhoneStream:
        """A new stream with its own state."""
        ...


class Recogniser:
    """A trained network with its search tables; `stream()` gives one recognition each."""

    def __init__(self, network: RecogniserNetwork, tables: SearchTables, lexicon: Lexicon) -> None:
        self.network = network.eval()
        self.words: WordService | None = None
        """The second pass by words, once it is loaded: streams that wait begin to use it then."""
        self._tables = tables
        self._lexicon = lexicon

    @classmethod
    def from_weights(cls, tensors: Mapping[str, Tensor], metadata: Mapping[str, str], lexicon: Lexicon, int8: bool = True) -> Recogniser:
        """From the tensors and metadata of `recogniser.safetensors`. int8: takes half the time; processors round it differently, so that
        some phones differ between them. Raises KeyError, ValueError, RuntimeError."""
        network = RecogniserNetwork.from_metadata(metadata)
        own = {name: tensor.float() for name, tensor in tensors.items()}
        tables = SearchTables(own.pop("search.log_prior").numpy(), own.pop("search.trigram").numpy())
        network.load_state_dict(own)
        if int8:
            network.use_int8()
        return cls(network, tables, lexicon)

    @property
    def log_prior(self) -> NDArray[np.float32]:
        """Of each phone: (phones,)."""
        return self._tables.log_prior

    def use_words(self, words: WordService) -> None:
        """Have a second pass by words, from now on, in streams that wait."""
        self.words = words

    def stream(self) -> RecogniserStream:
        """A new stream with its own state."""
        return RecogniserStream(self, PosteriorStream(self.network), WordSearch(self._lexicon, self._tables))


REST_SAMPLES = 30 * SAMPLE_RATE
"""A machine that is too slow for words goes on without them for so long."""

REMEMBERED_TICKS = 50
"""Of sound and posteriors, so that a second pass that begins has what the first one has not given out."""


class RecogniserStream:
    """A `PhoneStream` of the shipped network, with a second pass by words where `wait` is set and a word recogniser is there."""

    def __init__(self, recogniser: Recogniser, posteriors: PosteriorStream, search: WordSearch) -> None:
        self.wait = False
        self.counters: Counter[str] = Counter()
        """What the second pass did: see `SecondPass.counters`."""
        self._recogniser = recogniser
        self._posteriors = posteriors
        self._search = search
        self._second: SecondPass | None = None
        self._recent_pcm = np.zeros(0, np.int16)
        self._recent_rows = np.zeros((0, len(PHONES)), np.float32)
        self._samples = self._rows = self._given = self._rests_until = 0

    def push(self, pcm: NDArray[np.int16]) -> list[RecognisedPhone]:
        """pcm (samples,) int16 16 kHz, any length -> the phones that became certain."""
        rows = self._posteriors.push(pcm)
        found = self._search.push(rows, self._posteriors.ahead)
        words = self._recogniser.words
        if self._second is None and self.wait and words is not None and self._samples >= self._rests_until:
            self._second = words.begin(self._recogniser.log_prior, self._given, self.counters)
            before = self._given - (self._rows - len(self._recent_rows))
            silent = max(0, self._given * TICK_SAMPLES - (self._samples - len(self._recent_pcm)))
            self._second.push(self._recent_pcm[silent:], self._recent_rows[max(0, before) :], ())
        self._remember(pcm, rows)
        if self._second is None:
            return self._out(found)
        due = self._second.push(pcm, rows, found)
        if self._second.too_slow:
            self.counters["rests"] += 1
            self._rests_until = self._samples + REST_SAMPLES
        if self._second.too_slow or not self.wait:
            due += self._second.release()
            self._second = None
        return self._out(due)

    def flush(self) -> list[RecognisedPhone]:
        """The rest, at the end of a recording; the stream is not to be used after it."""
        last = [*self._search.push(self._posteriors.flush()), *self._search.flush()]
        return self._out(last if self._second is None else self._second.flush(last))

    def _remember(self, pcm: NDArray[np.int16], rows: NDArray[np.float32]) -> None:
        self._samples += len(pcm)
        self._rows += len(rows)
        if self._second is None:
            self._recent_pcm = np.concatenate((self._recent_pcm, pcm))[-REMEMBERED_TICKS * TICK_SAMPLES :]
            self._recent_rows = np.concatenate((self._recent_rows, rows))[-REMEMBERED_TICKS:]

    def _out(self, phones: Sequence[RecognisedPhone]) -> list[RecognisedPhone]:
        # A second pass that ended may have been ahead of the first.
        new = [replace(phone, start=max(phone.start, self._given)) for phone in phones if phone.end > self._given]
        if new:
            self._given = new[-1].end
        return new
