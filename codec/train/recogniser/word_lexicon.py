"""Words for the recogniser's search: `python -m codec.train.recogniser.word_lexicon` writes models/lexicon.safetensors and its card.

A tree of the dictionary's pronunciations of the commonest words, their spelling, and a word bigram of
them: the language model of the package
pocketsphinx (BSD), cut down to these words and estimated again.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save

from codec.recognise.word_lookup import SPELLINGS
from codec.text.pronunciations import dictionary
from codec.train.card import write_card
from codec.train.recogniser.phone_language_model import SENTENCE_BEGIN, WordBigrams, word_bigrams
from codec.train.step import begin, run_step, step_options
from codec.units.weights import ordered_header


def tree(words: list[str], unigram: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """The tree in breadth-first order: phone, number of children and of words that end at each node, those words, and `ahead`."""
    root: dict[int, dict] = {}  # type: ignore[type-arg]
    ends: dict[int, list[int]] = {}
    best: dict[int, float] = {}
    for number, word in enumerate(words):
        for pronunciation in set(dictionary()[word]):
            node = root
            path = [node]
            for phone in pronunciation:
                node = node.setdefault(phone, {})
                path.append(node)
            ends.setdefault(id(node), []).append(number)
            for each in path:
                best[id(each)] = max(best.get(id(each), -1e9), float(unigram[number]))
    order, phones = [root], [0]
    for node in order:
        for phone, child in node.items():
            order.append(child)
            phones.append(phone)
    return {
        "phone": np.array(phones),
        "children": np.array([len(node) for node in order]),
        "endings": np.array([len(ends.get(id(node), [])) for node in order]),
        "words": np.array([number for node in order for number in ends.get(id(node), [])]),
        "ahead": np.array([best[id(node)] for node in order]),
    }


def bigram(source: WordBigrams, words: list[str], unigram: NDArray[np.float64], most: int) -> dict[str, NDArray[np.float64]]:
    """The pairs of `words` that tell most over the unigram (relative entropy pruning, Stolcke 1998); what is left to a word is its
    back-off. The last row is that of the beginning of a sentence.
    """
    number, many = {word: index for index, word in enumerate(words)}, len(words)
    first, second, chance = [], [], []
    for index, word in enumerate((*words, SENTENCE_BEGIN)):
        followers, running = source.followers(word)
        places = np.array([number.get(other, -1) for other in followers], np.int64)
        known = places >= 0
        order = np.argsort(places[known])
        second.append(places[known][order])
        chance.append(np.diff(running, prepend=0.0)[known][order])
        first.append(np.full(int(known.sum()), index))
    of, to, share = np.concatenate(first), np.concatenate(second), np.concatenate(chance)
    common = np.append(np.exp(unigram), 0.1)
    told = common[of] * share * np.log(np.maximum(share, 1e-9) / np.exp(unigram[to]))
    kept = np.sort(np.argsort(-told)[:most])
    of, to, share = of[kept], to[kept], share[kept]
    left = 1 - np.bincount(of, share, minlength=many + 1)
    untaken = 1 - np.bincount(of, np.exp(unigram[to]), minlength=many + 1)
    return {
        "second": to,
        "pairs_of": np.bincount(of, minlength=many + 1),
        "value": np.log(share),
        "back_off": np.log(np.clip(left, 1e-4, 1) / np.clip(untaken, 1e-4, 1)),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = step_options(__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--vocabulary", type=int, default=30_000)
    parser.add_argument("--pairs", type=int, default=1_400_000, help="the most that are kept")
    arguments = begin(parser, argv)
    if arguments.smoke:
        arguments.vocabulary = 300
    source = word_bigrams(arguments.work)
    names, chances = source.unigrams()
    order = np.argsort(-chances)[: arguments.vocabulary]
    words, unigram = [names[index] for index in order], np.log(chances[order] / chances[order].sum())
    arrays = tree(words, unigram) | bigram(source, words, unigram, arguments.pairs) | {"unigram": unigram}
    kinds = {"phone": torch.uint8, "children": torch.uint8, "endings": torch.uint8, "words": torch.int32, "second": torch.int32}
    kinds |= {"pairs_of": torch.int32}
    tensors = {name: torch.from_numpy(array).to(kinds.get(name, torch.float16)) for name, array in arrays.items()}
    path = arguments.models / "lexicon.safetensors"
    path.write_bytes(ordered_header(save(tensors, {"version": "1"})))
    (arguments.models / SPELLINGS).write_text("\n".join(words) + "\n")
    card = {
        "name": "lexicon",
        "purpose": "pronunciations and word bigram for the recogniser's search",
        "origin": "python -m codec.train.recogniser.word_lexicon: CMUdict as pocketsphinx carries it (BSD); bigram from its en-us language "
        "model (BSD), cut down to these words and estimated again",
        "licence": "GPL-2.0-or-later; its sources: BSD",
        "words": len(words),
        "nodes": len(arrays["phone"]),
        "pairs": len(arrays["value"]),
    }
    write_card(path, card)
    print(f"{len(words)} words, {len(arrays['phone'])} nodes, {len(arrays['value'])} pairs -> {path}, {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    run_step(main)
