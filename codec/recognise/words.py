"""What a word recogniser makes of the last seconds of sound, and which of it can be believed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from codec.recognise.int8 import to_int8
from codec.recognise.moonshine import adapters
from codec.recognise.moonshine.network import (
    END,
    START,
    MoonshineDecoder,
    MoonshineEncoder,
    Vocabulary,
    load_decoder,
    load_encoder,
    model_folder,
)
from codec.recognise.moonshine.settled_encoder import SettledEncoder
from codec.units.rates import SAMPLE_RATE
from codec.units.weights import load_weights
from codec.units.weights_files import weights_directory

PIECES_PER_SECOND = 8.0
"""More word pieces than that nobody says; Moonshine's own limit is 6.5 on average."""
FEWEST_PIECES = 6
CHECKED = 8
"""Guessed pieces that are checked at once where the guess was wrong before, and among which the next one is looked for."""
LONGEST_CYCLE = 12
CYCLES = 3
"""The same pieces so often in a row are a loop of the decoder, not speech."""


@dataclass(frozen=True, slots=True)
class Word:
    """text as it was written, with punctuation; pieces: the recogniser's own symbols for it; log_probability: natural, of the least likely
    of them after all that was said before it."""

    text: str
    pieces: tuple[int, ...]
    log_probability: float = 0.0

    @property
    def plain(self) -> str:
        """Without case and punctuation: for comparison."""
        return re.sub(r"[^\w']", "", self.text.lower())


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What is said in a window of sound. looped: the recogniser repeated itself without end, and the words are not to be believed."""

    words: tuple[Word, ...]
    looped: bool = False


class WordStream(Protocol):
    """Hears one stream in a window that moves on. May be called from any thread, one call at a time."""

    def hear(self, pcm: NDArray[np.int16], at: int, guess: Sequence[Word]) -> Hypothesis:
        """pcm (samples,) int16 16 kHz, the window; at: the sample of the stream it begins with; guess: what is probably said in it, which
        saves time and changes no word."""
        ...


class WordRecogniser(Protocol):
    """Sound of a few seconds -> words."""

    def stream(self) -> WordStream: ...


class MoonshineWords:
    """Moonshine base-en, its weights in int8."""

    def __init__(self, encoder: MoonshineEncoder, decoder: MoonshineDecoder, vocabulary: Vocabulary) -> None:
        """The networks are changed: their weights become int8."""
        pieces = decoder.pieces.weight.detach()
        to_int8(encoder)
        to_int8(decoder)
        decoder.pieces.weight = torch.nn.Parameter(pieces.half(), requires_grad=False)
        self._encoder, self._decoder, self._vocabulary = encoder, decoder, vocabulary

    @classmethod
    def load(cls, adapted: bool = True) -> MoonshineWords:
        """From the installed package; adapted: with what was trained here. Raises ModelError."""
        folder, trained = model_folder(), weights_directory() / f"{adapters.NAME}.safetensors"
        encoder, decoder = load_encoder(folder), load_decoder(folder)
        if adapted and trained.exists():
            adapters.merge(load_weights(trained)[0], encoder=encoder, decoder=decoder)
        return cls(encoder, decoder, Vocabulary(folder / "tokenizer.bin"))

    def stream(self) -> WordStream:
        """See `WordRecogniser`."""
        return MoonshineStream(self._encoder, self._decoder, self._vocabulary)


class MoonshineStream:
    """One stream of `MoonshineWords`."""

    def __init__(self, encoder: MoonshineEncoder, decoder: MoonshineDecoder, vocabulary: Vocabulary) -> None:
        self._encoder = SettledEncoder(encoder, decoder)
        self._decoder, self._vocabulary = decoder, vocabulary

    @torch.inference_mode()
    def hear(self, pcm: NDArray[np.int16], at: int, guess: Sequence[Word]) -> Hypothesis:
        """See `WordStream`. Guessed pieces are checked all at once, and only what changed is spelled again."""
        heard = self._encoder.listen(torch.from_numpy(pcm.astype(np.float32) / 32768), at)
        if heard is None:
            return Hypothesis(())
        rest = [piece for word in guess for piece in word.pieces]
        checked = len(rest)
        most = FEWEST_PIECES + int(PIECES_PER_SECOND * len(pcm) / SAMPLE_RATE)
        said: list[int] = []
        likely: list[float] = []
        piece, past = START, None
        while True:
            guessed = rest[:checked]
            hidden, past = self._decoder(torch.tensor([[piece, *guessed]]), heard, past)
            scores = self._decoder.score(hidden[0])
            best = scores.argmax(-1).tolist()
            chances = (scores.amax(-1) - scores.logsumexp(-1)).tolist()
            right = next((place for place, piece in enumerate(guessed) if best[place] != piece), len(guessed))
            said += guessed[:right]
            likely += chances[:right]
            past = [(key[:, :, : len(said) + 1], value[:, :, : len(said) + 1]) for key, value in past]
            piece = best[right]
            if piece == END or len(said) >= most:
                return Hypothesis(self._words(said, likely), piece != END or loops(said))
            said.append(piece)
            likely.append(chances[right])
            rest, found = rest_of_guess(rest[right:], piece)
            checked = CHECKED if found or right else 0

    def _words(self, pieces: Sequence[int], likely: Sequence[float]) -> tuple[Word, ...]:
        """Pieces and their log probabilities -> words. Pieces that do not begin with a space belong to the word before them."""
        begins = [place for place, piece in enumerate(pieces) if not place or self._vocabulary.pieces[piece].startswith(b" ")]
        spans = itertools.pairwise((*begins, len(pieces)))
        return tuple(Word(self._vocabulary.text(pieces[a:b]).strip(), tuple(pieces[a:b]), min(likely[a:b])) for a, b in spans)


def rest_of_guess(guess: Sequence[int], piece: int) -> tuple[list[int], bool]:
    """What is left of a guess once another piece than its first was said, and whether that piece was guessed next: those before it were
    left out then."""
    near = list(guess[:CHECKED])
    if piece in near:
        return list(guess[near.index(piece) + 1 :]), True
    return list(guess), False


def loops(symbols: Sequence[int]) -> bool:
    """Whether the end repeats the same symbols `CYCLES` times."""
    for length in range(1, min(LONGEST_CYCLE, len(symbols) // CYCLES) + 1):
        cycle = symbols[-length:]
        if all(list(symbols[len(symbols) - (turn + 1) * length : len(symbols) - turn * length]) == list(cycle) for turn in range(CYCLES)):
            return True
    return False
