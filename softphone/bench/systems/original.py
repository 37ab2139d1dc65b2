"""The recording itself: what the speech recognisers confuse without any codec."""

import numpy as np
from numpy.typing import NDArray

from softphone.bench.instruments.manifest import Recording
from softphone.bench.systems.system import Passed


class Original:
    """No codec."""

    hold_ms = None
    fingerprint = "1"

    def pass_through(self, pcm: NDArray[np.int16], recording: Recording) -> Passed:
        return Passed(pcm)
