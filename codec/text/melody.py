"""How long, how high and how loud each phone of a typed text is: a small network that reads the whole text in both directions.

Phones, stress, place in word and phrase and the punctuation around go in; duration, F0 at 25 % and 75 % and level come out, relative to
the speaker: in semitones of the mean F0 and in dB of the mean level of the vowels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from codec.text.reading import SaidWord
from codec.text.words import MARKS
from codec.units.phones import PHONES, SILENCE, VOWELS

STYLES = ("l2", "librispeech", "commands", "synthetic")
"""Where training speech came from; each speaks in its own way."""

SPOKEN_STYLE = STYLES.index("librispeech")
"""How typed text is spoken: as people read aloud."""

_AFTER = ("", *MARKS)
_BEFORE = ("", ",", ";", ".")
FEATURES = 8 + len(_AFTER) + len(_BEFORE)
OUTPUTS = 4
MOST_ITEMS = 400
"""Items read at once: a longer text is read in parts."""

WEAK_WORDS = frozenset(
    "a an and are as at be been but by can could do for from had has have he her him his i if in is it its me my of on or our shall she "
    "should so some than that the their them then there they this to us was we were what when which who will with would you your".split()
)
"""Words that are mostly not stressed in a sentence."""


class Item(NamedTuple):
    """One phone of the text, or a pause. word: number of its word in the text (a pause has that of the word before it)."""

    phone: int
    stress: int
    word: int


@dataclass(frozen=True, slots=True)
class Prosody:
    """Of one item. frames of 10 ms; semitones relative to the speaker's mean F0 at 25 % and 75 %; level in dB relative to mean vowels."""

    frames: float
    semitones: tuple[float, float]
    level_db: float


def items_of(words: Sequence[SaidWord]) -> list[Item]:
    """Phones of all words, a pause after each word with a mark but the last."""
    items = []
    for number, word in enumerate(words):
        items += [Item(phone, stress, number) for phone, stress in zip(word.phones, word.stress, strict=True)]
        if word.mark and number + 1 < len(words):
            items.append(Item(SILENCE, -1, number))
    return items


def features_of(words: Sequence[SaidWord], items: Sequence[Item]) -> NDArray[np.float32]:
    """(items, FEATURES): place in the word and in the phrase, marks at both ends of the phrase."""
    starts, ends = _phrases(words)
    lengths = [sum(phone in VOWELS for phone in word.phones) for word in words]
    rows = np.zeros((len(items), FEATURES), np.float32)
    for row, (place, item) in zip(rows, enumerate(items), strict=True):
        word, first, last = words[item.word], starts[item.word], ends[item.word]
        row[0] = place == 0 or items[place - 1].word != item.word
        row[1] = place + 1 == len(items) or items[place + 1].word != item.word or items[place + 1].phone == SILENCE
        row[2] = word.text in WEAK_WORDS
        row[3] = np.log(len(word.phones)) / 2
        row[4] = np.log1p(item.word - first) / 2
        row[5] = np.log1p(last - item.word) / 2
        row[6] = np.log1p(sum(lengths[item.word : last + 1])) / 2
        row[7] = np.log1p(sum(map(bool, (other.mark for other in words[_sentence(words, item.word) : item.word])))) / 2
        row[8 + _AFTER.index(words[last].mark)] = 1
        before = words[first - 1].mark if first else ""
        row[8 + len(_AFTER) + _BEFORE.index("." if before in ("?", "!") else before)] = 1
    return rows


def _phrases(words: Sequence[SaidWord]) -> tuple[list[int], list[int]]:
    """For each word the first and the last word of its phrase."""
    starts, first = [], 0
    for number, word in enumerate(words):
        starts.append(first)
        if word.mark:
            first = number + 1
    ends, last = [0] * len(words), len(words) - 1
    for number in range(len(words) - 1, -1, -1):
        if words[number].mark:
            last = number
        ends[number] = last
    return starts, ends


def _sentence(words: Sequence[SaidWord], number: int) -> int:
    """First word of the sentence of a word."""
    while number and words[number - 1].mark not in MARKS[2:]:
        number -= 1
    return number


class TextProsody(nn.Module):
    """Embeddings, two bidirectional GRUs, four numbers for each item, each in units of about one standard deviation."""

    scale: Tensor
    offset: Tensor

    def __init__(self, width: int = 96) -> None:
        super().__init__()
        self.phone = nn.Embedding(len(PHONES), 32)
        self.stress = nn.Embedding(4, 8)
        self.style = nn.Embedding(len(STYLES), 8)
        self.into = nn.Linear(32 + 8 + 8 + FEATURES + 1, width)
        self.gru = nn.GRU(width, width, num_layers=2, batch_first=True, bidirectional=True, dropout=0.2)
        self.out = nn.Linear(3 * width, OUTPUTS)
        self.register_buffer("scale", torch.tensor([0.5, 3.0, 3.0, 6.0]))
        self.register_buffer("offset", torch.tensor([2.0, 0.0, 0.0, -4.0]))

    @classmethod
    def from_weights(cls, weights: dict[str, Tensor]) -> "TextProsody":
        """In evaluation mode; its size comes from the shapes of the weights. Raises KeyError, RuntimeError."""
        network = cls(width=weights["into.weight"].shape[0])
        network.load_state_dict({name: value.float() for name, value in weights.items()})
        return network.eval()

    def forward(self, phones: Tensor, stress: Tensor, features: Tensor, style: Tensor, rate: Tensor) -> Tensor:
        """phones, stress (batch, N), features (batch, N, FEATURES), style, rate (batch,) -> (batch, N, OUTPUTS) in physical units:
        log frames, two F0 in semitones, level in dB. rate: mean log duration of the phones above that of the corpus, 0 is natural.
        """
        size, count = phones.shape
        whole = torch.cat((self.style(style), rate[:, None]), 1)[:, None].expand(size, count, -1)
        x = torch.nn.functional.gelu(self.into(torch.cat((self.phone(phones), self.stress(stress + 1), features, whole), 2)))
        recalled, _ = self.gru(x)
        out: Tensor = self.out(torch.cat((x, recalled), 2))
        return out * self.scale + self.offset

    @torch.inference_mode()
    def predict(self, words: Sequence[SaidWord], rate: float = 0.0) -> list[tuple[Item, Prosody]]:
        """Prosody of every phone and pause of a text. rate: as in `forward`; 0.1 is a tenth slower."""
        said: list[tuple[Item, Prosody]] = []
        first = 0
        for part in _parts(words):
            items = items_of(part)
            if part[-1].mark and first + len(part) < len(words):
                items.append(Item(SILENCE, -1, len(part) - 1))
            phones, stress = (torch.tensor([values]) for values in list(zip(*items, strict=True))[:2])
            features = torch.from_numpy(features_of(part, items))[None]
            out = self(phones, stress, features, torch.tensor([SPOKEN_STYLE]), torch.tensor([rate]))[0]
            for item, (frames, start, end, level) in zip(items, out.tolist(), strict=True):
                said.append((item._replace(word=first + item.word), Prosody(float(np.exp(frames)), (start, end), level)))
            first += len(part)
        return said


def _parts(words: Sequence[SaidWord]) -> list[list[SaidWord]]:
    """Sentences, several together as long as they are short."""
    parts: list[list[SaidWord]] = [[]]
    count = 0
    for word in words:
        parts[-1].append(word)
        count += len(word.phones)
        if (word.mark in MARKS[2:] and count > MOST_ITEMS // 4) or count > MOST_ITEMS:
            parts.append([])
            count = 0
    return [part for part in parts if part]
