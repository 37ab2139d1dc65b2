"""Opus for voice, mono at 16 kHz, DTX on: the bundled libopus of opuslib-next-bundled."""

import time
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from codec.units.rates import SAMPLE_RATE
from softphone.bench.instruments.manifest import Recording
from softphone.bench.instruments.opus_cost import opus_packets, wire_cost
from softphone.bench.systems.system import Passed


class Opus:
    """bitrate in bit/s; packet_ms 20, 40 or 60."""

    def __init__(self, bitrate: int, packet_ms: int) -> None:
        self._bitrate = bitrate
        self.hold_ms = packet_ms
        self.fingerprint = f"{version('opuslib-next-bundled')} {bitrate} {packet_ms}"

    def pass_through(self, pcm: NDArray[np.int16], recording: Recording) -> Passed:
        began = time.process_time()
        packets = opus_packets(pcm, self._bitrate, self.hold_ms)
        encoded = time.process_time()
        heard = _decode(packets, SAMPLE_RATE * self.hold_ms // 1000)
        cost = wire_cost(packets)
        return Passed(heard, cost.payload_bytes, cost.packets, encoded - began, time.process_time() - encoded)


def _decode(packets: list[bytes], size: int) -> NDArray[np.int16]:
    from opuslib_next.api import decoder  # noqa: PLC0415 - loads a shared library

    state = decoder.create_state(SAMPLE_RATE, 1)
    try:
        return np.frombuffer(b"".join(decoder.decode(state, packet, len(packet), size, False, 1) for packet in packets), np.int16)
    finally:
        decoder.destroy(state)
