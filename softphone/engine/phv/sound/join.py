"""What is heard where sound and speech made of tokens come for the same call: one of them, changed over by the sender's clock.

Tokens are heard most of a second after sound. So when sound ends, the tokens are spoken unheard until they reach what was heard last, or,
where the end cut a syllable in two, its beginning, if that is near. When sound begins while tokens are heard, it waits until they reach its
beginning, or pause. It is then late, and catches up: pauses are left out, and PJMEDIA's WSOLA shortens what is spoken.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

from codec.units.rates import CHUNK_SAMPLES, SAMPLE_RATE
from codec.wire.packet import TIME_MODULO
from softphone.engine.phv.sound.player import SoundFrame
from softphone.engine.pjsip.wsola import Wsola

SILENT = -1
"""In place of a tick: the tokens are silent now."""
BEHIND_TICKS = 200
"""Tokens may be up to 4 s behind the sound, and 1.1 s ahead of it."""
AHEAD_TICKS = 25
"""Tokens that are heard were said no later than so much after the sound that could have been heard in their place."""
LONGEST_END = 100
"""Frames after its last for which it matters where the sound ended: tokens that come later are none that it brought."""
GIVE_UP_FRAMES = 150
"""Tokens that are heard for 3 s without reaching the end of the sound belong to another clock."""
LONGEST_EXPECTED = 125
"""Frames for which sound waits for tokens that came and are not heard yet: the longest that they are usually held."""
LONGEST_LINE = 200 * CHUNK_SAMPLES
QUIET = 2.5
"""A frame is quiet whose level is under so many times the background's."""
LEAST_BACKGROUND = 8.0
FADE_SAMPLES = 160
HELD_FOR = 3 * CHUNK_SAMPLES
"""Tokens take a moment to go on."""
SHORTEN_EACH, MUCH_LATE = 2, 25 * CHUNK_SAMPLES
"""In each 40 ms WSOLA leaves out its least, 1 to 20 ms and 5.5 on average; in each 20 where sound is later than the second."""
GAP_TICKS, GAP_FRAMES = 30, 25
"""Where tokens end so shortly before the sound begins, the last of them may still come: they are waited for, so long at most;"""
LONGEST_GAP = 150
"""or this much before it, where some came in the last `GAP_FRAMES`: they may be of what was said before the sound."""
BACK_TICKS = 5
"""Where sound ends in mid-word the tokens begin with that syllable, or this much before the end: with half a second
whole words were heard twice."""
LULL = 0.15
"""Between syllables the level falls below this share of what is near."""
QUIET_FRAMES_LEFT = 3
"""Of a pause that is left out, so much stays."""

Pcm = NDArray[np.int16]


class SoundJoin:
    """One direction of one call: `next` each 20 ms."""

    def __init__(self) -> None:
        self.on_sound = False
        """Whether sound is heard; else tokens are."""
        self.changes = 0
        """From tokens that were heard to sound, or back."""
        self._sound_comes = False  # in the last 20 ms, not made up
        self._end: int | None = None  # tokens before this tick were heard as sound
        self._since_end = 0  # frames since then
        self._unreached = 0
        self._expected: int | None = None  # tokens alone came that begin there, and were not heard yet
        self._waited = self._gap_waited = self._since_tokens = 0  # the last: frames since tokens came
        self._heard_tokens = False
        self._token_tick: int | None = None
        self._line: list[SoundFrame] = []
        self._rest = np.zeros(0, np.int16)  # sound that is late
        self._background = LEAST_BACKGROUND
        self._quiet = 0
        self._steps = 0
        self._wsola: Wsola | None = None
        self._levels: deque[tuple[int, float]] = deque(maxlen=BACK_TICKS)  # of sound that was heard
        self._syllable: int | None = None  # where the one began that the end of the sound cut in two
        self._alone = False  # tokens came without sound since the last sound: it ended there, and was not lost on the way

    @property
    def hears_tokens(self) -> bool:
        """Whether tokens were the last that was heard."""
        return self._heard_tokens

    @property
    def wants_tokens(self) -> bool:
        """Whether speech made of tokens is heard, or may be soon: it has to be there when sound ends."""
        return not self.on_sound or not self._sound_comes

    @property
    def holds_tokens(self) -> bool:
        """Whether sound that is late is still to be heard, and no more comes: tokens must not go on meanwhile."""
        return self.on_sound and not self._sound_comes and len(self._rest) > HELD_FOR

    @property
    def heard_until(self) -> int | None:
        """Tick modulo 256 before which tokens may be left out, as all that matters of it was heard as sound, of late; else None."""
        return None if self._end is None or self._since_end > LONGEST_END else self._syllable_began

    @property
    def _syllable_began(self) -> int:
        """The tick after what was heard as sound; in mid-word, where that syllable began, or a little before."""
        assert self._end is not None
        if self._syllable is None:
            self._syllable = self._end
            if self._levels and self._levels[-1][1] > QUIET * self._background:
                loudest, lowest = 0.0, math.inf
                for tick, level in reversed(self._levels):
                    loudest = max(level, loudest)
                    if level <= lowest:
                        self._syllable, lowest = tick, level
                    if level < LULL * loudest:
                        break
        return self._syllable

    @property
    def late_ms(self) -> float:
        """By how much sound is later than it could be."""
        return 1000 * (len(self._rest) + CHUNK_SAMPLES * len(self._line)) / SAMPLE_RATE

    def expect(self, tick: int, *, alone: bool = True) -> None:
        """Tokens came that begin at this tick modulo 256: words that no sound brings. alone: not with sound, which begins after them."""
        self._alone = self._alone or alone
        self._since_tokens = 0
        if not self.on_sound and (self._token_tick is None or _ticks_after(self._token_tick, tick) < 0):
            self._expected, self._waited = tick, 0

    def next(self, tokens: bytes, at: int, sound: SoundFrame | None) -> bytes:
        """20 ms to be heard. tokens: speech, said at the sender's tick `at` modulo 256, or SILENT; sound: of the jitter buffer."""
        self._since_end += 1
        self._since_tokens += 1
        self._sound_comes = sound is not None and sound.real
        if at != SILENT:
            self._token_tick, self._expected, self._gap_waited = at, None, 0
        if self.on_sound:
            return self._go_on(tokens, at, sound)
        if sound is None and not self._line:
            return self._tokens(tokens, at)
        if sound is not None:
            self._line.append(sound)
            del self._line[: max(0, len(self._line) - LONGEST_LINE // CHUNK_SAMPLES)]
        audible = at != SILENT and self._after_end(at)
        if (audible and _ticks_after(at, self._line[0].tick) < 0) or self._is_expected() or (at == SILENT and self._may_go_on()):
            return self._tokens(tokens, at)
        return self._to_sound(tokens, audible)

    def _to_sound(self, tokens: bytes, audible: bool) -> bytes:
        """The tokens reached the beginning of the sound, or are silent."""
        if self._heard_tokens and self._token_tick is not None:
            self.changes += 1
            # What was heard as tokens already is not heard again.
            heard_to = (self._token_tick + (not audible)) % TIME_MODULO
            while len(self._line) > 1 and _ticks_after(heard_to, self._line[0].tick) > 0:
                self._line.pop(0)
        late, self._line = self._line, []
        self._rest = np.concatenate([np.zeros(0, np.int16), *self._without_pauses([_samples(frame.pcm) for frame in late])])
        self._levels.clear()
        for frame in late:
            self._heard(frame)
        self.on_sound, self._heard_tokens, self._unreached, self._gap_waited = True, False, 0, 0
        pcm = self._take()
        return (_fade(_samples(tokens), pcm) if audible else pcm).tobytes()

    def _without_pauses(self, line: list[Pcm]) -> list[Pcm]:
        return [pcm for pcm in line if self._is_worth_hearing(pcm)]

    def _is_worth_hearing(self, pcm: Pcm) -> bool:
        """Whether this frame, the next of sound that is late, is not of a pause, nor of the beginning of one."""
        self._quiet = self._quiet + 1 if self._is_quiet(pcm) else 0
        return self._quiet <= QUIET_FRAMES_LEFT

    def _may_go_on(self) -> bool:
        """Whether tokens that are silent now have probably not come to their end."""
        self._gap_waited += 1
        if not self._heard_tokens or self._token_tick is None:
            # They came, and wait for words that the sound did not bring.
            return self._alone and self._since_tokens <= LONGEST_GAP and self._gap_waited <= GAP_FRAMES
        longest = LONGEST_GAP if self._since_tokens <= GAP_FRAMES else GAP_TICKS
        return 1 < -_ticks_after(self._token_tick, self._line[0].tick) <= longest and self._gap_waited <= GAP_FRAMES

    def _is_expected(self) -> bool:
        """Whether tokens that came are still to be heard before the sound that waits."""
        self._waited += 1
        if self._expected is not None and (self._waited > LONGEST_EXPECTED or _ticks_after(self._expected, self._line[0].tick) >= 0):
            self._expected = None
        return self._expected is not None

    def _go_on(self, tokens: bytes, at: int, sound: SoundFrame | None) -> bytes:
        if sound is not None:
            if sound.real:
                self._heard(sound)
            pcm = _samples(sound.pcm)
            if not self._rest.size and not self._is_quiet(pcm):
                return sound.pcm
            if self._rest.size:
                if self._is_worth_hearing(pcm):
                    self._rest = np.concatenate([self._rest, pcm])
                    self._shorten()
                return self._take().tobytes()
            return sound.pcm
        if self._rest.size >= CHUNK_SAMPLES:
            return self._take().tobytes()
        if self._rest.size:
            return self._last(tokens, at)
        self.on_sound = False
        if at != SILENT and not self._after_end(at):
            return bytes(len(tokens))
        return self._tokens(tokens, at)

    def _heard(self, sound: SoundFrame) -> None:
        self._end, self._since_end, self._syllable = (sound.tick + 1) % TIME_MODULO, 0, None
        self._alone = False
        self._levels.append((sound.tick, self._level(_samples(sound.pcm))))

    def _last(self, tokens: bytes, at: int) -> bytes:
        """What is left of the sound, and after it in the same 20 ms the tokens, where they have come so far."""
        left, self._rest = self._rest, self._rest[:0]
        reached = at != SILENT and self._end is not None and self._after_end((at + 1) % TIME_MODULO)
        pcm = _samples(tokens).copy() if reached else np.zeros(CHUNK_SAMPLES, np.int16)
        pcm[: len(left)] = left
        return pcm.tobytes()

    def _tokens(self, tokens: bytes, at: int) -> bytes:
        if at == SILENT:
            return tokens
        if not self._after_end(at):
            self._unreached += 1
            if self._unreached <= GIVE_UP_FRAMES:
                return bytes(len(tokens))
        self._end = None
        if not self._heard_tokens:
            self._heard_tokens = True
            self.changes += 1
        return tokens

    def _after_end(self, at: int) -> bool:
        if self._end is None or self._since_end > BEHIND_TICKS:
            return True
        # The sender's clock has gone on meanwhile: 8 bits are unfolded by that.
        ahead = self._since_end + AHEAD_TICKS
        begin = self._syllable_began if self._alone else self._end
        return (at - begin - ahead - 1) % TIME_MODULO - TIME_MODULO + ahead + 1 >= 0

    def _take(self) -> Pcm:
        pcm, self._rest = self._rest[:CHUNK_SAMPLES], self._rest[CHUNK_SAMPLES:]
        return np.pad(pcm, (0, CHUNK_SAMPLES - len(pcm)))

    def _shorten(self) -> None:
        self._steps += 1
        if len(self._rest) > 2 * CHUNK_SAMPLES and (self._steps % SHORTEN_EACH == 0 or len(self._rest) > MUCH_LATE):
            if self._wsola is None:
                self._wsola = Wsola(SAMPLE_RATE, CHUNK_SAMPLES)
            self._rest = self._wsola.shorten(self._rest, 1)

    @staticmethod
    def _level(pcm: Pcm) -> float:
        return max(LEAST_BACKGROUND, float(np.sqrt(np.mean(pcm.astype(np.float32) ** 2))))

    def _is_quiet(self, pcm: Pcm) -> bool:
        level = self._level(pcm)
        # Falls at once, doubles in a second.
        self._background = min(level, 1.015 * self._background)
        return level < QUIET * self._background


def _ticks_after(later: int, earlier: int) -> int:
    """Ticks from one time to another, modulo 256; between -200 and 55."""
    return (later - earlier + BEHIND_TICKS) % TIME_MODULO - BEHIND_TICKS


def _samples(pcm: bytes) -> Pcm:
    return np.frombuffer(pcm, np.int16)


def _fade(old: Pcm, new: Pcm) -> Pcm:
    share = np.linspace(0.0, 1.0, FADE_SAMPLES, dtype=np.float32)
    mixed = new.copy()
    mixed[:FADE_SAMPLES] = (1 - share) * old[:FADE_SAMPLES] + share * new[:FADE_SAMPLES]
    return mixed
