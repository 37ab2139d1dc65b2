"""Opus for voice, mono at 16 kHz, DTX on: the bundled libopus of opuslib-next-bundled."""

import time

import numpy as np
import opuslib_next
from numpy.typing import NDArray
from opuslib_next.api import ctl
from opuslib_next.api import decoder as opus_decoder
from opuslib_next.api import encoder as opus_encoder

from softphone.bench.opus_cost import DTX_BYTES, LONGEST_PACKET
from softphone.bench.systems.system import Passed

RATE = 16000


class Opus:
    """bitrate in bit/s; packet_ms 20, 40 or 60."""

    def __init__(self, bitrate: int, packet_ms: int) -> None:
        self._bitrate, self._size = bitrate, RATE * packet_ms // 1000

    def pass_through(self, pcm: NDArray[np.int16]) -> Passed:
        encoder = opus_encoder.create_state(RATE, 1, opuslib_next.APPLICATION_VOIP)
        opus_encoder.encoder_ctl(encoder, ctl.set_bitrate, self._bitrate)
        opus_encoder.encoder_ctl(encoder, ctl.set_dtx, 1)
        decoder = opus_decoder.create_state(RATE, 1)
        padded = np.concatenate((pcm, np.zeros(-len(pcm) % self._size, np.int16)))
        began = time.process_time()
        packets = [opus_encoder.encode(encoder, part.tobytes(), self._size, LONGEST_PACKET) for part in padded.reshape(-1, self._size)]
        encoded = time.process_time()
        heard = b"".join(opus_decoder.decode(decoder, packet, len(packet), self._size, False, 1) for packet in packets)
        decoded = time.process_time()
        opus_encoder.destroy(encoder)
        opus_decoder.destroy(decoder)
        sent = [len(packet) for packet in packets if len(packet) > DTX_BYTES]
        return Passed(np.frombuffer(heard, np.int16), sum(sent), len(sent), encoded - began, decoded - encoded)
