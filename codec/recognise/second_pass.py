"""The second pass of recognition: phones that were heard wait a little for the words they belong to.

A word recogniser hears the last seconds again and again. Its words are spelled, aligned with the phone posteriors of the first pass, and
take the place of the phones heard, unless the sound speaks against them; less of it has to where two looks in a row agree on the word
(local agreement, arXiv 2005.11185). Each look begins from nothing, so no early mistake leads the later words astray, and a word that is
under way goes on as the latest look has it. Phones come out as they do from the first pass: contiguous, each once.

Times are ticks of 20 ms from the start of the stream.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from codec.recognise.spelling import Spelling
from codec.recognise.word_alignment import AlignedWord, align_words
from codec.recognise.words import Hypothesis, MoonshineWords, Word, WordRecogniser
from codec.units.phones import SILENCE
from codec.units.token import RecognisedPhone

Floats = NDArray[np.float32]

TICK_SAMPLES = 320


@dataclass(frozen=True, slots=True)
class SecondPassSettings:
    """Times in ticks of 20 ms."""

    step: int = 15
    """From one look of the word recogniser to the next."""
    wait: int = 65
    """From the beginning of a phone until it goes out: as late as all others, for what follows makes its word clearer."""
    silence_wait: int = 20
    """So long silence waits for words that may turn out to be in it."""
    pause: int = 16
    """After so much silence nothing more comes to the words before it."""
    same_time: int = 8
    """Two looks agree on a word that both have, and begin at most so far apart."""
    remembered: int = 75
    """After so much silence what was said before is forgotten."""
    first_window: int = 45
    """Of sound before the first look."""
    longest_window: int = 450
    """Of sound that the word recogniser hears,"""
    kept_window: int = 300
    """and what is left of it when it gets too long."""
    lead: int = 25
    """Of sound before the first phone."""
    least_evidence: float = -2.8
    """Of `AlignedWord`, or the phones heard stay;"""
    least_alone: float = -1.9
    """the same for a word that only the last look has."""
    hurried: float = 1.5
    least_hurried: float = -1.0
    """The same for a word with less time than `hurried` for a phone: it was squeezed in beside what was said."""
    trust_words: float = 8.0
    """The evidence of about so many words, on average, tells whether the sound is English at all: of dev it is -0.5 to -0.2, of speakers
    with an accent the same, of French, Spanish, Italian and Russian made English -2.5 to -1.9; of dev in noise at
    10 and 5 dB it hardly falls below -1.5."""
    own_doubt: float = 0.6
    """To that evidence so many times the log probability counts that the word recogniser gives a word."""
    least_trust: float = -1.5
    """With less on average no word is believed,"""
    trusted_again: float = -0.62
    """until it is this much again."""
    lowest_trust: float = -1.6
    """However long it was not English, so that English is believed again after ten to twenty words."""
    first_trust: float = -0.6
    """Before the first word."""
    no_evidence: float = -4.0
    """Of a loop, and the least that counts of a word."""
    doubts: int = 3
    """Words in a row against which the sound speaks, or loops, after which the word recogniser starts again."""
    late_looks: int = 4
    """So many looks in a row that take half of `wait`, and the machine is too slow for words."""


class Runner(Protocol):
    """Where the word recogniser works."""

    def submit(self, look: Callable[[], Hypothesis], now: int) -> None: ...

    def result(self, now: int) -> Hypothesis | None:
        """What was submitted last, once it is there."""
        ...


class InlineRunner:
    """Works at once, and gives the result out as late as a machine would that needs `ticks` for it: the same on every run."""

    def __init__(self, ticks: int = 6) -> None:
        self._ticks = ticks
        self._waiting: tuple[int, Hypothesis] | None = None

    def submit(self, look: Callable[[], Hypothesis], now: int) -> None:
        self._waiting = now + self._ticks, look()

    def result(self, now: int) -> Hypothesis | None:
        if self._waiting is None or now < self._waiting[0]:
            return None
        (_, found), self._waiting = self._waiting, None
        return found


class ThreadRunner:
    """Works in a thread that all streams share, so that no phone is late for the words."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._future: Future[Hypothesis] | None = None

    def submit(self, look: Callable[[], Hypothesis], now: int) -> None:
        self._future = self._pool.submit(look)

    def result(self, now: int) -> Hypothesis | None:
        if self._future is None or not self._future.done():
            return None
        future, self._future = self._future, None
        return future.result()


class SecondPass:
    """One stream."""

    def __init__(
        self,
        recogniser: WordRecogniser,
        spelling: Spelling,
        log_prior: Floats,
        runner: Runner,
        at: int = 0,
        counters: Counter[str] | None = None,
        settings: SecondPassSettings | None = None,
    ) -> None:
        """at: the tick before which everything was given out already; counters: to be continued.

        They are looks, words that were given out as words, words_alone (of them those that only the last look had), words_rejected
        (because the sound speaks against them, or against the words before them), loops, and ticks_as_heard.
        """
        self.counters: Counter[str] = Counter() if counters is None else counters
        self._listener, self._spelling, self._log_prior = recogniser.stream(), spelling, log_prior
        self._runner, self._settings = runner, settings or SecondPassSettings()
        self._given = at
        self._heard: deque[RecognisedPhone] = deque()  # of the first pass, from `_given` on
        self._heard_until = at
        self._pcm = np.zeros(0, np.int16)
        self._window = at  # tick of the first sample kept
        self._rows: list[Floats] = []  # of the window
        self._looking = False
        self._looked_at = at
        self._voiced_at = -math.inf  # tick of the last frame that was no silence
        self.too_slow = False
        """Set when the word recogniser did not keep up with the sound: then nobody should wait for it."""
        self._late = 0
        self._trust, self._trusted = self._settings.first_trust, True
        self._generation = 0
        """Counts how often the words were started again: what was asked before that is no longer of use."""
        self._pending = (0, False)
        """Of the look under way: generation, and whether nothing more can come."""
        self._begin()

    def _begin(self) -> None:
        """Hear the window as if for the first time."""
        self._words: tuple[Word, ...] = ()
        self._times: dict[int, tuple[str, int]] = {}  # by number: the word, without case and punctuation, and its start
        self._plan: list[AlignedWord] = []  # words that are not over
        self._doubts = self._loops = 0
        self._generation += 1

    @property
    def _now(self) -> int:
        return self._window + len(self._pcm) // TICK_SAMPLES

    @property
    def _known(self) -> int:
        """Tick until which there are posteriors."""
        return self._window + len(self._rows)

    def push(self, pcm: NDArray[np.int16], log_posteriors: Floats, heard: Sequence[RecognisedPhone]) -> list[RecognisedPhone]:
        """pcm (samples,) int16; log_posteriors (frames, phones) and phones of the first pass that became ready -> phones that are due."""
        self._take(pcm, log_posteriors, heard)
        given: list[RecognisedPhone] = []
        if self._looking and (found := self._runner.result(self._now)) is not None:
            self._looking = False
            self._watch(self._now - self._looked_at)
            given += self._learn(found)
        if not self._looking:
            self._look()
        return given + self._overdue()

    def _watch(self, ticks: int) -> None:
        """A look took so many ticks."""
        self._late = self._late + 1 if 2 * ticks > self._settings.wait else 0
        self.too_slow = self._late >= self._settings.late_looks

    def flush(self, heard: Sequence[RecognisedPhone]) -> list[RecognisedPhone]:
        """End of the sound: one more look at everything, and the rest. heard: the last phones of the first pass."""
        self._take(np.zeros(0, np.int16), np.zeros((0, 0), np.float32), heard)
        given: list[RecognisedPhone] = []
        if self._voiced_at >= self._given:
            found = self._listener.hear(self._pcm, self._window * TICK_SAMPLES, self._words)
            self._pending = (self._generation, True)
            given += self._learn(found)
        return given + self.release()

    def release(self) -> list[RecognisedPhone]:
        """Everything that waits, as it is known now; words start again after it."""
        self._plan = [word for word in self._plan if word.end <= self._heard_until]
        given = self._give_until(self._heard_until) + self._give_heard(self._heard_until)
        self._begin()
        return given

    def _take(self, pcm: NDArray[np.int16], log_posteriors: Floats, heard: Sequence[RecognisedPhone]) -> None:
        self._pcm = np.concatenate((self._pcm, pcm))
        for row in log_posteriors:
            self._rows.append(row)
            if int(row.argmax()) != SILENCE:
                self._voiced_at = self._known
        for phone in heard:
            self._heard.append(phone)
            self._heard_until = phone.end
        self._drop_heard()
        if (
            self._given >= self._voiced_at
            and not self._looking
            and self._now - self._voiced_at > max(self._settings.remembered, self._settings.pause + self._settings.lead)
        ):
            # Nobody speaks.
            self._cut(self._now - self._settings.lead)
            self._begin()

    def _cut(self, tick: int) -> None:
        """Forget sound and posteriors before a tick."""
        count = min(tick - self._window, len(self._rows))
        if count > 0:
            self._pcm = self._pcm[count * TICK_SAMPLES :]
            del self._rows[:count]
            self._window += count

    def _look(self) -> None:
        settings, now = self._settings, self._now
        if now - self._looked_at < settings.step or self._voiced_at < max(self._given, self._looked_at - settings.pause - settings.step):
            return
        self._shorten()
        final = self._known - self._voiced_at >= settings.pause
        if (now - self._window < settings.first_window and not final) or (final and all(phone.phone == SILENCE for phone in self._heard)):
            return
        pcm, at, guess = self._pcm, self._window * TICK_SAMPLES, self._words
        self._pending = (self._generation, final)
        self._looking, self._looked_at = True, now
        self.counters["looks"] += 1
        listener = self._listener
        self._runner.submit(lambda: listener.hear(pcm, at, guess), now)

    def _shorten(self) -> None:
        """Keep the window short: cut it before a word that is over."""
        settings = self._settings
        if self._now - self._window <= settings.longest_window:
            return
        wanted = self._now - settings.kept_window
        first = next((number for number, (_, start) in sorted(self._times.items()) if wanted <= start <= self._given), None)
        if first is None:
            self._cut(min(self._given - settings.lead, wanted))
            self._begin()
            return
        self._cut(self._times[first][1])
        self._words = self._words[first:]
        self._times = {number - first: time for number, time in self._times.items() if number >= first}
        self._plan = [replace(each, number=each.number - first) for each in self._plan]

    def _learn(self, found: Hypothesis) -> list[RecognisedPhone]:
        """A hypothesis came: what is said, and when; where nothing more can come to it, it goes out."""
        generation, final = self._pending
        if generation != self._generation:
            return []
        if found.looped:
            self.counters["loops"] += 1
            self._believe(self._settings.no_evidence)
            self._loops += 1
            if self._loops >= self._settings.doubts:
                self._begin()
            return []
        self._loops = 0
        self._words = found.words
        self._align(final)
        given: list[RecognisedPhone] = []
        if final:
            given += self._give_until(self._plan[-1].end if self._plan else self._given)
        return given

    def _align(self, final: bool) -> None:
        """The words of the window in time. What was given out stays what it is: words before its end are over."""
        rows = self._rows
        aligned = align_words(np.array(rows), self._log_prior, [self._spelling(word.text) for word in self._words], final) if rows else []
        before = self._times
        self._plan = [self._planned(word, before, final) for word in aligned]
        self._times = {word.number: (self._words[word.number].plain, word.start) for word in self._plan}
        self._pass_over()

    def _planned(self, word: AlignedWord, before: Mapping[int, tuple[str, int]], final: bool) -> AlignedWord:
        """The word in ticks of the stream. before: what the look before this one had (local agreement: arXiv 2005.11185)."""
        said, start = self._words[word.number], word.start + self._window
        agreed = final or any(said.plain == other and abs(start - at) <= self._settings.same_time for other, at in before.values())
        phones = tuple(replace(phone, start=phone.start + self._window, end=phone.end + self._window) for phone in word.phones)
        return replace(word, phones=phones, agreed=agreed, log_probability=said.log_probability)

    def _pass_over(self) -> None:
        """Words that lie before the phones given out were said with them."""
        while self._plan and self._plan[0].whole and _over(self._plan[0].phones[-1], self._given):
            del self._plan[0]

    def _give_word(self, word: AlignedWord, until: int) -> list[RecognisedPhone]:
        """Phones of a word, or the phones heard where the sound speaks against it.

        A word that is sure goes out as one, which saves packets; of others only what begins before a tick: the rest may become clearer.
        """
        given = self._give_heard(min(word.start, until))
        explains = self._fits(word)
        fits = explains and self._trusted
        if fits and word.whole and word.agreed:
            until = word.end
        whole = word.whole and word.phones[-1].start < until
        if fits:
            known = word.phones if word.whole else word.phones[:-1]
            given += self._give_phones([phone for phone in known if phone.start < until], word.evidence)
        else:
            given += self._give_heard(min(word.end, until) if word.whole else until)
        if whole or not fits:
            self._plan = [each for each in self._plan if each.number > word.number]
            self.counters["words" if fits else "words_rejected"] += 1
            self.counters["words_alone"] += fits and not word.agreed
            self._doubts = 0 if explains else self._doubts + 1
            self._believe(word.evidence + self._settings.own_doubt * word.log_probability)
        if self._doubts >= self._settings.doubts:
            # The words have lost the sound.
            self._begin()
        return given

    def _believe(self, evidence: float) -> None:
        """What a word, or a loop, says of whether this is English."""
        settings = self._settings
        self._trust += (max(settings.no_evidence, evidence) - self._trust) / settings.trust_words
        self._trust = max(self._trust, settings.lowest_trust)
        self._trusted = self._trust >= (settings.least_trust if self._trusted else settings.trusted_again)

    def _fits(self, word: AlignedWord) -> bool:
        settings = self._settings
        if word.end - word.start < settings.hurried * len(word.phones):
            return word.evidence >= settings.least_hurried
        return word.evidence >= (settings.least_evidence if word.agreed else settings.least_alone)

    def _give_phones(self, phones: Sequence[RecognisedPhone], evidence: float) -> list[RecognisedPhone]:
        """Phones of a word, those that were mostly given out already left out. Its evidence stands for each of them."""
        given = []
        sure = float(np.exp(max(evidence, -0.9)))
        for phone in phones:
            if not _over(phone, self._given):
                given.append(replace(phone, start=self._given, confidence=max(phone.confidence, sure), sure=True))
                self._given = phone.end
        self._drop_heard()
        return given

    def _drop_heard(self) -> None:
        """Forget phones of the first pass that were replaced."""
        while self._heard and self._heard[0].end <= self._given:
            self._heard.popleft()

    def _give_heard(self, until: int) -> list[RecognisedPhone]:
        """The phones of the first pass until a tick; bits of phones that are mostly elsewhere leave their time to their neighbour."""
        given: list[RecognisedPhone] = []
        until = min(until, self._heard_until)
        while self._given < until:
            self._drop_heard()
            phone = self._heard[0]
            end = min(phone.end, until)
            if given and end - self._given < 2 and end - self._given < phone.end - phone.start:
                given[-1] = replace(given[-1], end=end)
            else:
                given.append(replace(phone, start=self._given, end=end))
            self._given = end
        self._drop_heard()
        return given

    def _overdue(self) -> list[RecognisedPhone]:
        settings = self._settings
        given: list[RecognisedPhone] = []
        speech = next((phone for phone in self._heard if phone.phone != SILENCE), None)
        quiet_until = min(speech.start if speech else self._heard_until, self._now - settings.silence_wait)
        if self._plan:
            quiet_until = min(quiet_until, self._plan[0].start)
        if quiet_until > self._given:
            given += self._give_heard(quiet_until)
        self._pass_over()
        late = self._now - settings.wait
        if late > self._given:
            given += self._give_until(late)
        return given

    def _give_until(self, until: int) -> list[RecognisedPhone]:
        """Everything that begins before a tick: phones of the last hypothesis's words, else the phones heard."""
        given: list[RecognisedPhone] = []
        while self._plan and self._plan[0].start < until and self._given < until:
            word = self._plan[0]
            given += self._give_word(word, until)
            if self._plan and self._plan[0] is word:
                return given
        # Phones heard go out whole.
        self._drop_heard()
        last = next((phone.end for phone in self._heard if phone.start < until <= phone.end), until)
        if self._plan:
            last = min(last, self._plan[0].start)
        if self._given < until:
            self.counters["ticks_as_heard"] += min(last, self._heard_until) - self._given
            given += self._give_heard(last)
        return given


def _over(phone: RecognisedPhone, tick: int) -> bool:
    """Whether most of it lies before a tick."""
    return phone.start + phone.end <= 2 * tick


@dataclass(frozen=True, slots=True)
class WordService:
    """What streams share of the second pass. pool: a thread for the word recogniser; None: it works inline, the same on every run."""

    recogniser: WordRecogniser
    spelling: Spelling
    pool: ThreadPoolExecutor | None = None

    @classmethod
    def load(cls, pool: ThreadPoolExecutor | None = None) -> WordService:
        """The word recogniser of the installed package; some seconds. Raises ModelError where it is missing."""
        return cls(MoonshineWords.load(), Spelling(), pool)

    def begin(self, log_prior: Floats, at: int, counters: Counter[str]) -> SecondPass:
        """A second pass for a stream of which everything before tick `at` was given out already."""
        runner = InlineRunner() if self.pool is None else ThreadRunner(self.pool)
        return SecondPass(self.recogniser, self.spelling, log_prior, runner, at, counters)
