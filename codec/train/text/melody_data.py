"""Aligned speech as words with punctuation and the prosody of each phone: examples for `codec.train.text.melody`."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from codec.describe.prosody import mean_f0, measure
from codec.text.melody import STYLES, Item, features_of
from codec.text.pronounce import Pronouncer, Pronunciation
from codec.text.pronunciations import dictionary
from codec.text.reading import SaidWord, said_word
from codec.text.words import MARKS, spoken_words
from codec.train.corpus.packed import Corpus
from codec.train.corpus.tracks import Tracks
from codec.units.errors import TextError
from codec.units.phones import PHONES, SILENCE, VOWELS, phone_index
from codec.units.rates import FRAME_MS

PAUSE_MS = 100
"""A shorter silence between words is no pause: its time goes to nobody."""

Labels = list[tuple[str, int, int]]
"""ARPAbet label or SIL, start and end in milliseconds."""


class Example(NamedTuple):
    """One utterance. phones, stress (N,); features (N, FEATURES); target (N, 4): log frames, two F0 in semitones, level in dB, NaN where
    there is none; style: index into STYLES.
    """

    phones: NDArray[np.int64]
    stress: NDArray[np.int64]
    features: NDArray[np.float32]
    target: NDArray[np.float32]
    style: int


def align(text: str, labels: Labels, pronouncer: Pronouncer) -> list[tuple[SaidWord, int, int]] | None:
    """Words of a text on the phones that were heard: (word, first, end) with numbers into `labels`; None where they do not fit.

    A word may be any of its pronunciations; silence may stand between words. Marks that the speaker ran over are dropped.
    """
    try:
        words = spoken_words(text)
    except TextError:
        return None
    spoken = [place for place, (label, _, _) in enumerate(labels) if label != "SIL"]
    heard = tuple(phone_index(labels[place][0]) for place in spoken)
    names = [place for place, word in enumerate(words) if word not in MARKS]
    # ways[n]: number of phones used by the first n words -> (phones used before the last of them, how it was said)
    ways: list[dict[int, tuple[int, Pronunciation]]] = [{0: (0, ())}]
    for place in names:
        reached: dict[int, tuple[int, Pronunciation]] = {}
        for labels_of_word in _variants(words[place], pronouncer):
            phones = tuple(phone_index(label) for label in labels_of_word)
            for begin in ways[-1]:
                if heard[begin : begin + len(phones)] == phones:
                    reached.setdefault(begin + len(phones), (begin, labels_of_word))
        if not reached:
            return None
        ways.append(reached)
    if len(heard) not in ways[-1]:
        return None
    found: list[tuple[SaidWord, int, int]] = []
    end = len(heard)
    for place, way in zip(reversed(names), reversed(ways[1:]), strict=True):
        begin, said = way[end]
        mark = words[place + 1] if place + 1 < len(words) and words[place + 1] in MARKS else ""
        paused = end == len(heard) or _pause_after(labels, spoken[end - 1]) >= PAUSE_MS
        if not paused and mark:
            mark = ""
        found.append(
            (said_word(words[place], said, mark or ("," if paused and end < len(heard) else "")), spoken[begin], spoken[end - 1] + 1)
        )
        end = begin
    return found[::-1]


def _pause_after(labels: Labels, place: int) -> int:
    if place + 1 < len(labels) and labels[place + 1][0] == "SIL":
        return labels[place + 1][2] - labels[place + 1][1]
    return 0


def _variants(word: str, pronouncer: Pronouncer) -> Iterator[Pronunciation]:
    """Pronunciations with stress; those of the aligner's dictionary take it from CMUdict's."""
    stressed = pronouncer.variants(word) or [pronouncer.pronounce(word)]
    if word == "the":
        stressed.append(("DH", "IY0"))
    if word in pronouncer.homographs:
        stressed += pronouncer.homographs[word]
    yield from stressed
    for phones in dictionary().get(word.rstrip("."), ()):
        vowels = [label[-1] for label in stressed[0] if label[-1].isdigit()]
        places = iter(vowels if sum(phone in VOWELS for phone in phones) == len(vowels) else [])
        yield tuple(PHONES[phone] + (next(places, "0") if phone in VOWELS else "") for phone in phones)


def example(
    words: Sequence[tuple[SaidWord, int, int]], labels: Labels, f0: NDArray[np.float32], level: NDArray[np.float32] | None, style: int
) -> Example:
    """f0, level: tracks of 10 ms; without level the targets have none."""
    items, target = [], []
    speaker_f0 = mean_f0(f0)
    said = [word for word, _, _ in words]
    for number, (word, first, end) in enumerate(words):
        # A silence inside a word, which the aligner puts there now and then, belongs to nothing.
        places = [place for place in range(first, end) if labels[place][0] != "SIL"]
        for (phone, stress), place in zip(zip(word.phones, word.stress, strict=True), places, strict=True):
            items.append(Item(phone, stress, number))
            target.append(_target(phone, labels[place], f0, level, speaker_f0))
        if word.mark and number + 1 < len(words):
            items.append(Item(SILENCE, -1, number))
            frames = _pause_after(labels, end - 1) / FRAME_MS
            target.append((np.log(max(frames, 1.0)), np.nan, np.nan, np.nan))
    table = np.array(target, np.float32)
    vowels = np.array([item.phone in VOWELS for item in items])
    table[:, 3] -= np.nanmean(table[vowels, 3]) if level is not None and vowels.any() else 0
    numbers = np.array(items, np.int64)
    return Example(numbers[:, 0], numbers[:, 1], features_of(said, items), table, style)


def _target(
    phone: int, label: tuple[str, int, int], f0: NDArray[np.float32], level: NDArray[np.float32] | None, speaker_f0: float
) -> tuple[float, float, float, float]:
    start, end = round(label[1] / FRAME_MS), max(round(label[2] / FRAME_MS), round(label[1] / FRAME_MS) + 1)
    token = measure(phone, start, end, f0, np.zeros(0, np.float32) if level is None else level, speaker_f0)
    low, high = token.semitones or (np.nan, np.nan)
    return float(np.log(end - start)), low, high, np.nan if level is None else token.loudness_db


def corpus_examples(name: str, work: Path = Path("work")) -> list[Example]:
    """Of all utterances of a packed list whose words fit their phones; kept in `<work>/text_prosody/<name>.npz`."""
    path = work / "text_prosody" / f"{name}.npz"
    if not path.exists():
        found = list(_examples_of(Corpus(name, work / "corpus")))
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        np.savez(
            part,
            phones=np.concatenate([each.phones for each in found]),
            stress=np.concatenate([each.stress for each in found]),
            features=np.concatenate([each.features for each in found]),
            target=np.concatenate([each.target for each in found]),
            style=np.array([each.style for each in found]),
            sizes=np.array([len(each.phones) for each in found]),
        )
        part.rename(path)
    with np.load(path) as saved:
        cuts = np.cumsum(saved["sizes"])[:-1]
        phones, stress, features, target = (np.split(saved[name], cuts) for name in Example._fields[:4])
        return [Example(*row) for row in zip(phones, stress, features, target, saved["style"].tolist(), strict=True)]


def _examples_of(corpus: Corpus) -> Iterator[Example]:
    tracks, pronouncer = Tracks(corpus), Pronouncer()
    fitted = 0
    for index in corpus:
        labels = [(str(label), int(start), int(end)) for label, start, end in corpus.records[index]["phones"] or ()]
        words = align(corpus.records[index]["text"], labels, pronouncer) if labels else None
        if words and len(words) > 1:
            fitted += 1
            yield example(words, labels, tracks.f0(index), tracks.level(index), STYLES.index(corpus.part(index)))
        if index % 100 == 99:
            print(f"\r{corpus.name}: {index + 1}/{len(corpus)} utterances, the words of {fitted} fit ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
