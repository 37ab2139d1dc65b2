"""Forced alignment finds the path that was drawn, chooses among pronunciations and pauses, and knows a wrong text."""

from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from codec.train.corpus.alignment import align
from codec.train.corpus.realign import Realigned, agreement, align_one, labels_of
from codec.units.phones import PHONE_INDEX, PHONES, SILENCE

NO_PRIOR = np.zeros(len(PHONES), np.float32)


def phones(text: str) -> tuple[int, ...]:
    return tuple(PHONE_INDEX[label] for label in text.split())


def posteriors(path: str) -> NDArray[np.float32]:
    """One frame for each label; the label is likely, all others are not."""
    table = np.full((len(path.split()), len(PHONES)), 0.01)
    for frame, label in enumerate(path.split()):
        table[frame, PHONE_INDEX[label]] = 0.61
    return np.log(table).astype(np.float32)


def test_the_drawn_path_is_found() -> None:
    found = align(posteriors("SIL SIL S S EY EY EY IH T T SIL"), NO_PRIOR, [[phones("S EY")], [phones("IH T")]])
    assert found is not None
    assert labels_of(found) == [
        ("SIL", 0, 40), ("S", 40, 80), ("EY", 80, 140), ("IH", 140, 160), ("T", 160, 200), ("SIL", 200, 220),
    ]  # fmt: skip
    assert abs(found.score - np.log(0.61)) < 1e-5


def test_variants_and_pauses_are_chosen_by_the_sound() -> None:
    words = [[phones("DH AH"), phones("DH IY")], [phones("AE P"), phones("AH P")]]
    found = align(posteriors("DH IY SIL AE P"), NO_PRIOR, words)
    assert found is not None
    assert [one.phone for one in found.segments] == [*phones("DH IY"), SILENCE, *phones("AE P")]
    found = align(posteriors("DH AH AE P"), NO_PRIOR, words)
    assert found is not None
    assert [one.phone for one in found.segments] == [*phones("DH AH AE P")]


def test_the_same_phone_on_both_sides_of_a_word_border_stays_two() -> None:
    found = align(posteriors("AE T T T UW"), NO_PRIOR, [[phones("AE T")], [phones("T UW")]])
    assert found is not None
    assert [one.phone for one in found.segments] == [*phones("AE T T UW")]


def test_a_wrong_text_scores_low_and_a_long_one_has_no_alignment() -> None:
    table = posteriors("S EY IH T")
    right, wrong = align(table, NO_PRIOR, [[phones("S EY IH T")]]), align(table, NO_PRIOR, [[phones("K AW")]])
    assert right is not None
    assert wrong is not None
    assert right.score > -1 > wrong.score
    assert align(table, NO_PRIOR, [[phones("S EY IH T S")]]) is None
    assert align(table[:0], NO_PRIOR, [[phones("S")]]) is None


def test_agreement_counts_frames_that_have_a_label() -> None:
    found = align(posteriors("S S EY EY"), NO_PRIOR, [[phones("S EY")]])
    assert found is not None
    assert agreement(found, [("S", 0, 20), ("EY", 20, 60)]) == (2, 3)


def test_what_is_said_may_be_unknown() -> None:
    corpus = SimpleNamespace(records=[{"id": "arctic-1", "text": None, "phones": None}])
    assert align_one(corpus, 0, aligner=None) == Realigned(None, None, None, (0, 0))
