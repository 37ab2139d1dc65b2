"""The second pass: words take the place of what was heard where the sound agrees, in time and never twice; nothing is made up."""

from collections.abc import Callable, Sequence
from itertools import groupby, pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from codec.recognise.second_pass import TICK_SAMPLES, InlineRunner, SecondPass, SecondPassSettings
from codec.recognise.spelling import Spelling
from codec.recognise.word_alignment import AlignedWord, align_words
from codec.recognise.words import Hypothesis, Word, loops
from codec.units.phones import PHONE_INDEX, PHONES, SILENCE
from codec.units.token import RecognisedPhone

COUNT = len(PHONES)
PRIOR = np.full(COUNT, -np.log(COUNT), np.float32)
SPELLING = Spelling()
LAG = 12
"""Ticks by which the first pass is late."""

SAID = [("SIL", 30), ("DH", 4), ("AH", 4), ("SIL", 2), ("K", 5), ("AE", 8), ("T", 6), ("S", 7), ("AE", 8), ("T", 6), ("SIL", 60)]
"""the cat sat"""


def rows(spans: Sequence[tuple[str, int]], confidence: float = 0.8) -> NDArray[np.float32]:
    made = []
    for label, ticks in spans:
        row = np.full(COUNT, (1 - confidence) / (COUNT - 1), np.float32)
        row[PHONE_INDEX[label]] = confidence
        made += [np.log(row)] * ticks
    return np.array(made)


def phones(spans: Sequence[tuple[str, int]]) -> list[RecognisedPhone]:
    found, at = [], 0
    for label, ticks in spans:
        for start in range(at, at + ticks, LAG):  # as the first pass gives long sounds out
            found.append(RecognisedPhone(PHONE_INDEX[label], start, min(start + LAG, at + ticks), 0.8))
        at += ticks
    return found


class Scripted:
    """Hears what a function of the first tick and the seconds of the sound tells; each sample of the sound is the number of its tick."""

    def __init__(self, text: Callable[[int, float], str], looped: bool = False) -> None:
        self._text, self._looped = text, looped
        self.asked: list[float] = []

    def stream(self) -> "Scripted":
        return self

    def hear(self, pcm: NDArray[np.int16], at: int, guess: Sequence[Word]) -> Hypothesis:
        seconds = len(pcm) / 16000
        self.asked.append(seconds)
        return Hypothesis(tuple(Word(text, ()) for text in self._text(int(pcm[0]), seconds).split()), self._looped)


def run(
    scripted: Scripted,
    posteriors: NDArray[np.float32],
    heard: list[RecognisedPhone],
    settings: SecondPassSettings | None = None,
    ticks: int = 6,
) -> tuple[SecondPass, list[tuple[int, RecognisedPhone]]]:
    """Everything tick by tick -> (the pass, each phone with the tick at which it came)."""
    second = SecondPass(scripted, SPELLING, PRIOR, InlineRunner(ticks), settings=settings)
    out: list[tuple[int, RecognisedPhone]] = []
    waiting = list(heard)
    for now in range(len(posteriors)):
        ready = [one for one in waiting if one.end <= now - LAG]
        waiting = waiting[len(ready) :]
        out += [(now, one) for one in second.push(np.full(TICK_SAMPLES, now, np.int16), posteriors[now : now + 1], ready)]
    out += [(len(posteriors), one) for one in second.flush(waiting)]
    return second, out


def said(out: Sequence[tuple[int, RecognisedPhone]]) -> str:
    """Phones without silence, repetitions joined."""
    return " ".join(PHONES[phone] for phone, _ in groupby(one.phone for _, one in out) if phone != SILENCE)


def check_whole(out: Sequence[tuple[int, RecognisedPhone]], ticks: int) -> None:
    assert out[0][1].start == 0
    assert out[-1][1].end == ticks
    assert all(a.end == b.start for (_, a), (_, b) in pairwise(out))


def swapped(spans: Sequence[tuple[str, int]], **labels: str) -> list[tuple[str, int]]:
    return [(labels.get(label, label), ticks) for label, ticks in spans]


TICKS = sum(ticks for _, ticks in SAID)


def test_words_correct_what_was_heard() -> None:
    """The first pass took /ae/ for /eh/, narrowly; the words know better."""
    posteriors = rows(SAID)
    for row in posteriors:
        if row.argmax() == PHONE_INDEX["AE"]:
            row[PHONE_INDEX["EH"]] = row[PHONE_INDEX["AE"]] + 0.05
    second, out = run(Scripted(lambda first, seconds: "the cat sat"), posteriors, phones(swapped(SAID, AE="EH")))
    check_whole(out, TICKS)
    assert said(out) == "DH AH K AE T S AE T"
    assert second.counters["words"] == 3


def test_every_phone_goes_out_in_time() -> None:
    settings = SecondPassSettings()
    for text in ("", "the cat sat"):
        _, out = run(Scripted(lambda first, seconds, text=text: text), rows(SAID), phones(SAID))  # type: ignore[misc]
        check_whole(out, TICKS)
        assert max(now - one.end for now, one in out if one.phone != SILENCE) <= settings.wait
        assert said(out) == "DH AH K AE T S AE T"


@pytest.mark.parametrize("text", ["seven green elephants", "♪ ♪", "你好", "thank you very much for watching"])
def test_words_that_nobody_said_are_not_said(text: str) -> None:
    second, out = run(Scripted(lambda first, seconds: text), rows(SAID), phones(SAID))
    check_whole(out, TICKS)
    assert said(out) == "DH AH K AE T S AE T"
    assert second.counters["words"] == 0


def test_words_in_noise_are_not_said() -> None:
    """Posteriors that follow nothing, as of noise and music."""
    rng = np.random.default_rng(3)
    noise = np.log(rng.dirichlet(np.full(COUNT, 0.05), 300) + 1e-6).astype(np.float32)
    heard = [RecognisedPhone(int(row.argmax()), at, at + 1, 0.5) for at, row in enumerate(noise)]
    second, out = run(Scripted(lambda first, seconds: "thank you very much " * int(seconds)), noise, heard)
    check_whole(out, 300)
    assert second.counters["words"] == 0


def test_silence_is_not_listened_to() -> None:
    scripted = Scripted(lambda first, seconds: "thank you")
    _, out = run(scripted, rows([("SIL", 400)]), phones([("SIL", 400)]))
    check_whole(out, 400)
    assert not scripted.asked
    assert not said(out)


def test_a_loop_is_not_believed() -> None:
    second, out = run(Scripted(lambda first, seconds: "the the the the the", looped=True), rows(SAID), phones(SAID))
    check_whole(out, TICKS)
    assert said(out) == "DH AH K AE T S AE T"
    assert second.counters["loops"] > 0
    assert second.counters["words"] == 0


def test_what_words_leave_out_stays() -> None:
    """A word that the recogniser passes over ("um") is sent as it was heard."""
    spans = [*SAID[:3], ("SIL", 8), ("AH", 12), ("M", 14), ("SIL", 8), *SAID[4:]]
    _, out = run(Scripted(lambda first, seconds: "the cat sat"), rows(spans, 0.95), phones(spans))
    assert said(out) == "DH AH AH M K AE T S AE T"


def test_long_speech_is_heard_in_a_bounded_window() -> None:
    spans = [("SIL", 30), *[span for _ in range(30) for span in SAID[1:-1]], ("SIL", 60)]
    length = sum(ticks for _, ticks in SAID[1:-1])
    words = [(30 + turn * length + start, word) for turn in range(30) for start, word in ((0, "the"), (10, "cat"), (29, "sat"))]
    scripted = Scripted(lambda first, seconds: " ".join(word for start, word in words if first <= start < first + 50 * seconds - 6))
    second, out = run(scripted, rows(spans), phones(spans))
    check_whole(out, sum(ticks for _, ticks in spans))
    assert said(out) == " ".join(["DH AH K AE T S AE T"] * 30)
    settings = SecondPassSettings()
    assert max(scripted.asked[:-1]) <= (settings.longest_window + settings.step) / 50
    assert second.counters["words"] > 60


def test_stopping_to_wait_loses_nothing() -> None:
    posteriors, heard = rows(SAID), phones(SAID)
    for stop in range(35, TICKS, 7):
        second = SecondPass(Scripted(lambda first, seconds: "the cat sat"), SPELLING, PRIOR, InlineRunner())
        out: list[tuple[int, RecognisedPhone]] = []
        waiting = list(heard)
        for now in range(stop):
            ready = [one for one in waiting if one.end <= now - LAG]
            waiting = waiting[len(ready) :]
            out += [(now, one) for one in second.push(np.full(TICK_SAMPLES, now, np.int16), posteriors[now : now + 1], ready)]
        out += [(stop, one) for one in second.release()]
        check_whole(out, max(now for _, one in out for now in [one.end]))
        assert out[-1][1].end >= [one for one in heard if one not in waiting][-1].end


def test_a_machine_that_is_too_slow_is_noticed() -> None:
    spans = [("SIL", 30), *[span for _ in range(12) for span in SAID[1:-1]], ("SIL", 60)]
    for ticks, slow in ((6, False), (45, True)):
        second = SecondPass(Scripted(lambda first, seconds: "the cat sat " * 40), SPELLING, PRIOR, InlineRunner(ticks))
        noticed = False
        for now, row in enumerate(rows(spans)):
            second.push(np.full(TICK_SAMPLES, now, np.int16), row[None], ())
            noticed = noticed or second.too_slow
        assert noticed == slow


def test_alignment_finds_the_times() -> None:
    words = [SPELLING(text) for text in ("the", "cat", "sat")]
    found = align_words(rows(SAID), PRIOR, words)
    assert [(word.start, word.end, word.whole) for word in found] == [(30, 38, True), (40, 59, True), (59, 80, True)]
    assert min(word.evidence for word in found) > -0.1


def test_alignment_is_open_at_the_end() -> None:
    words = [SPELLING(text) for text in ("the", "cat", "sat")]
    found = align_words(rows(SAID)[:50], PRIOR, words)
    assert [word.number for word in found] == [0, 1]
    assert [word.whole for word in found] == [True, False]


def test_numbers_and_signs_are_read_out() -> None:
    assert SPELLING("20") == SPELLING("twenty")
    assert SPELLING("Mr.") == SPELLING("mister")
    assert SPELLING("cat,") == SPELLING("cat")
    assert SPELLING("...") == ()
    assert len(SPELLING("read")) > 1


def test_a_mistake_of_one_look_does_not_lead_the_next_astray() -> None:
    """The first looks hear another word where "cat" is said; it is put right while its end can still be."""
    spans = [*SAID[:4], ("K", 5), ("AE", 40), ("T", 6), *SAID[7:]]
    wrong = Scripted(lambda first, seconds: "the can" if seconds < 1.4 else "the cat sat")
    second, out = run(wrong, rows(spans), phones(spans))
    check_whole(out, sum(ticks for _, ticks in spans))
    assert said(out) == "DH AH K AE T S AE T"
    assert second.counters["words"] == 3


def test_loops() -> None:
    assert loops([5, 1, 2, 1, 2, 1, 2])
    assert not loops([1, 2, 3, 1, 2, 3, 4])


def test_what_does_not_sound_like_english_is_left_as_heard() -> None:
    """Words of which each is only just possible: one alone is believed, many together are not, until they sound like English again."""
    second = SecondPass(Scripted(lambda at, seconds: ""), SPELLING, PRIOR, InlineRunner())
    settings = SecondPassSettings()

    def believed(evidence: float, log_probability: float = 0.0) -> bool:
        word = AlignedWord(0, (RecognisedPhone(1, 0, 10, 0.5),), evidence, True, True, log_probability)
        before = second.counters["words"]
        second._give_word(word, 100)
        return second.counters["words"] > before

    assert believed(-2.2) and believed(-0.3)
    assert all(believed(-1.35) for _ in range(30)), "English in noise, on average"
    assert all(believed(-0.3) for _ in range(6))
    foreign = [believed(-2.2) for _ in range(30)]
    assert sum(foreign) <= 6 and not any(foreign[6:])
    english = [believed(-0.3) for _ in range(20)]
    assert not english[0] and all(english[11:])
    doubted = [believed(-0.7, -2.5) for _ in range(30)]
    assert doubted[0] and not any(doubted[12:]), "the word recogniser does not believe itself"
    assert [believed(-0.3) for _ in range(20)][-1]
    for _ in range(12):
        second._believe(settings.no_evidence)
    assert not believed(-0.3)
