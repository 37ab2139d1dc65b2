"""What a word recogniser makes of the last seconds of sound, and which of it can be believed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from codec.recognise.moonshine import adapters
from codec.recognise.moonshine.int8 import to_int8
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
LONGEST_CYCLE = 12
CYCLES = 3
"""The same pieces so often in a row are a loop of the decoder, not speech."""


@dataclass(frozen=True, slots=True)
class Word:
    """text as it was written, with punctuation; pieces: the recogniser's own symbols for it."""

    text: str
    pieces: tuple[int, ...]

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
        said = [piece for word in guess for piece in word.pieces]
        hidden, past = self._decoder(torch.tensor([[START, *said]]), heard)
        best = self._decoder.score(hidden[0]).argmax(-1).tolist()
        right = next((place for place, piece in enumerate(said) if best[place] != piece), len(said))
        said = said[:right]
        past = [(key[:, :, : right + 1], value[:, :, : right + 1]) for key, value in past]
        piece = best[right]
        most = FEWEST_PIECES + int(PIECES_PER_SECOND * len(pcm) / SAMPLE_RATE)
        while piece != END and len(said) < most:
            said.append(piece)
            hidden, past = self._decoder(torch.tensor([[piece]]), heard, past)
            piece = int(self._decoder.score(hidden[0, -1:]).argmax())
        return Hypothesis(self._words(said), piece != END or loops(said))

    def _words(self, pieces: Sequence[int]) -> tuple[Word, ...]:
        """Pieces that do not begin with a space belong to the word before them."""
        groups: list[list[int]] = []
        for piece in pieces:
            if not groups or self._vocabulary.pieces[piece].startswith(b" "):
                groups.append([])
            groups[-1].append(piece)
        return tuple(Word(self._vocabulary.text(group).strip(), tuple(group)) for group in groups)


def loops(symbols: Sequence[int]) -> bool:
    """Whether the end repeats the same symbols `CYCLES` times."""
    for length in range(1, min(LONGEST_CYCLE, len(symbols) // CYCLES) + 1):
        cycle = symbols[-length:]
        if all(list(symbols[len(symbols) - (turn + 1) * length : len(symbols) - turn * length]) == list(cycle) for turn in range(CYCLES)):
            return True
    return False
