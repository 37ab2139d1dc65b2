"""Phones are read as words: as they are pronounced, with one phone wrong, and where there is no word."""

import pytest

from codec.recognise.word_lookup import SPELLINGS, WordLookup
from codec.text.speaker import TextSpeaker
from codec.units.errors import ModelError
from codec.units.phones import SILENCE, phone_index


@pytest.fixture(scope="module")
def lookup() -> WordLookup:
    return WordLookup.load()


@pytest.fixture(scope="module")
def speaker() -> TextSpeaker:
    return TextSpeaker.load()


def _phones(speaker: TextSpeaker, text: str) -> list[int]:
    return [token.phone for token in speaker.speak(text).tokens if token.phone != SILENCE]


@pytest.mark.parametrize(
    "text",
    [
        "please call me back at three i refuse to wait",
        "the quick brown fox jumps over the lazy dog",
        "near the station where we met on sunday",
    ],
)
def test_sentences_come_back(lookup: WordLookup, speaker: TextSpeaker, text: str) -> None:
    assert lookup(_phones(speaker, text)) == text


def test_one_wrong_phone_of_a_longer_word_is_forgiven(lookup: WordLookup, speaker: TextSpeaker) -> None:
    phones = _phones(speaker, "near the station")
    assert phones[5] == phone_index("S")
    phones[5] = phone_index("F")
    assert lookup(phones) == "near the station"


def test_sounds_of_no_word_stay_sounds(lookup: WordLookup) -> None:
    assert lookup([]) == ""
    assert lookup([phone_index("ZH")] * 3) == "/ZH ZH ZH/"


def test_words_of_another_lexicon_are_refused(lookup: WordLookup) -> None:
    with pytest.raises(ModelError, match=f"{SPELLINGS} does not belong"):
        WordLookup(lookup._lexicon, ["one"])
