"""Streaming F0 tracker: autocorrelation candidates (Boersma 1993) and a fixed-lag Viterbi search over them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from codec.units.rates import FRAME_SAMPLES, SAMPLE_RATE

F0_MIN, F0_MAX = 60.0, 500.0
WINDOW = 800
"""Samples seen by one frame: 50 ms, three periods of the lowest voice."""
N_FFT = 2048
CANDIDATES = 6
SEARCH_LAG = 3
"""Frames that the search waits before it decides."""
LAG_MS = (WINDOW - FRAME_SAMPLES) / 2 * 1000 / SAMPLE_RATE + SEARCH_LAG * 10
"""From the end of a frame to its F0: 50 ms."""


class PitchTrack(NamedTuple):
    """f0: Hz per frame of 10 ms, 0 where unvoiced. strength: 0..1, how periodic the frame is, whatever was decided."""

    f0: NDArray[np.float32]
    strength: NDArray[np.float32]


VOICING_THRESHOLD = 0.42
OCTAVE_COST = 0.03
OCTAVE_JUMP_COST = 0.7
VOICING_COST = 0.18
SILENCE_DB = 38.0
PEAK_DECAY_DB = 0.03
"""How fast the reference for silence forgets the loudest frame: 3 dB a second."""

_MIN_LAG, _MAX_LAG = int(SAMPLE_RATE / F0_MAX), int(SAMPLE_RATE / F0_MIN)


def _window_autocorrelation(window: NDArray[np.float32]) -> NDArray[np.float32]:
    power = np.abs(np.fft.rfft(window, N_FFT)) ** 2
    autocorrelation = np.fft.irfft(power)[: _MAX_LAG + 2]
    return np.asarray(autocorrelation / autocorrelation[0], dtype=np.float32)


_HANN = np.hanning(WINDOW + 2)[1:-1].astype(np.float32)
_HANN_AUTOCORRELATION = _window_autocorrelation(_HANN)
_BINS = np.arange(N_FFT // 2 + 1) * SAMPLE_RATE / N_FFT
_BAND = (1 / (1 + (_BINS / 1000) ** 4) * np.clip(_BINS / 50, 0, 1) ** 2).astype(np.float32)
"""Weight of the spectrum: fricatives and hum say nothing about pitch."""


class PitchTracker:
    """One speaker's F0. The answer does not depend on how the PCM is cut into pushes."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._pcm = np.zeros((WINDOW - FRAME_SAMPLES) // 2, dtype=np.float32)
        self._peak_db = -60.0
        self._cost: NDArray[np.float64] | None = None
        self._log_f0: NDArray[np.float64] = np.zeros(CANDIDATES + 1)
        self._pending: list[tuple[NDArray[np.float64], NDArray[np.intp], float]] = []

    def push(self, pcm: NDArray[np.int16] | NDArray[np.float32]) -> PitchTrack:
        """Any number of samples (int16, or float with full scale 1) in; the frames that are now decided out."""
        scaled = pcm.astype(np.float32) / 32768 if pcm.dtype == np.int16 else pcm.astype(np.float32)
        self._pcm = np.concatenate((self._pcm, scaled))
        count = max(0, (len(self._pcm) - WINDOW) // FRAME_SAMPLES + 1)
        if count == 0:
            return _track([])
        windows = np.lib.stride_tricks.sliding_window_view(self._pcm, WINDOW)[::FRAME_SAMPLES][:count]
        log_f0, strength, level_db = _candidates(windows)
        self._pcm = self._pcm[count * FRAME_SAMPLES :]
        decided = [self._step(*frame) for frame in zip(log_f0, strength, level_db, strict=True)]
        return _track([frame for frame in decided if frame is not None])

    def flush(self) -> PitchTrack:
        """The remaining frames; the tracker is reset afterwards."""
        missing = (WINDOW - FRAME_SAMPLES) // 2
        decided = self.push(np.zeros(missing, dtype=np.float32))
        rest = _track(self._backtrack(len(self._pending)))
        self._reset()
        return PitchTrack(np.concatenate((decided.f0, rest.f0)), np.concatenate((decided.strength, rest.strength)))

    def _step(self, log_f0: NDArray[np.float64], strength: NDArray[np.float64], level_db: float) -> tuple[float, float] | None:
        """One step of the search; state 0 is unvoiced, 1.. are the candidates. Gives the frame SEARCH_LAG earlier."""
        self._peak_db = max(self._peak_db - PEAK_DECAY_DB, level_db)
        quiet = np.clip((self._peak_db - SILENCE_DB - level_db) / 10 + 0.5, 0, 1)
        local = np.empty(CANDIDATES + 1)
        local[0] = VOICING_THRESHOLD + 0.5 * quiet
        local[1:] = np.where(strength > 0, strength - OCTAVE_COST * (np.log2(F0_MAX) - log_f0), -1.0)
        states = np.concatenate(([0.0], log_f0))
        if self._cost is None:
            back = np.zeros(CANDIDATES + 1, dtype=np.intp)
            self._cost = local
        else:
            jump = OCTAVE_JUMP_COST * np.abs(self._log_f0[:, None] - states[None])
            jump[0, :] = VOICING_COST
            jump[:, 0] = VOICING_COST
            jump[0, 0] = 0
            total = self._cost[:, None] - jump
            back = total.argmax(axis=0)
            self._cost = total[back, np.arange(CANDIDATES + 1)] + local
            self._cost -= self._cost.max()
        self._log_f0 = states
        self._pending.append((states, back, float(strength.max())))
        if len(self._pending) <= SEARCH_LAG:
            return None
        return self._backtrack(1)[0]

    def _backtrack(self, count: int) -> list[tuple[float, float]]:
        """Decide the `count` oldest pending frames along the best path and drop them."""
        if not self._pending or self._cost is None:
            return []
        state = int(self._cost.argmax())
        path = []
        for states, back, strength in reversed(self._pending):
            path.append((float(2 ** states[state]) if state else 0.0, strength))
            state = int(back[state])
        path.reverse()
        del self._pending[:count]
        return path[:count]


def _candidates(windows: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(frames, WINDOW) -> log2 F0 (frames, CANDIDATES), strength 0..1 (0 = no candidate), level in dB (frames,)."""
    centred = windows - windows.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(centred * _HANN, N_FFT)) ** 2 * _BAND
    raw = np.fft.irfft(power)[:, : _MAX_LAG + 2]
    energy = raw[:, :1] + 1e-9
    level_db = 10 * np.log10(energy[:, 0] / WINDOW)
    correlation = raw / energy / _HANN_AUTOCORRELATION
    middle, left, right = correlation[:, _MIN_LAG:-1], correlation[:, _MIN_LAG - 1 : -2], correlation[:, _MIN_LAG + 1 :]
    lags = np.arange(_MIN_LAG, _MAX_LAG + 1)
    score = np.where((middle >= left) & (middle > right), middle + OCTAVE_COST * np.log2(_MAX_LAG / lags), -1.0)
    best = np.argpartition(-score, CANDIDATES, axis=1)[:, :CANDIDATES]
    best = np.sort(best, axis=1)
    rows = np.arange(len(windows))[:, None]
    before, peak, after = left[rows, best], middle[rows, best], right[rows, best]
    curve = before - 2 * peak + after
    offset = np.where(np.abs(curve) > 1e-9, 0.5 * (before - after) / np.where(curve == 0, 1, curve), 0.0)
    offset = np.clip(offset, -0.5, 0.5)
    height = np.clip(peak - 0.25 * (before - after) * offset, 0, 1)
    strength = np.where(score[rows, best] > 0, height, 0.0)
    return np.log2(SAMPLE_RATE / (lags[best] + offset)), strength, level_db


def _track(frames: list[tuple[float, float]]) -> PitchTrack:
    array = np.array(frames, dtype=np.float32).reshape(-1, 2)
    return PitchTrack(array[:, 0].copy(), array[:, 1].copy())


def track(pcm: NDArray[np.int16] | NDArray[np.float32]) -> PitchTrack:
    """F0 of a whole utterance, one value for each whole frame of 160 samples: exactly what the streaming tracker gives."""
    tracker = PitchTracker()
    first, rest = tracker.push(pcm), tracker.flush()
    return PitchTrack(np.concatenate((first.f0, rest.f0)), np.concatenate((first.strength, rest.strength)))
