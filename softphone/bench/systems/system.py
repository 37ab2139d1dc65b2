"""What the benchmark asks of a codec."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from softphone.bench.instruments.manifest import Recording


@dataclass(frozen=True)
class Passed:
    """One recording after its way through a codec.

    pcm: (samples,) int16 at 16 kHz; payload_bytes, packets: None where nothing is sent; encode_s, decode_s: seconds of processor time, None
    where not measured; phones: what the codec itself recognised, indices into `codec.units.phones.PHONES`, None where it recognises
    nothing; phone_to_packet_ms: for each phone, how long after its end the packet with it left; phone_ms: how long it lasted.
    """

    pcm: NDArray[np.int16]
    payload_bytes: int | None = None
    packets: int | None = None
    encode_s: float | None = None
    decode_s: float | None = None
    phones: tuple[int, ...] | None = None
    phone_to_packet_ms: tuple[int, ...] = ()
    phone_ms: tuple[int, ...] = ()


class System(Protocol):
    """A codec that recordings can be sent through, one after the other, each on its own."""

    @property
    def hold_ms(self) -> int | None:
        """How much sound must have come in before the first of it can be worked on or sent: of a codec of frames, its packet. None
        where nothing is sent."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes when the codec or its settings do, so that no result of an older one is taken for its own."""
        ...

    def pass_through(self, pcm: NDArray[np.int16], recording: Recording) -> Passed:
        """pcm (samples,) int16 at 16 kHz -> what the remote party hears, first sample for first sample, `hold_ms` aside.

        recording: where pcm comes from; what is known of it is for systems that are told part of the truth, no codec reads it.
        """
        ...
