"""The second pass of recognition: phones that were heard wait a little for the words they belong to.

A word recogniser hears the last seconds again and again. Words on which two passes in a row agree (local agreement, arXiv 2005.11185) are
spelled, aligned with the phone posteriors of the first pass, and take the place of the phones heard, unless the sound speaks against them.
What is not decided in time goes out as it is known then. Phones come out as they do from the first pass: contiguous, each once.

Times are ticks of 20 ms from the start of the stream.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from codec.phones import SILENCE
from codec.recognise.spelling import Spelling
from codec.recognise.word_alignment import AlignedWord, align_words
from codec.recognise.words import Hypothesis, Word, WordRecogniser, agreed
from codec.word_search import FoundPhone

Floats = NDArray[np.float32]

TICK_SAMPLES = 320


@dataclass(frozen=True, slots=True)
class SecondPassSettings:
    """Times in ticks of 20 ms.

    step: from one look of the word recogniser to the next; longest_wait: from the beginning of a phone, then it goes out in any case;
    silence_wait: so long silence waits for words that may turn out to be in it; pause: after so much silence nothing more comes to the
    words before it; longest_window, kept_window: of sound that the word recogniser hears, and what is left of it when it gets too long;
    lead: of sound before the first phone; least_evidence: of `AlignedWord`, or the phones heard stay; doubts: words in a row against
    which the sound speaks, after which the word recogniser begins anew.
    """

    step: int = 16
    longest_wait: int = 55
    silence_wait: int = 20
    pause: int = 16
    longest_window: int = 350
    kept_window: int = 150
    lead: int = 25
    least_evidence: float = -2.2
    doubts: int = 3


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


@dataclass(frozen=True, slots=True)
class _Planned:
    """A word of the hypothesis with its time. number: among the words of the window; whole: its end is known."""

    number: int
    phones: tuple[FoundPhone, ...]
    evidence: float
    whole: bool

    @property
    def start(self) -> int:
        return self.phones[0].start

    @property
    def end(self) -> int:
        return self.phones[-1].end


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

        They are looks, words that were given out as words, words_late (of them those that no second look had confirmed), words_rejected
        (because the sound speaks against them), loops, and ticks_as_heard.
        """
        self.counters: Counter[str] = Counter() if counters is None else counters
        self._recogniser, self._spelling, self._log_prior = recogniser, spelling, log_prior
        self._runner, self._settings = runner, settings or SecondPassSettings()
        self._given = at
        self._heard: deque[FoundPhone] = deque()  # of the first pass, from `_given` on
        self._heard_until = at
        self._pcm = np.zeros(0, np.int16)
        self._window = at  # tick of the first sample kept
        self._rows: list[Floats] = []
        self._first_row = at
        self._looking = False
        self._looked_at = at
        self._voiced_at = -math.inf  # tick of the last frame that was no silence
        self._generation = 0
        """Counts how often the words began anew: what was asked before that is no longer of use."""
        self._pending = (0, at, False)
        """Of the look under way: generation, tick until which there were posteriors, whether nothing more can come to the words."""
        self._begin()

    def _begin(self) -> None:
        self._words: tuple[Word, ...] = ()
        self._agreed = 0  # words at the beginning that stand
        self._out = 0  # words at the beginning that were given out, or whose time is over
        self._anchor = self._given  # where the last of them ended
        self._starts: dict[int, int] = {}  # of words that were given out
        self._plan: list[_Planned] = []
        self._doubts = 0
        self._generation += 1

    @property
    def _now(self) -> int:
        return self._window + len(self._pcm) // TICK_SAMPLES

    @property
    def _known(self) -> int:
        """Tick until which there are posteriors."""
        return self._first_row + len(self._rows)

    def push(self, pcm: NDArray[np.int16], log_posteriors: Floats, heard: Sequence[FoundPhone]) -> list[FoundPhone]:
        """pcm (samples,) int16; log_posteriors (frames, phones) and phones of the first pass that became ready -> phones that are due."""
        self._take(pcm, log_posteriors, heard)
        given: list[FoundPhone] = []
        if self._looking and (found := self._runner.result(self._now)) is not None:
            self._looking = False
            given += self._learn(found)
        if not self._looking:
            self._look()
        return given + self._overdue()

    def flush(self, heard: Sequence[FoundPhone]) -> list[FoundPhone]:
        """End of the sound: one more look at everything, and the rest. heard: the last phones of the first pass."""
        self._take(np.zeros(0, np.int16), np.zeros((0, 0), np.float32), heard)
        given: list[FoundPhone] = []
        if self._voiced_at >= self._given:
            found = self._recogniser.hear(self._pcm, self._words[: self._agreed], self._words[self._agreed :])
            self._pending = (self._generation, self._known, True)
            given += self._learn(found)
        return given + self.release()

    def release(self) -> list[FoundPhone]:
        """Everything that waits, as it is known now; words begin anew after it."""
        given = self._give_until(self._heard_until)
        self._begin()
        return given

    def _take(self, pcm: NDArray[np.int16], log_posteriors: Floats, heard: Sequence[FoundPhone]) -> None:
        self._pcm = np.concatenate((self._pcm, pcm))
        for row in log_posteriors:
            self._rows.append(row)
            if int(row.argmax()) != SILENCE:
                self._voiced_at = self._known
        for phone in heard:
            self._heard.append(phone)
            self._heard_until = phone.end
        self._drop_heard()
        if self._given >= self._voiced_at and not self._looking and self._now - self._voiced_at > self._settings.pause + self._settings.lead:
            # Nobody speaks.
            if self._words:
                self._begin()
            self._cut(self._now - self._settings.lead)

    def _cut(self, tick: int) -> None:
        """Forget sound and posteriors before a tick."""
        if tick > self._window:
            self._pcm = self._pcm[(tick - self._window) * TICK_SAMPLES :]
            self._window = tick
        count = min(min(self._anchor, self._given) - self._first_row, len(self._rows))
        if count > 0:
            del self._rows[:count]
            self._first_row += count

    def _look(self) -> None:
        settings, now = self._settings, self._now
        if now - self._looked_at < settings.step or self._voiced_at < max(self._given, self._looked_at - settings.pause - settings.step):
            return
        self._shorten()
        final = self._known - self._voiced_at >= settings.pause
        if final and not any(phone.phone != SILENCE for phone in self._heard):
            return
        pcm, kept, guess = self._pcm, self._words[: self._agreed], self._words[self._agreed :]
        self._pending = (self._generation, self._known, final)
        self._looking, self._looked_at = True, now
        self.counters["looks"] += 1
        recogniser = self._recogniser
        self._runner.submit(lambda: recogniser.hear(pcm, kept, guess), now)

    def _shorten(self) -> None:
        """Keep the window short: cut it at a word that was given out."""
        settings = self._settings
        if self._now - self._window <= settings.longest_window:
            return
        wanted = self._now - settings.kept_window
        first = next((number for number in sorted(self._starts) if self._starts[number] >= wanted and number < self._agreed), None)
        if first is None:
            self._begin()
            self._cut(max(self._given - settings.lead, wanted))
            return
        self._cut(self._starts[first])
        self._words = self._words[first:]
        self._agreed, self._out = self._agreed - first, self._out - first
        self._starts = {number - first: start for number, start in self._starts.items() if number >= first}
        self._plan = [replace(each, number=each.number - first) for each in self._plan]

    def _learn(self, found: Hypothesis) -> list[FoundPhone]:
        """A hypothesis came: what of it stands, when it was said, and what may go out."""
        generation, known, final = self._pending
        if generation != self._generation:
            return []
        if found.looped:
            self.counters["loops"] += 1
            self._begin()
            self._cut(self._given - self._settings.lead)
            return []
        common = agreed(self._words, found.words)
        # Words that went out meanwhile stay what they were.
        self._words = (*self._words[: self._out], *found.words[self._out :])
        self._agreed = len(self._words) if final else max(self._agreed, common)
        self._align(known, final)
        given: list[FoundPhone] = []
        for each in list(self._plan):
            if each.number >= self._agreed or not each.whole or (each.end > known - 2 and not final):
                break
            given += self._give_word(each)
            if generation != self._generation:
                break
        return given

    def _align(self, known: int, final: bool) -> None:
        words = [self._spelling(word.text) for word in self._words[self._out :]]
        rows = self._rows[self._anchor - self._first_row : known - self._first_row]
        aligned = align_words(np.array(rows), self._log_prior, words, final) if rows else []
        self._plan = [self._planned(word) for word in aligned]
        # What lies before the phones given out was said with them.
        while self._plan and self._plan[0].start + self._plan[0].end <= 2 * self._given and self._plan[0].whole:
            self._skip(self._plan[0])

    def _planned(self, word: AlignedWord) -> _Planned:
        first, offset = self._anchor - self._first_row, self._anchor
        phones = tuple(
            FoundPhone(
                one.phone,
                one.start + offset,
                one.end + offset,
                float(np.exp([self._rows[first + at][one.phone] for at in range(one.start, one.end)]).mean()),
            )
            for one in word.phones
        )
        return _Planned(word.number + self._out, phones, word.evidence, word.whole)

    def _skip(self, word: _Planned) -> None:
        self._out, self._anchor = word.number + 1, max(self._anchor, word.end)
        self._agreed = max(self._agreed, self._out)
        self._plan = [each for each in self._plan if each.number > word.number]

    def _give_word(self, word: _Planned) -> list[FoundPhone]:
        """A word with what lies before it, or the phones heard where the sound speaks against it."""
        given = self._give_heard(word.start)
        self._starts[word.number] = word.start
        if word.evidence >= self._settings.least_evidence:
            self.counters["words"] += 1
            self._doubts = 0
            # The evidence of the whole word stands for each of its phones.
            sure = float(np.exp(max(word.evidence, -0.9)))
            for phone in word.phones:
                if phone.end > self._given:
                    given.append(replace(phone, start=self._given, confidence=max(phone.confidence, sure)))
                    self._given = phone.end
            self._drop_heard()
        else:
            self.counters["words_rejected"] += 1
            self._doubts += 1
            given += self._give_heard(word.end)
        self._skip(word)
        if self._doubts >= self._settings.doubts:
            # The words have lost the sound.
            self._begin()
            self._cut(self._given - self._settings.lead)
        return given

    def _drop_heard(self) -> None:
        """Forget phones of the first pass that were replaced."""
        while self._heard and self._heard[0].end <= self._given:
            self._heard.popleft()

    def _give_heard(self, until: int) -> list[FoundPhone]:
        """The phones of the first pass until a tick; bits of phones that are mostly elsewhere leave their time to their neighbour."""
        given: list[FoundPhone] = []
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

    def _overdue(self) -> list[FoundPhone]:
        settings = self._settings
        given: list[FoundPhone] = []
        speech = next((phone for phone in self._heard if phone.phone != SILENCE), None)
        quiet_until = min(speech.start if speech else self._heard_until, self._now - settings.silence_wait)
        if self._plan:
            quiet_until = min(quiet_until, self._plan[0].start)
        if quiet_until > self._given:
            given += self._give_heard(quiet_until)
        late = self._now - settings.longest_wait
        if late > self._given:
            given += self._give_until(late)
        return given

    def _give_until(self, until: int) -> list[FoundPhone]:
        """Everything that begins before a tick: words of the last hypothesis where it is whole, else the phones heard."""
        given: list[FoundPhone] = []
        while self._given < until and self._plan and self._plan[0].start < until:
            word = self._plan[0]
            if not word.whole:
                break
            generation = self._generation
            self.counters["words_late"] += 1
            given += self._give_word(word)
            if generation != self._generation:
                break
        if self._given < until:
            self.counters["ticks_as_heard"] += min(until, self._heard_until) - self._given
            given += self._give_heard(until)
        return given


@dataclass(frozen=True, slots=True)
class WordService:
    """What streams share of the second pass. pool: a thread for the word recogniser; None: it works inline, the same on every run."""

    recogniser: WordRecogniser
    spelling: Spelling
    pool: ThreadPoolExecutor | None = None

    def begin(self, log_prior: Floats, at: int, counters: Counter[str]) -> SecondPass:
        """A second pass for a stream of which everything before tick `at` was given out already."""
        runner = InlineRunner() if self.pool is None else ThreadRunner(self.pool)
        return SecondPass(self.recogniser, self.spelling, log_prior, runner, at, counters)
