"""What the word search knows of English: a tree of pronunciations and a word bigram with back-off (Katz 1987).

Words are numbered 0..V-1; V stands for the beginning of a sentence and for what no word explains.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Tree: node 0 is the root; the children of node n are child_start[n] .. child_start[n + 1]; phone (nodes,), ahead (nodes,) log
    probability of the likeliest word at or below a node; the words that end at node n are words[word_start[n] : word_start[n + 1]].

    Bigram, natural logarithms: unigram (V,); back_off (V + 1,); pairs (pairs,) sorted first * V + second, with their value.
    """

    phone: Integers
    ahead: Floats
    child_start: Integers
    word_start: Integers
    words: Integers
    unigram: Floats
    back_off: Floats
    pairs: Integers
    value: Floats

    @classmethod
    def from_weights(cls, tensors: Mapping[str, Tensor]) -> "Lexicon":
        """From the tensors of `lexicon.safetensors`. Raises KeyError, ValueError."""
        real = {name: tensors[name].numpy().astype(np.float32) for name in ("ahead", "unigram", "back_off", "value")}
        whole = {name: tensors[name].numpy().astype(np.int64) for name in ("phone", "children", "endings", "words", "second", "pairs_of")}
        first = np.repeat(np.arange(len(whole["pairs_of"])), whole["pairs_of"])
        return cls(
            phone=whole["phone"],
            ahead=real["ahead"],
            child_start=1 + np.concatenate(([0], np.cumsum(whole["children"]))),
            word_start=np.concatenate(([0], np.cumsum(whole["endings"]))),
            words=whole["words"],
            unigram=real["unigram"],
            back_off=real["back_off"],
            pairs=first * len(real["unigram"]) + whole["second"],
            value=real["value"],
        )

    def log_probability(self, before: Integers, words: Integers) -> Floats:
        """log P(word | before), both (n,); before may be V."""
        keys = before * len(self.unigram) + words
        places = np.minimum(np.searchsorted(self.pairs, keys), len(self.pairs) - 1)
        known = self.pairs[places] == keys
        return np.where(known, self.value[places], self.back_off[before] + self.unigram[words]).astype(np.float32)


def spread(start: Integers, nodes: Integers) -> tuple[Integers, Integers]:
    """All indices of the ranges start[n] .. start[n + 1] of `nodes` -> (which of `nodes` each is of, the indices)."""
    counts = start[nodes + 1] - start[nodes]
    owner = np.repeat(np.arange(len(nodes)), counts)
    inside = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    return owner, start[nodes][owner] + inside
