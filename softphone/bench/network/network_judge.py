"""What a listener makes of a turn: words, delay, holes."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from codec.units.rates import SAMPLE_RATE
from softphone.bench.codec.gaps import Gaps, find_gaps
from softphone.bench.instruments.delay import HOP_MS, envelope, find_lag
from softphone.bench.instruments.manifest import Recording
from softphone.bench.instruments.wer import WerError, normalise

VERSION = "3"
"""Changes when the same sound would be judged otherwise."""
_LATEST_MS = 8000.0
_LEAST_LIKENESS = 0.5
_LEAST_LOUDNESS = 0.01
"""Of what was said; 40 dB less is nothing."""
_SOUND_DB = 10.0
_AROUND_S = 0.3
_STRETCH_S = 2
_LATEST_IN_STRETCH_MS = 4000.0
_LIKE_IN_STRETCH = 0.6


class Ear(Protocol):
    """Whoever writes down what he hears."""

    def transcribe(self, pcm: NDArray[np.int16]) -> str:
        """Words in (samples,) int16 at 16 kHz."""
        ...


@dataclass(frozen=True)
class TurnVerdict:
    """heard: the words, empty where nothing sounded; lag_ms: mouth to ear, None where it cannot be told; gaps: over what was said."""

    heard: str
    lag_ms: float | None
    gaps: Gaps
    lags: tuple[tuple[float, float], ...] = ()
    """(Seconds since the turn's beginning, mouth to ear in ms) of stretches of it, where it can be told."""


def judge_turn(said: NDArray[np.int16], heard: NDArray[np.int16], ear: Ear) -> TurnVerdict:
    """said: the recording; heard: what the remote party heard from the turn's beginning on. Both (samples,) int16 at 16 kHz."""
    if not _loud_enough(heard, said):
        return TurnVerdict("", None, find_gaps(said, np.zeros(0, np.int16), SAMPLE_RATE, 0.0))
    lag = find_lag(said, heard, SAMPLE_RATE, 0.0, _LATEST_MS)
    told = lag is not None and lag.likeness >= _LEAST_LIKENESS
    gaps = find_gaps(said, heard, SAMPLE_RATE, lag.ms if lag is not None else 0.0)
    return TurnVerdict(ear.transcribe(_sounding_part(heard)), lag.ms if lag is not None and told else None, gaps, _lags(said, heard))


def _lags(said: NDArray[np.int16], heard: NDArray[np.int16]) -> tuple[tuple[float, float], ...]:
    """Of stretches of two seconds, each second."""
    found = []
    for at in range(0, max(1, len(said) - _STRETCH_S * SAMPLE_RATE + 1), SAMPLE_RATE):
        part = said[at : at + _STRETCH_S * SAMPLE_RATE]
        lag = find_lag(
            part, heard[at : at + len(part) + round(_LATEST_IN_STRETCH_MS * SAMPLE_RATE / 1000)], SAMPLE_RATE, 0.0, _LATEST_IN_STRETCH_MS
        )
        if lag is not None and lag.likeness >= _LIKE_IN_STRETCH:
            found.append((at / SAMPLE_RATE, lag.ms))
    return tuple(found)


def words_right(recording: Recording, heard: str) -> tuple[bool, ...]:
    """For each word of the recording's text whether it was understood. Raises WerError."""
    try:
        import jiwer  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise WerError(f"the package {error.name} is missing; install the extra with: make bench-setup") from None
    said, understood = normalise(recording.text), normalise(heard)
    right = [False] * len(said.split())
    if right and understood:
        for chunk in jiwer.process_words(said, understood).alignments[0]:
            if chunk.type == "equal":
                right[chunk.ref_start_idx : chunk.ref_end_idx] = [True] * (chunk.ref_end_idx - chunk.ref_start_idx)
    return tuple(right)


def _loud_enough(heard: NDArray[np.int16], said: NDArray[np.int16]) -> bool:
    return bool(heard.size) and _loudness(heard) > _LEAST_LOUDNESS * _loudness(said)


def _loudness(pcm: NDArray[np.int16]) -> float:
    return float(np.percentile(np.abs(pcm.astype(np.int32)), 99.5))


def _sounding_part(pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    """Without the silence before and after: a recogniser hears words in it."""
    active = np.flatnonzero(envelope(pcm, SAMPLE_RATE) > _SOUND_DB)
    if not active.size:
        return pcm
    around, hop = round(_AROUND_S * SAMPLE_RATE), HOP_MS * SAMPLE_RATE // 1000
    return pcm[max(int(active[0]) * hop - around, 0) : (int(active[-1]) + 1) * hop + around]
