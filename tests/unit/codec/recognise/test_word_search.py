"""The search over words: phones and times come back, words help where sounds are in doubt, and nothing waits or grows without bound."""

from itertools import pairwise

import numpy as np
import pytest

from codec.recognise.lexicon import Lexicon
from codec.recognise.word_search import LONGEST, MOST_PHONES, SearchTables, WordSearch, WordSearchSettings
from codec.units.phones import PHONE_INDEX, PHONES
from codec.units.token import RecognisedPhone
from codec.units.weights import load_weights
from tests.places import MODELS

COUNT = len(PHONES)
TABLES = SearchTables(np.full(COUNT, -np.log(COUNT), np.float32), np.full((COUNT, COUNT, COUNT), -np.log(COUNT), np.float32))
HELLO = [("SIL", 12), ("HH", 4), ("AH", 4), ("L", 3), ("OW", 8), ("W", 4), ("ER", 7), ("L", 4), ("D", 4), ("SIL", 20)]


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon.from_weights(load_weights(MODELS / "lexicon.safetensors")[0])


def rows(labels: list[tuple[str, int]], confidence: float = 0.9) -> np.ndarray:
    made = []
    for label, frames in labels:
        row = np.full(COUNT, (1 - confidence) / (COUNT - 1), np.float32)
        row[PHONE_INDEX[label]] = confidence
        made += [np.log(row)] * frames
    return np.array(made)


def search(lexicon: Lexicon, posteriors: np.ndarray, step: int = 8, settings: WordSearchSettings | None = None) -> list[RecognisedPhone]:
    stream = WordSearch(lexicon, TABLES, settings)
    found = [one for at in range(0, len(posteriors), step) for one in stream.push(posteriors[at : at + step])]
    return found + stream.flush()


def labels_of(found: list[RecognisedPhone]) -> list[str]:
    return [PHONES[one.phone] for place, one in enumerate(found) if not place or found[place - 1].phone != one.phone]


def joined(found: list[RecognisedPhone]) -> list[tuple[str, int]]:
    """(label, frames), the parts of a long phone added up."""
    lengths: list[tuple[str, int]] = []
    for one in found:
        same = lengths and lengths[-1][0] == PHONES[one.phone]
        before = lengths.pop()[1] if same else 0
        lengths.append((PHONES[one.phone], before + one.end - one.start))
    return lengths


@pytest.mark.parametrize("step", [1, 8, 50])
def test_phones_and_times_come_back(lexicon: Lexicon, step: int) -> None:
    found = search(lexicon, rows(HELLO), step)
    assert labels_of(found) == [label for label, _ in HELLO]
    assert found[0].start == 0
    assert found[-1].end == sum(frames for _, frames in HELLO)
    assert all(before.end == after.start and before.end > before.start for before, after in pairwise(found))
    assert joined(found) == HELLO
    assert all(one.confidence == pytest.approx(0.9, abs=1e-3) for one in found)


def test_a_word_settles_what_the_sound_leaves_open(lexicon: Lexicon) -> None:
    posteriors = rows([("SIL", 12), *((label, 5) for label in "Y UW AA R W EH L K AH M".split()), ("SIL", 20)])
    doubtful = slice(12 + 5 * 6, 12 + 5 * 7)  # the L of "welcome" sounds a little more like N
    posteriors[doubtful] = np.log((0.02 + 0 * posteriors[doubtful]) / COUNT)
    posteriors[doubtful, PHONE_INDEX["N"]], posteriors[doubtful, PHONE_INDEX["L"]] = np.log(0.5), np.log(0.45)
    assert "EH L K AH M" in " ".join(labels_of(search(lexicon, posteriors)))


def test_what_comes_next_helps_to_decide(lexicon: Lexicon) -> None:
    posteriors = rows([("SIL", 12), *((label, 5) for label in "Y UW AA R W EH L K AH M".split()), ("SIL", 20)])
    doubtful = slice(12 + 5 * 6, 12 + 5 * 7)  # the L of "welcome" sounds a little more like N
    posteriors[doubtful] = np.log((0.02 + 0 * posteriors[doubtful]) / COUNT)
    posteriors[doubtful, PHONE_INDEX["N"]], posteriors[doubtful, PHONE_INDEX["L"]] = np.log(0.6), np.log(0.3)
    decided_at = doubtful.stop + 3
    heard = {}
    for ahead in (0, 10):
        stream = WordSearch(lexicon, TABLES, WordSearchSettings(lag=7))
        found = [one for now in range(decided_at) for one in stream.push(posteriors[now : now + 1], posteriors[now + 1 : now + 1 + ahead])]
        heard[ahead] = labels_of(found)[-1]
    assert heard == {0: "N", 10: "L"}


def test_a_wrong_guess_at_what_comes_next_is_forgotten(lexicon: Lexicon) -> None:
    settings = WordSearchSettings(lag=1000, part_lag=1000)
    posteriors, guess = rows(HELLO), rows([("ZH", 6)])
    told, untold = WordSearch(lexicon, TABLES, settings), WordSearch(lexicon, TABLES, settings)
    for at in range(0, len(posteriors), 8):
        assert told.push(posteriors[at : at + 8], guess) == untold.push(posteriors[at : at + 8]) == []
    assert told.flush() == untold.flush()


def test_long_and_short_phones_stand_equally_long_after_their_beginning(lexicon: Lexicon) -> None:
    settings, waits = WordSearchSettings(), []
    for frames in (3, 10, 14):
        stream, posteriors = WordSearch(lexicon, TABLES, settings), rows([("SIL", 8), ("AA", frames), ("S", 40)])
        for now, row in enumerate(posteriors, 1):
            found = [one for one in stream.push(row[None], posteriors[now : now + 12]) if PHONES[one.phone] == "AA"]
            if found:
                waits.append((now - 8, found[0].end - found[0].start))
                break
    assert waits == [(settings.lag, 3), (settings.lag, 10), (settings.lag, 14)], "though the end is still ahead"


@pytest.mark.parametrize(("lasts", "heard"), [(10, [18]), (12, [18]), (18, [18, 26])])
def test_an_end_that_was_told_ahead_stands(lexicon: Lexicon, lasts: int, heard: list[int]) -> None:
    """The first guess has the vowel end at 18. What follows takes what is left of it, unless it went on for long."""
    guess, posteriors = rows([("SIL", 8), ("AA", 10), ("S", 20)]), rows([("SIL", 8), ("AA", lasts), ("S", 18), ("SIL", 20)])
    stream = WordSearch(lexicon, TABLES)
    found = stream.push(posteriors[:13], guess[13:25])
    assert [(PHONES[one.phone], one.start, one.end) for one in found] == [("SIL", 0, 8), ("AA", 8, 18)]
    found += [one for now in range(13, len(posteriors)) for one in stream.push(posteriors[now : now + 1], posteriors[now + 1 : now + 13])]
    found += stream.flush()
    assert [PHONES[one.phone] for one in found[: 2 + len(heard)]] == ["SIL", *["AA"] * len(heard), "S"]
    assert [one.start for one in found] == [0, *(one.end for one in found[:-1])]
    assert [one.end for one in found[1 : 1 + len(heard)]] == heard


def test_what_is_no_word_is_spoken_all_the_same(lexicon: Lexicon) -> None:
    said = "ZH OY B AW DH UH"
    found = search(lexicon, rows([("SIL", 12), *((label, 6) for label in said.split()), ("SIL", 20)], 0.97))
    assert labels_of(found) == ["SIL", *said.split(), "SIL"]


def test_a_phone_stands_after_the_lag_at_the_latest(lexicon: Lexicon) -> None:
    settings = WordSearchSettings()
    rng = np.random.default_rng(4)
    noise = np.log(rng.dirichlet(np.full(COUNT, 0.3), 400) + 1e-5).astype(np.float32)
    stream, given = WordSearch(lexicon, TABLES, settings), 0
    for now, row in enumerate(noise, 1):
        found = stream.push(row[None])
        given = found[-1].end if found else given
        assert now - given <= settings.lag + LONGEST
    assert given > 380 - settings.lag


def test_one_doubtful_frame_does_not_make_a_phone(lexicon: Lexicon) -> None:
    posteriors = rows([("SIL", 10), ("AA", 10), ("SIL", 10)])
    posteriors[14] = rows([("ZH", 1)], 0.5)[0]
    assert labels_of(search(lexicon, posteriors)) == ["SIL", "AA", "SIL"]


def test_memory_is_bounded_and_times_go_on(lexicon: Lexicon) -> None:
    stream, posteriors, found = WordSearch(lexicon, TABLES), rows(HELLO), []
    for _ in range(30):
        found += stream.push(posteriors)
    assert found[-1].end > 29 * len(posteriors)
    assert len(stream._rows) < 2 * len(posteriors)


def test_a_long_sound_is_given_out_in_parts_before_it_ends(lexicon: Lexicon) -> None:
    said = [("SIL", 5), ("AA", 300), ("SIL", 500), ("Y", 3), ("EH", 5), ("S", 6), ("SIL", 12)]
    stream, posteriors, found = WordSearch(lexicon, TABLES), rows(said), []
    longest = 0
    for at in range(0, len(posteriors), 8):
        found += stream.push(posteriors[at : at + 8])
        longest = max(longest, at + 8 - found[-1].end if found else 0)
    assert longest <= LONGEST + 8 + WordSearchSettings().lag
    assert len(stream._rows) < 40
    assert joined(found + stream.flush()) == said


def test_long_silence_is_forgotten(lexicon: Lexicon) -> None:
    stream = WordSearch(lexicon, TABLES)
    for row in rows([("SIL", 1500)]):
        stream.push(row[None])
    assert len(stream._said) <= MOST_PHONES
    assert len(stream._rows) <= LONGEST + WordSearchSettings().lag + 1


def test_a_stream_begins_anew_after_flush(lexicon: Lexicon) -> None:
    stream, posteriors = WordSearch(lexicon, TABLES), rows(HELLO)
    first = stream.push(posteriors) + stream.flush()
    assert stream.push(posteriors) + stream.flush() == first
    assert stream.flush() == []


@pytest.mark.parametrize(("seed", "ahead"), [(232, 4), (26, 12), (55, 12), (6, 12)])
def test_sounds_that_are_no_words_are_survived(lexicon: Lexicon, seed: int, ahead: int) -> None:
    """Doubtful from frame to frame, as foreign speech is: the path that won may have left the phone that is to be given out in part, or
    still be in one that was given out whole."""
    tensors, _ = load_weights(MODELS / "recogniser.safetensors")
    stream = WordSearch(lexicon, SearchTables(tensors["search.log_prior"].float().numpy(), tensors["search.trigram"].float().numpy()))
    rng, frames = np.random.default_rng(seed), 120
    made: list[np.ndarray] = []
    while len(made) < frames + ahead:
        first, second = rng.integers(0, COUNT, 2)
        for _ in range(rng.integers(1, 30)):
            row = rng.normal(0, 1, COUNT)
            row[first] += rng.uniform(0, 4)
            row[second] += rng.uniform(0, 4)
            made.append(row - np.log(np.exp(row).sum()))
    doubtful = np.array(made[: frames + ahead], np.float32)
    found: list[RecognisedPhone] = []
    for at in range(0, frames, 8):
        guess = doubtful[at + 8 : at + 8 + ahead] + rng.normal(0, 0.5, (ahead, COUNT)).astype(np.float32)
        found += stream.push(doubtful[at : at + 8], guess)
    found += stream.push(doubtful[frames:]) + stream.flush()
    assert found[-1].end == frames + ahead
    assert all(before.end == after.start for before, after in pairwise(found))
