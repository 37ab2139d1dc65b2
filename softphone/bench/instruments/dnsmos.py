"""DNSMOS P.835 (Reddy et al., ICASSP 2022): the overall quality that listeners would give, 1 to 5, guessed from the sound alone.

It knows nothing of the words. The network comes with the package speechmos, which is not imported: it would import librosa.
"""

import numpy as np
from numpy.typing import NDArray

from codec.units.rates import SAMPLE_RATE
from softphone.bench.instruments.extra import HOW_TO_GET
from softphone.bench.instruments.onnx_network import load
from softphone.errors import SoftphoneError

_WINDOW = int(9.01 * SAMPLE_RATE)
_OVERALL = (-0.06766283, 1.11546468, 0.04602535)
"""From the network's third output to the scale of the listeners."""


class DnsmosError(SoftphoneError):
    """The network is not installed."""


class Dnsmos:
    """One instance may score many recordings. Raises DnsmosError."""

    def __init__(self) -> None:
        self._session = load("speechmos", "dnsmos_models/sig_bak_ovr.onnx", DnsmosError, HOW_TO_GET, module="speechmos")

    def score(self, pcm: NDArray[np.int16]) -> float | None:
        """Overall quality of (samples,) int16 at 16 kHz, digital silence at both ends aside; None where there is nothing else.

        Windows of 9 s every second, as speechmos takes them; a shorter sound is repeated.
        """
        sounding = np.flatnonzero(pcm)
        if not len(sounding):
            return None
        sound = pcm[sounding[0] : sounding[-1] + 1].astype(np.float32) / 32768
        while len(sound) < _WINDOW:
            sound = np.concatenate((sound, sound))
        windows = int(len(sound) // SAMPLE_RATE - _WINDOW / SAMPLE_RATE) + 1
        parts = [sound[start * SAMPLE_RATE : start * SAMPLE_RATE + _WINDOW] for start in range(windows)]
        scores = [self._session.run(None, {"input_1": part[None]})[0][0][2] for part in parts if len(part) == _WINDOW]
        return float(np.mean(np.polyval(_OVERALL, np.array(scores, dtype=np.float64))))
