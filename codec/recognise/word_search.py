"""Beam search over words: posteriors every 20 ms in, phones with their times out.

Time-synchronous Viterbi with tokens (Young, Russell and Thornton 1989) over a tree of pronunciations with a word bigram looked ahead
into the tree (Ney and Ortmanns 1999). What no word explains is spoken by a loop of single phones. A phone stands `lag` frames after its
beginning, though its end be one that the network only guesses ahead. The lag counts from the beginning because the listener's delay does:
a short phone can wait longer for what follows it than a long one, and neither is late.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from codec.recognise.lexicon import Floats, Integers, Lexicon, spread
from codec.units.phones import PHONES, SILENCE
from codec.units.token import RecognisedPhone

MOST_PHONES = 20_000
"""So many phones on all paths, and those that no path needs any more are forgotten."""

_LOOP = len(PHONES) - 1
"""Phones of the loop: all but silence."""

LONGEST = 12
"""Frames of a phone that may wait for its end, 240 ms: a longer one is given out in parts."""


@dataclass(frozen=True, slots=True)
class SearchTables:
    """What the search knows of phones: log_prior (phones,); trigram (phones, phones, phones) log P(last | first, middle).

    Posteriors are divided by priors: Bourlard and Morgan, Connectionist Speech Recognition, 1994, section 7.3.
    """

    log_prior: Floats
    trigram: Floats


@dataclass(frozen=True, slots=True)
class WordSearchSettings:
    """Weights of the parts, tuned on the validation set; the beam and the lags by the phone error of dev.

    In frames of 20 ms. Before the frames guessed ahead: lag from the beginning of a phone, part_lag from the end of a part of one that goes
    on. Of the frames guessed ahead: least_ahead follow an end among them that stands; a phone that goes on for more than late_end after
    such an end is given out again.
    """

    acoustic_scale: float = 0.9
    prior_scale: float = 0.3
    word_scale: float = 0.7
    loop_penalty: float = -6.0
    loop_scale: float = 0.8
    silence_penalty: float = -1.0
    beam: float = 9.0
    most_paths: int = 400
    most_endings: int = 60
    lag: int = 5
    least_ahead: int = 2
    late_end: int = 3
    part_lag: int = 2


class _Decision(NamedTuple):
    """Phones of the best path that stand, by index: those that have ended, with their ends, and the part of one that goes on."""

    ended: list[tuple[int, int]]
    part: tuple[int, int] | None = None


class _Paths(NamedTuple):
    """Paths that are alive: node of the tree (or of silence, or of the loop), last word, score, index of the phone it is in."""

    node: Integers
    word: Integers
    score: Floats
    phone: Integers

    def at(self, places: NDArray[np.intp] | NDArray[np.bool_]) -> "_Paths":
        return _Paths(self.node[places], self.word[places], self.score[places], self.phone[places])


def _joined(parts: Sequence[_Paths]) -> _Paths:
    return _Paths(
        np.concatenate([part.node for part in parts]),
        np.concatenate([part.word for part in parts]),
        np.concatenate([part.score for part in parts]),
        np.concatenate([part.phone for part in parts]),
    )


class WordSearch:
    """One stream."""

    def __init__(self, lexicon: Lexicon, tables: SearchTables, settings: WordSearchSettings | None = None) -> None:
        self._lexicon = lexicon
        self._settings = settings = settings or WordSearchSettings()
        self._prior = settings.prior_scale * tables.log_prior
        nodes = len(lexicon.phone)
        self._silence, self._loop = nodes, nodes + 1
        self._unknown = len(lexicon.unigram)
        extra = 1 + _LOOP
        self._phone_of = np.concatenate((lexicon.phone, [SILENCE], np.arange(1, len(PHONES))))
        self._ahead = settings.word_scale * np.concatenate((lexicon.ahead, np.zeros(extra, np.float32)))
        self._child_start = np.concatenate((lexicon.child_start, np.full(extra, lexicon.child_start[-1])))
        self._word_start = np.concatenate((lexicon.word_start, np.full(extra, lexicon.word_start[-1])))
        self._roots = np.arange(lexicon.child_start[0], lexicon.child_start[1])
        together = np.logaddexp.reduce(tables.trigram + tables.log_prior[:, None, None], 0)
        bigram = settings.loop_scale * (together - np.logaddexp.reduce(together, 1, keepdims=True))
        self._loop_step = bigram[1:, 1:].astype(np.float32)
        np.fill_diagonal(self._loop_step, -np.inf)
        self._loop_begin = bigram[SILENCE, 1:].astype(np.float32) + settings.loop_penalty
        self._begin()

    def _begin(self) -> None:
        zero = np.zeros(1, np.int64)
        self._paths = _Paths(np.array([self._silence]), np.array([self._unknown]), np.zeros(1, np.float32), zero)
        # Phones on the paths: which, since when, and the one before; `_base` is the index of the first that is kept.
        self._said, self._since, self._after = [SILENCE], [0], [-1]
        self._base = 0
        self._anchor, self._whole = 0, False  # index of the phone that was given out last, and whether it was given out whole
        self._given = 0  # everything before this frame has been given out
        self._now = 0
        self._first_row = 0
        self._rows: list[Floats] = []

    def push(self, log_posteriors: Floats, ahead: Floats | None = None) -> list[RecognisedPhone]:
        """log_posteriors (frames, phones) -> phones that are now certain, contiguous from frame 0.

        ahead (frames, phones): a first guess at the frames after these. It helps to decide, and is forgotten again.
        """
        if not len(log_posteriors):
            return []
        for row in log_posteriors:
            self._advance(row)
        return self._commit(self._decide(ahead if ahead is not None else log_posteriors[:0]))

    def flush(self) -> list[RecognisedPhone]:
        """The phones still open, for the end of a stream; the search is reset after it."""
        chain = self._chain(int(self._paths.phone[0]))
        found = self._commit(_Decision([(phone, self._since[after - self._base]) for phone, after in itertools.pairwise(chain)]))
        if self._now > self._given:
            found.append(self._found(int(self._paths.phone[0]), self._now))
        self._begin()
        return found

    def _advance(self, log_posterior: Floats) -> None:
        settings = self._settings
        self._rows.append(log_posterior)
        score = (settings.acoustic_scale * (log_posterior - self._prior)).astype(np.float32)
        staying = self._paths
        entering = [self._deeper(staying), self._within_loop(staying), self._across_words(staying)]
        parts = [staying, *(part for part in entering if len(part.node))]
        new = np.repeat([index > 0 for index in range(len(parts))], [len(part.node) for part in parts])
        paths = _joined(parts)
        paths = paths._replace(score=paths.score + score[self._phone_of[paths.node]])
        top = paths.score.max()
        kept = np.flatnonzero(paths.score > top - settings.beam)
        if len(kept) > 4 * settings.most_paths:
            kept = kept[np.argpartition(-paths.score[kept], 4 * settings.most_paths)[: 4 * settings.most_paths]]
        kept = kept[np.argsort(-paths.score[kept], kind="stable")]
        _, best_of_state = np.unique(paths.node[kept] * (self._unknown + 1) + paths.word[kept], return_index=True)
        kept = kept[np.sort(best_of_state)][: settings.most_paths]
        paths, begun = paths.at(kept), np.flatnonzero(new[kept])
        first = self._base + len(self._said)
        self._said += self._phone_of[paths.node[begun]].tolist()
        self._since += [self._now] * len(begun)
        self._after += paths.phone[begun].tolist()
        phone = paths.phone.copy()
        phone[begun] = first + np.arange(len(begun))
        self._paths = paths._replace(score=paths.score - top, phone=phone)
        self._now += 1

    def _deeper(self, paths: _Paths) -> _Paths:
        """Each path goes on to the children of its node."""
        owner, child = spread(self._child_start, paths.node)
        score = paths.score[owner] + self._ahead[child] - self._ahead[paths.node[owner]]
        return _Paths(child, paths.word[owner], score, paths.phone[owner])

    def _within_loop(self, paths: _Paths) -> _Paths:
        """From each phone of the loop to every other one."""
        inside = paths.at(paths.node >= self._loop)
        score = (inside.score[:, None] + self._loop_step[inside.node - self._loop]).ravel()
        following = np.tile(np.arange(self._loop, self._loop + _LOOP), len(inside.node))
        return _Paths(following, np.repeat(inside.word, _LOOP), score, np.repeat(inside.phone, _LOOP))

    def _across_words(self, paths: _Paths) -> _Paths:
        """Where a word (or silence, or a stretch of the loop) ends, another one, silence or the loop begins."""
        settings = self._settings
        owner, place = spread(self._word_start, paths.node)
        word = self._lexicon.words[place]
        before = paths.word[owner]
        gain = settings.word_scale * self._lexicon.log_probability(before, word) - self._ahead[paths.node[owner]]
        done = _Paths(paths.node[owner], word, paths.score[owner] + gain, paths.phone[owner])
        other = paths.at(paths.node >= self._silence)
        other = other._replace(word=np.where(other.node > self._silence, self._unknown, other.word))
        endings = _joined((done, other))
        endings = endings.at(endings.score > paths.score.max() - settings.beam)
        if len(endings.node) > settings.most_endings:
            endings = endings.at(np.argpartition(-endings.score, settings.most_endings)[: settings.most_endings])
        if not len(endings.node):
            return endings
        roots, many = self._roots, len(self._roots)
        into_words = _Paths(
            np.tile(roots, len(endings.node)),
            np.repeat(endings.word, many),
            (endings.score[:, None] + self._ahead[roots]).ravel(),
            np.repeat(endings.phone, many),
        )
        silent = endings.at(endings.node != self._silence)
        pause = silent._replace(node=np.full(len(silent.node), self._silence), score=silent.score + np.float32(settings.silence_penalty))
        best = int(endings.score.argmax())
        unknown = _Paths(
            np.arange(self._loop, self._loop + _LOOP),
            np.full(_LOOP, endings.word[best]),
            endings.score[best] + self._loop_begin,
            np.full(_LOOP, endings.phone[best]),
        )
        return _joined((into_words, pause, unknown))

    def _decide(self, ahead: Floats) -> _Decision:
        """What stands, once the frames `ahead` are looked at; the search is as before afterwards."""
        settings = self._settings
        paths, now, known, rows = self._paths, self._now, len(self._said), len(self._rows)
        for row in ahead:
            self._advance(row)
        chain = self._chain(int(self._paths.phone[0]))
        since = [self._since[phone - self._base] for phone in chain]
        if chain[0] > self._anchor and since[0] > self._given + settings.late_end:
            # The phone that was given out last went on after the end that was told ahead.
            chain, since = [self._anchor, *chain], [self._given, *since]
        self._paths, self._now = paths, now
        del self._said[known:], self._since[known:], self._after[known:], self._rows[rows:]
        given, ended = self._given, []
        for place, phone in enumerate(chain[:-1]):
            end = since[place + 1]
            if max(since[place], given) > now - settings.lag or end > now + len(ahead) - settings.least_ahead:
                break
            ended.append((phone, end))
            given = max(given, end)
            if end >= now:
                return _Decision(ended)
        place, until = len(ended), now - settings.part_lag
        goes_on = until - given >= LONGEST and (place + 1 == len(chain) or since[place + 1] >= until)
        return _Decision(ended, (chain[place], until) if goes_on else None)

    def _commit(self, decision: _Decision) -> list[RecognisedPhone]:
        found: list[RecognisedPhone] = []
        for phone, end in decision.ended:
            if end > self._given:
                found.append(self._found(phone, end))
            self._given, self._anchor, self._whole = max(self._given, end), phone, True
        if decision.part is not None:
            found.append(self._found(*decision.part))
            self._anchor, self._given = decision.part
            self._whole = False
        if found:
            self._drop_others()
        if len(self._said) > MOST_PHONES:
            self._forget_dead_ends()
        return found

    def _chain(self, last: int) -> list[int]:
        """Phones of a path, from the first that was not given out whole."""
        first = self._anchor + self._whole
        chain = [last]
        while (before := self._after[chain[-1] - self._base]) >= first:
            chain.append(before)
        return chain[::-1]

    def _drop_others(self) -> None:
        """Paths that do not go through the phone that was given out last can no longer win; what came before it is forgotten."""
        through: dict[int, bool] = {}
        for phone in set(self._paths.phone.tolist()):
            at, left = phone, self._now + self._whole
            while at > self._anchor:
                at, left = self._after[at - self._base], self._since[at - self._base]
            # One that was given out whole must have been left, unless its end is still to come; one given out in part not before that.
            fits = left > self._now if self._given >= self._now else left <= self._now
            through[phone] = at == self._anchor and (fits if self._whole else left >= self._given)
        self._paths = self._paths.at(np.array([through[phone] for phone in self._paths.phone.tolist()]))
        drop = self._anchor - self._base
        del self._said[:drop], self._since[:drop], self._after[:drop]
        self._base = self._anchor
        passed = min(self._given, self._now) - self._first_row
        del self._rows[:passed]
        self._first_row += passed

    def _forget_dead_ends(self) -> None:
        """In long silence thousands of words are begun and given up: only phones on paths that are alive are kept."""
        alive = {self._anchor}
        for phone in set(self._paths.phone.tolist()):
            at = phone
            while at not in alive:
                alive.add(at)
                at = self._after[at - self._base]
        kept = np.array(sorted(alive))
        number = {old: new for new, old in enumerate(kept.tolist(), self._base)}
        places = (kept - self._base).tolist()
        self._after = [number.get(self._after[place], -1) for place in places]
        self._said, self._since = [self._said[place] for place in places], [self._since[place] for place in places]
        self._paths = self._paths._replace(phone=self._base + np.searchsorted(kept, self._paths.phone))

    def _found(self, phone: int, end: int) -> RecognisedPhone:
        """The part of a phone that was not given out yet, until before `end`."""
        label = self._said[phone - self._base]
        rows = self._rows[self._given - self._first_row : end - self._first_row]
        return RecognisedPhone(label, self._given, end, float(np.exp([row[label] for row in rows]).mean()))
