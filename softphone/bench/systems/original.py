"""The recording itself: what the speech recognisers confuse without any codec."""

import numpy as np
from numpy.typing import NDArray

from softphone.bench.systems.system import Passed


class Original:
    """No codec."""

    def pass_through(self, pcm: NDArray[np.int16]) -> Passed:
        return Passed(pcm)
