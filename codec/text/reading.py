"""Typed English -> phones with stress, words and phrases: what `codec.text.melody` gives a melody and `codec.text.speaker` speaks."""

from collections.abc import Sequence
from dataclasses import dataclass

from codec.text.homographs import judge
from codec.text.pronounce import Pronouncer, Pronunciation
from codec.text.words import MARKS, spoken_words, unspoken
from codec.units.phones import VOWELS, phone_index

_FIRST_SOUND_VOWELS = frozenset("AEIOU")


@dataclass(frozen=True, slots=True)
class SaidWord:
    """text: lower case; phones: indices into `PHONES`; stress: of each phone, 0..2 for vowels as in CMUdict, -1 for consonants;
    mark: the pause after it, of `codec.text.words.MARKS` or "".
    """

    text: str
    phones: tuple[int, ...]
    stress: tuple[int, ...]
    mark: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as it will be spoken. doubts: sentences for the user on what was guessed or left out."""

    words: tuple[SaidWord, ...]
    doubts: tuple[str, ...]


def read(text: str, pronouncer: Pronouncer) -> Reading:
    """Raises TextError where nothing can be spoken, ModelError where a package is missing."""
    words = spoken_words(text)
    uncertain: list[str] = []
    unknown: list[str] = []
    said: list[SaidWord] = []
    for place, word in enumerate(words):
        if word in MARKS:
            continue
        labels, sure = _pronounce(words, place, pronouncer)
        if not sure and word not in uncertain:
            uncertain.append(word)
        if word not in unknown and not pronouncer.knows(word):
            unknown.append(word)
        mark = words[place + 1] if place + 1 < len(words) and words[place + 1] in MARKS else ""
        said.append(said_word(word, labels, mark))
    doubts = []
    if uncertain:
        doubts.append(f"Two pronunciations are possible and the words around do not tell which: {', '.join(uncertain)}.")
    if unknown:
        doubts.append(f"Not in the dictionary, read by their letters: {', '.join(unknown)}.")
    if left := unspoken(text):
        doubts.append(f"Left out, as English has no word for it: {left}")
    return Reading(tuple(said), tuple(doubts))


def said_word(text: str, labels: Pronunciation, mark: str) -> SaidWord:
    """labels: ARPAbet, with or without stress digits (a vowel without one is unstressed)."""
    phones = tuple(phone_index(label) for label in labels)
    stress = tuple(
        (int(label[-1]) if label[-1].isdigit() else 0) if phone in VOWELS else -1 for label, phone in zip(labels, phones, strict=True)
    )
    return SaidWord(text, phones, stress, mark)


def _pronounce(words: Sequence[str], place: int, pronouncer: Pronouncer) -> tuple[Pronunciation, bool]:
    """How `words[place]` is said here, and whether that is sure."""
    word = words[place]
    following = next((other for other in words[place + 1 :] if other not in MARKS), "")
    if word == "the":
        return ("DH", "IY0" if following and pronouncer.pronounce(following)[0][0] in _FIRST_SOUND_VOWELS else "AH0"), True
    if word in pronouncer.homographs:
        as_verb, otherwise = pronouncer.homographs[word]
        verdict = judge(words, place)
        return (as_verb if verdict.kind == "verb" else otherwise), verdict.sure
    return pronouncer.pronounce(word), True
