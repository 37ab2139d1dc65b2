"""Our own codec, streamed in 20 ms steps as a call does, without a network between."""

import itertools
import time

import numpy as np
from numpy.typing import NDArray

from codec.decoder import Decoder
from codec.encoder import Encoder
from codec.units.phones import SILENCE
from codec.wire.packet import TIME_MODULO, Packet, parse
from codec.wire.settings import EncoderSettings
from codec.wire.token import TICK_MS
from softphone.bench.instruments.manifest import Recording
from softphone.bench.systems import analysis
from softphone.bench.systems.fingerprint import fingerprint
from softphone.bench.systems.own_models import own_models
from softphone.bench.systems.system import Passed

STEP = 320
STEP_MS = 20
TAIL_STEPS = 125
"""2.5 s: how long after the last packet the decoder may still speak."""


class Phv:
    """redundancy: how many earlier groups a packet repeats; detail: codes of the second layer; wait: for words; voice_known: the listener
    knows the speaker from the first word on, and is told nothing of him. Raises ModelError."""

    hold_ms = STEP_MS

    def __init__(self, redundancy: int, detail: int = 0, voice_known: bool = False, wait: bool = True) -> None:
        self._settings = EncoderSettings(redundancy=redundancy, detail=detail, voice=not voice_known, wait=wait)
        self._models = own_models(words=wait)
        self.fingerprint = f"{fingerprint()} {self._settings}"

    def pass_through(self, pcm: NDArray[np.int16], recording: Recording) -> Passed:
        encoder, decoder = Encoder(self._models, self._settings), Decoder(self._models)
        if not self._settings.voice:
            decoder.set_voice(analysis.own_voice(pcm, self._models))
        payloads: list[bytes] = []
        heard: list[NDArray[np.int16]] = []
        lags: list[int] = []
        lengths: list[int] = []
        encode_s = decode_s = 0.0
        for at in range(0, len(pcm) + TAIL_STEPS * STEP, STEP):
            began = time.process_time()
            ready = encoder.encode(pcm[at : at + STEP])
            live = len(ready)
            if at < len(pcm) <= at + STEP:
                ready += encoder.flush()
            encoded = time.process_time()
            for payload in ready:
                decoder.receive(payload)
            heard.append(decoder.pull(STEP))
            decode_s += time.process_time() - encoded
            encode_s += encoded - began
            payloads += ready
            for payload in ready[:live]:  # what flush gives out, a stream would have given out later
                packet = parse(payload, self._models.entropy)
                lags += _phone_to_packet(packet, at // STEP + 1)
                lengths += [token.ticks * TICK_MS for token in packet.groups[-1] if token.phone != SILENCE]
        newest = (parse(payload, self._models.entropy).groups[-1] for payload in payloads)
        tokens = (token.phone for group in newest for token in group)
        phones = tuple(phone for phone, _ in itertools.groupby(tokens) if phone != SILENCE)  # a long phone is several tokens
        return Passed(
            np.concatenate(heard), sum(map(len, payloads)), len(payloads), encode_s, decode_s, phones, tuple(lags), tuple(lengths)
        )


def _phone_to_packet(packet: Packet, now: int) -> list[int]:
    """For each new phone of a packet that leaves at tick `now`: ms since the phone ended."""
    lags, end = [], packet.time
    for place, group in enumerate(packet.groups):
        for token in group:
            end += token.ticks
            if place == len(packet.groups) - 1 and token.phone != SILENCE:
                lags.append((now - end) % TIME_MODULO * TICK_MS)
    return lags
