"""The phone error takes the nearest pronunciation of each word, and counts like an edit distance."""

from codec.text.pronunciations import phone_errors, variants_of, words_of
from codec.units.phones import PHONE_INDEX


def phones(text: str) -> list[int]:
    return [PHONE_INDEX[label] for label in text.split()]


def test_any_dictionary_pronunciation_counts() -> None:
    reference = variants_of("Either tomato.")
    assert reference is not None
    assert phone_errors(phones("IY DH ER T AH M EY T OW"), reference) == (0, 9)
    assert phone_errors(phones("AY DH ER T AH M AA T OW"), reference)[0] == 0


def test_edits_are_counted_across_word_borders() -> None:
    reference = variants_of("say it")
    assert reference is not None
    assert phone_errors(phones("S EY IH T"), reference) == (0, 4)
    assert phone_errors(phones("S EY IH D"), reference) == (1, 4)
    assert phone_errors(phones("S IH T"), reference) == (1, 4)
    assert phone_errors(phones("S EY Y IH T"), reference) == (1, 4)
    assert phone_errors([], reference) == (4, 4)


def test_unknown_words_make_no_reference() -> None:
    assert variants_of("say xqzzt") is None
    assert words_of("Don't -- STOP, now!") == ["don't", "stop", "now"]
