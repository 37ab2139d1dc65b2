"""What was heard is corrected by the transcript, in the pieces of the word recogniser."""

from collections.abc import Sequence

import pytest

from codec.recognise.moonshine.network import Vocabulary, model_folder
from codec.recognise.spelling import Spelling
from codec.train.recogniser.transcript import HeardWord, PieceWriter, corrected


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary(model_folder() / "tokenizer.bin")


def heard(text: str, write: PieceWriter) -> list[HeardWord]:
    """Each word of a transcript, 20 ticks long."""
    return [HeardWord(word, write(word), 20 * number, 20 * number + 20) for number, word in enumerate(text.split())]


def texts(words: Sequence[HeardWord]) -> str:
    return " ".join(word.text for word in words)


@pytest.mark.parametrize(
    ("word", "pieces"), [("committed", [19355]), ("outrageous", [714, 6617, 681]), ("deed.", [316, 287, 29889]), ("a", [263])]
)
def test_words_are_written_in_the_pieces_that_the_recogniser_says(vocabulary: Vocabulary, word: str, pieces: list[int]) -> None:
    assert list(PieceWriter(vocabulary)(word)) == pieces
    assert vocabulary.text(pieces) == f" {word}"


def test_a_letter_that_the_vocabulary_lacks_is_not_written(vocabulary: Vocabulary) -> None:
    assert PieceWriter(vocabulary)("\U00012000") == ()


@pytest.mark.parametrize(
    ("was_heard", "said", "is_taught"),
    [
        ("To dull out food in ammunition,", "TO DOLE OUT FOOD AND AMMUNITION", "To dole out food and ammunition,"),
        ("A good-looking girl, to-day.", "A GOOD LOOKING GIRL TODAY", "A good-looking girl, to-day."),
        ("You said he tried.", "I said he tried.", "I said he tried."),
        ("Is said to be a sort of bow.", "IS SAID TO BE A BOW", "Is said to be a bow."),
        ("He stood off the coast", "HE STOOD OFF THE COAST OF KIRKWALL", "He stood off the coast"),
        ("in eighteen sixty-one he left", "IN 1861 HE LEFT", "in eighteen sixty-one he left"),
    ],
    ids=["other words", "written otherwise", "a first word", "more heard than said", "sound that ends early", "numbers"],
)
def test_wrong_words_become_those_that_were_said(vocabulary: Vocabulary, was_heard: str, said: str, is_taught: str) -> None:
    write = PieceWriter(vocabulary)
    found = corrected(heard(was_heard, write), said, Spelling(), write)
    assert found is not None
    assert texts(found) == is_taught
    assert [word.pieces for word in found] == [write(word.text) for word in found]


def test_new_words_share_the_time_of_those_they_replace(vocabulary: Vocabulary) -> None:
    write = PieceWriter(vocabulary)
    found = corrected(heard("Askers bring it from home", write), "Ask her to bring it from home", Spelling(), write)
    assert found is not None
    assert [(word.text, word.start, word.end) for word in found][:4] == [("Ask", 0, 8), ("her", 8, 15), ("to", 15, 20), ("bring", 20, 40)]


def test_the_transcript_of_other_sound_teaches_nothing(vocabulary: Vocabulary) -> None:
    write = PieceWriter(vocabulary)
    assert corrected(heard("The wind was cold today", write), "Nobody knows how many were asked", Spelling(), write) is None
