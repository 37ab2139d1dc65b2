"""Phone trigram of English: `python -m codec.train.recogniser.phone_language_model` writes work/phone_trigram.npy.

Text is drawn from the word bigrams of the language model in the package pocketsphinx (BSD), spoken by the dictionary, and counted together
with the phones of the training list. Witten-Bell smoothing: Chen and Goodman, "An Empirical Study of Smoothing Techniques", 1998.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.text.pronunciations import dictionary, variants_of
from codec.train.corpus.packed import Corpus
from codec.train.step import SMOKE, begin, run_step, step_options
from codec.units.errors import ModelError
from codec.units.phones import PHONES, SILENCE, phone_index

PAUSE = 0.08
"""Share of word borders inside a sentence where the speaker pauses."""

TRIGRAM = "phone_trigram.npy"

SENTENCE_BEGIN, SENTENCE_END = "<s>", "</s>"
_WRITE = """
from pocketsphinx import Config, LogMath, NGramModel
import sys
logmath, config = LogMath(), Config()
NGramModel(config, logmath, sys.argv[1]).write(sys.argv[2])
"""


class WordBigrams:
    """The word bigrams of an ARPA file, to draw text from."""

    def __init__(self, path: Path) -> None:
        known = dictionary()
        unigrams: dict[str, float] = {}
        followers: dict[str, tuple[list[str], list[float]]] = {}
        section = 0
        with path.open() as lines:
            for line in lines:
                if line.startswith("\\"):
                    section += line.strip().endswith("-grams:")
                    continue
                fields = line.split()
                if section == 1 and len(fields) == 3 and (fields[1] == SENTENCE_END or fields[1] in known):
                    unigrams[fields[1]] = 10 ** float(fields[0])
                elif section == 2 and len(fields) == 4 and (fields[2] == SENTENCE_END or fields[2] in known):
                    words, chances = followers.setdefault(fields[1], ([], []))
                    words.append(fields[2])
                    chances.append(10 ** float(fields[0]))
        self._words = list(unigrams)
        chances_of_words = np.cumsum(list(unigrams.values()))
        self._chances = chances_of_words / chances_of_words[-1]
        self._followers = {word: (words, np.cumsum(chances)) for word, (words, chances) in followers.items()}

    def unigrams(self) -> tuple[list[str], NDArray[np.float64]]:
        """All words with their chances, the end of the sentence left out."""
        chances = np.diff(self._chances, prepend=0.0)
        kept = [(word, chance) for word, chance in zip(self._words, chances, strict=True) if word != SENTENCE_END]
        return [word for word, _ in kept], np.array([chance for _, chance in kept])

    def followers(self, word: str) -> tuple[list[str], NDArray[np.float64]]:
        """Words seen after a word or SENTENCE_BEGIN, and the running sum of their chances."""
        words, chances = self._followers.get(word, ([], np.zeros(0)))
        return words, np.asarray(chances)

    def sample(self, count: int, random: np.random.Generator) -> Iterator[str]:
        """`count` words and sentence ends, as the model would say them; what is unseen after a word is drawn from all words."""
        word = SENTENCE_BEGIN
        for first, second in random.random((count, 2)):
            words, chances = self._followers.get(word, ([], np.zeros(1)))
            if first < chances[-1]:
                word = words[int(np.searchsorted(chances, first))]
            else:
                word = self._words[min(int(np.searchsorted(self._chances, second)), len(self._words) - 1)]
            yield word
            if word == SENTENCE_END:
                word = SENTENCE_BEGIN


def word_bigrams(work: Path) -> WordBigrams:
    """Unpacks pocketsphinx's language model once. Its own writer (5.1.1) crashes after the bigrams, which are all that is needed."""
    # A smoke run shares the words with the others: they are the same, and unpacking takes its time.
    path = (work.parent if work.name == SMOKE else work) / "words.lm"
    if not path.exists():
        spec = find_spec("pocketsphinx")
        if spec is None or spec.origin is None:
            raise ModelError("The language model is missing: install the package pocketsphinx ('make bench-setup').")
        packed = Path(spec.origin).parent / "model" / "en-us" / "en-us.lm.bin"
        part = path.with_suffix(".part")
        subprocess.run([sys.executable, "-c", _WRITE, str(packed), str(part)], check=False)
        part.rename(path)
    return WordBigrams(path)


def spoken(words: Iterator[str], random: np.random.Generator) -> Iterator[int]:
    """Phones of words; the first pronunciation is the likeliest, pauses at sentence ends and now and then between words."""
    known = dictionary()
    for word in words:
        if word == SENTENCE_END:
            yield SILENCE
            continue
        variants = known[word]
        yield from variants[0 if random.random() < 0.6 else int(random.integers(len(variants)))]
        if random.random() < PAUSE:
            yield SILENCE


def corpus_phones(corpus: Corpus) -> Iterator[int]:
    """The aligned phones of the training list, or the dictionary's where there is no alignment."""
    for row in corpus.records:
        yield SILENCE
        if row["phones"]:
            yield from (phone_index(label) for label, _, _ in row["phones"])
        else:
            yield from (phone for word in variants_of(row["text"]) or [] for phone in word[0])


def count_trigrams(phones: Iterator[int], counts: NDArray[np.float64]) -> None:
    """Adds to counts (phones, phones, phones); a phone that follows itself is one phone."""
    before, middle = SILENCE, SILENCE
    for phone in phones:
        if phone != middle:
            counts[before, middle, phone] += 1
            before, middle = middle, phone


def smooth(counts: NDArray[np.float64]) -> NDArray[np.float32]:
    """Witten-Bell interpolation of trigram, bigram and unigram -> log P(last | first, middle), (phones, phones, phones)."""

    def interpolate(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
        total, kinds = above.sum(-1, keepdims=True), (above > 0).sum(-1, keepdims=True)
        return np.asarray((above + kinds * below) / np.maximum(total + kinds, 1) + (total == 0) * below)

    unigram = (counts.sum((0, 1)) + 1) / (counts.sum() + len(PHONES))
    bigram = interpolate(counts.sum(0), unigram)
    return np.log(interpolate(counts, bigram)).astype(np.float32)


def load_trigram(work: Path) -> NDArray[np.float32]:
    """What this step wrote. Raises ModelError."""
    try:
        return np.asarray(np.load(work / TRIGRAM), np.float32)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The phone trigram cannot be read ({error}): run `python -m codec.train.recogniser.phone_language_model` first."
        ) from None


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = step_options(__doc__)
    parser.add_argument("--words", type=int, default=1_500_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = begin(parser, argv)
    if arguments.smoke:
        arguments.words = 5_000
    random = np.random.default_rng(arguments.seed)
    counts = np.zeros((len(PHONES),) * 3)
    count_trigrams(spoken(word_bigrams(arguments.work).sample(arguments.words, random), random), counts)
    print(f"{counts.sum():.0f} phones from {arguments.words} drawn words", flush=True)
    count_trigrams(corpus_phones(Corpus("train", arguments.work / "corpus")), counts)
    np.save(arguments.work / TRIGRAM, smooth(counts))
    print(f"{counts.sum():.0f} phones with the training list -> {arguments.work / TRIGRAM}")


if __name__ == "__main__":
    run_step(main)
