"""The caller's background between words: measured and described by the sender, made by the listener (the idea and bytes of RFC 3389).

Extension type 2 of a packet: the level in -dBov, then reflection coefficients of an all-pole model, the first one first, one byte each.
A background that nobody would miss is not described, and the level 127 says that there is none any more.
"""

import numpy as np
from numpy.typing import NDArray

from codec.units.token import SAMPLE_RATE
from codec.wire.packet import Extension

TYPE = 2
ORDER = 6
SILENT = 127
"""Level that says: no noise."""

AUDIBLE_DBOV = -60.0
"""A quieter background is not described."""

NEAR_FLOOR_DB = 4.0
"""Sound that is louder than the noise floor by more is not background."""

WORTH_DB = 3.0
"""A change of level that is told with the next packet,"""
REPEAT_S = 8.0
"""or so long after it was told last, for who missed it;"""
ALONE_DB = 9.0
"""a change that is worth a packet of its own, and how long after the last one at the earliest:"""
ALONE_S = 4.0

_FORGET = 0.04
_ENOUGH_STEPS = 15

STEP_SAMPLES = SAMPLE_RATE // 50
_LOOP_SAMPLES = 1 << 16
FADE_FROM_S, FADE_TO_S = 0.8, 1.5
"""Noise dies away so long after the last packet: a listener may stop asking for sound then (softphone/engine/codecs/phv.py)."""


class BackgroundMeter:
    """The sender's side. Works on steps of 20 ms."""

    def __init__(self) -> None:
        self._lags = np.zeros(ORDER + 1)
        self._heard = 0
        self._step = 0
        self._told: tuple[int, int] | None = None  # step and level (-dBov) of the last description

    def push(self, pcm: NDArray[np.int16], level_db: float, floor_db: float, speaking: bool) -> None:
        """One step of sound (STEP_SAMPLES,) int16, its level and that of the noise floor, and whether it is part of a talkspurt."""
        self._step += 1
        if speaking or level_db > floor_db + NEAR_FLOOR_DB:
            return
        sound = pcm / 32768.0
        lags = np.array([sound[: len(sound) - lag] @ sound[lag:] for lag in range(ORDER + 1)]) / max(1, len(sound))
        share = max(_FORGET, 1 / (self._heard + 1))
        self._lags += share * (lags - self._lags)
        self._heard += 1

    @property
    def _level(self) -> int:
        """-dBov, SILENT where the background is not worth describing."""
        dbov = 10 * np.log10(self._lags[0] + 1e-12)
        return SILENT if self._heard < _ENOUGH_STEPS or dbov < AUDIBLE_DBOV else max(0, min(SILENT - 1, round(-dbov)))

    def _change(self) -> float:
        told = SILENT if self._told is None else self._told[1]
        return abs(self._level - told) if SILENT not in (self._level, told) else 0.0 if self._level == told else float(SILENT)

    @property
    def worth_a_packet(self) -> bool:
        """True where the background changed so much that a packet of its own should say so."""
        return self._told is not None and self._change() >= ALONE_DB and (self._step - self._told[0]) * 0.02 >= ALONE_S

    def description(self) -> Extension | None:
        """What should go with the packet that goes now, if anything."""
        level = self._level
        repeat = self._told is not None and level != SILENT and (self._step - self._told[0]) * 0.02 >= REPEAT_S
        if self._change() < WORTH_DB and not repeat:
            return None
        self._told = (self._step, level)
        if level == SILENT:
            return Extension(TYPE, bytes([SILENT]))
        return Extension(TYPE, bytes([level, *(round(127 + 32768 / 258 * k) for k in reflection_coefficients(self._lags))]))


class ComfortNoise:
    """The listener's side: fills up to the described level wherever the speech is quieter."""

    def __init__(self) -> None:
        self._noise: NDArray[np.float32] | None = None
        self._rms = 0.0
        self._at = 0
        self._age = 0  # steps since the last packet
        self._filled = 0  # samples of the step that runs
        self._energy = 0.0  # of the speech in it
        self._gain = self._next_gain = 0.0
        self._random = np.random.default_rng(3389)

    def packet_came(self) -> None:
        """Any packet: the far end is still there."""
        self._age = 0

    def receive(self, data: bytes) -> None:
        """Take a description. One that is empty changes nothing; coefficients beyond ORDER are not looked at."""
        if not data:
            return
        if data[0] >= SILENT:
            self._noise = None
            return
        self._rms = 32768 * 10 ** (-data[0] / 20)
        coefficients = [max(-0.98, min(0.98, 258 * (min(byte, 254) - 127) / 32768)) for byte in data[1 : 1 + ORDER]]
        white = np.fft.rfft(self._random.standard_normal(_LOOP_SAMPLES))
        coloured = np.fft.irfft(white / np.fft.rfft(_predictor(coefficients), _LOOP_SAMPLES), _LOOP_SAMPLES)
        self._noise = np.asarray(coloured / np.sqrt(np.mean(coloured**2)) * self._rms, np.float32)

    def fill(self, speech: NDArray[np.int16]) -> NDArray[np.int16]:
        """Sound as it is spoken, (samples,) int16 at 16 kHz -> with the background."""
        if self._noise is None:
            return speech
        filled = speech.astype(np.float32)
        at = 0
        while at < len(speech):
            block = filled[at : at + STEP_SAMPLES - self._filled]
            self._energy += float(block @ block)
            ramp = self._gain + (self._next_gain - self._gain) / STEP_SAMPLES * np.arange(self._filled, self._filled + len(block))
            noise = np.take(self._noise, np.arange(self._at, self._at + len(block)), mode="wrap")
            block += np.asarray(ramp, np.float32) * noise
            self._at = (self._at + len(block)) % _LOOP_SAMPLES
            self._filled += len(block)
            at += len(block)
            if self._filled == STEP_SAMPLES:
                self._turn()
        return np.asarray(np.clip(np.round(filled), -32768, 32767), np.int16)

    def _turn(self) -> None:
        """A step is over: as much noise as the speech in it left room for is in the next one."""
        self._age += 1
        room = max(0.0, 1 - self._energy / STEP_SAMPLES / max(self._rms, 1e-3) ** 2)
        alive = max(0.0, min(1.0, (FADE_TO_S - self._age * 0.02) / (FADE_TO_S - FADE_FROM_S)))
        self._gain, self._next_gain = self._next_gain, alive * float(np.sqrt(room))
        self._filled, self._energy = 0, 0.0


def reflection_coefficients(lags: NDArray[np.float64]) -> list[float]:
    """Levinson and Durbin: autocorrelation (order + 1,) -> as many reflection coefficients as its order, each within -1..1."""
    error = lags[0] * 1.0001 + 1e-12
    predictor = np.array([1.0])
    coefficients = []
    for order in range(1, len(lags)):
        k = -float(predictor @ lags[order:0:-1]) / error
        k = max(-0.98, min(0.98, k))
        coefficients.append(k)
        padded = np.append(predictor, 0.0)
        predictor = padded + k * padded[::-1]
        error *= 1 - k * k
    return coefficients


def _predictor(coefficients: list[float]) -> NDArray[np.float64]:
    """Step-up: reflection coefficients -> the filter 1, a1 ... that whitens; (order + 1,)."""
    predictor = np.array([1.0])
    for k in coefficients:
        padded = np.append(predictor, 0.0)
        predictor = padded + k * padded[::-1]
    return predictor
