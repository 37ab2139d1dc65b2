"""Tokens -> numbers per token and per frame, one token at a time: shared by training and by the running synthesiser."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from codec.units.phones import PHONES
from codec.units.token import Token

NO_PHONE = len(PHONES)
"""Stands for the phone before the first and after the last."""
PER_NEIGHBOUR = 6
TOKEN_FEATURES = 3 * PER_NEIGHBOUR
FRAME_FEATURES = 9


class Unrolled(NamedTuple):
    """One token spread over its frames.

    phones: (3,) indices of previous, this and next phone; token: (TOKEN_FEATURES,); frames: (n, FRAME_FEATURES);
    semitones: (n,) contour relative to the speaker's mean, through unvoiced frames too; level: (n,) dB contour.
    """

    phones: NDArray[np.int64]
    token: NDArray[np.float32]
    frames: NDArray[np.float32]
    semitones: NDArray[np.float32]
    level: NDArray[np.float32]


@dataclass
class TokenContext:
    """What one stream remembers of its tokens: the one to be spoken next, the one before, and the last known height."""

    previous: Token | None = None
    current: Token | None = None
    height_at: float = 0.0
    height: float | None = None

    def advance(self, following: Token | None) -> Unrolled | None:
        """Unroll the current token, now that the following one (None at the end, and where it is not known yet) is known; None where there
        is none."""
        unrolled = self._unroll(self.current, following) if self.current else None
        self.previous, self.current = self.current or self.previous, following
        return unrolled

    def _unroll(self, token: Token, following: Token | None) -> Unrolled:
        n = token.frames
        time = np.arange(n, dtype=np.float64)
        semitones = self._heights(token, following, time)
        around = ((self.previous, -1), (token, 0), (following, 1))
        centres = {-1: -0.5 - _frames(self.previous) / 2, 0: n / 2 - 0.5, 1: n - 0.5 + _frames(following) / 2}
        known = [(centres[place], near.loudness_db) for near, place in around if near is not None]
        level = np.interp(time, [at for at, _ in known], [db for _, db in known])
        left = n - 1 - time
        frames = np.stack(
            (
                (time + 0.5) / n,
                np.minimum(time, 20) / 20,
                np.minimum(left, 20) / 20,
                np.exp(-time / 2),
                np.exp(-left / 2),
                np.sin(np.pi * (time + 0.5) / n),
                np.full(n, np.log(n / 8)),
                semitones / 6,
                (level + 30) / 15,
            ),
            axis=1,
        ).astype(np.float32)
        return Unrolled(
            phones=np.array([NO_PHONE if near is None else near.phone for near, _ in around], dtype=np.int64),
            token=np.concatenate([_numbers(near) for near, _ in around]),
            frames=frames,
            semitones=semitones.astype(np.float32),
            level=level.astype(np.float32),
        )

    def _heights(self, token: Token, following: Token | None, time: NDArray[np.float64]) -> NDArray[np.float64]:
        """Straight lines through the heights at 25 % and 75 % of each voiced phone, level where only one side is known."""
        points: list[tuple[float, float]] = []
        if self.height is not None:
            points.append((self.height_at, self.height))
        if token.semitones is not None:
            points += [(0.25 * token.frames - 0.5, token.semitones[0]), (0.75 * token.frames - 0.5, token.semitones[1])]
        if points:
            self.height_at, self.height = points[-1][0] - token.frames, points[-1][1]
        if following is not None and following.semitones is not None:
            points.append((token.frames + 0.25 * following.frames - 0.5, following.semitones[0]))
        if not points:
            return np.zeros(len(time))
        return np.interp(time, [at for at, _ in points], [height for _, height in points])


def _frames(token: Token | None) -> int:
    return 0 if token is None else token.frames


def _numbers(token: Token | None) -> NDArray[np.float32]:
    if token is None:
        return np.zeros(PER_NEIGHBOUR, dtype=np.float32)
    low, high = token.semitones or (0.0, 0.0)
    voiced = token.semitones is not None
    values = (1.0, np.log(token.frames / 8), voiced, low / 6, high / 6, (token.loudness_db + 30) / 15)
    return np.array(values, dtype=np.float32)
