"""What the benchmark asks of a codec."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Passed:
    """One recording after its way through a codec.

    pcm: (samples,) int16 at 16 kHz; payload_bytes, packets: None where nothing is sent; encode_s, decode_s: seconds of processor time, None
    where not measured; phones: what the codec itself recognised, indices into `codec.phones.PHONES`, None where it recognises nothing.
    """

    pcm: NDArray[np.int16]
    payload_bytes: int | None = None
    packets: int | None = None
    encode_s: float | None = None
    decode_s: float | None = None
    phones: tuple[int, ...] | None = None


class System(Protocol):
    """A codec that recordings can be sent through, one after the other, each on its own."""

    def pass_through(self, pcm: NDArray[np.int16]) -> Passed:
        """pcm (samples,) int16 at 16 kHz -> what the far end hears."""
        ...
