"""How much of a recording is speech, by loudness: enough for clean recordings, and the same for every system that is compared."""

import numpy as np
from numpy.typing import NDArray

from softphone.bench.instruments.delay import HOP_MS, envelope

_THRESHOLD_DB = 10.0
"""Over the envelope's floor, so 35 dB under the loudest."""
_BRIDGED_MS = 1000


def speech_power(pcm: NDArray[np.int16], rate: int) -> float:
    """Mean square of int16 mono PCM over the windows in which someone speaks (as ITU-T P.56 means by active level); 0 in silence."""
    active = envelope(pcm, rate) > _THRESHOLD_DB
    hop = rate * HOP_MS // 1000
    squares = pcm[: len(active) * hop].astype(np.float64).reshape(-1, hop) ** 2
    return float(squares[active].mean()) if active.any() else 0.0


def speech_seconds(pcm: NDArray[np.int16], rate: int) -> float:
    """Seconds of int16 mono PCM in which someone speaks; pauses shorter than a second belong to it."""
    active = envelope(pcm, rate) > _THRESHOLD_DB
    edges = np.flatnonzero(np.diff(np.concatenate([[False], active, [False]]).astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    hops = int((ends - starts).sum())
    pauses = starts[1:] - ends[:-1]
    return float(hops + pauses[pauses * HOP_MS < _BRIDGED_MS].sum()) * HOP_MS / 1000
