"""Our own codec, streamed in 20 ms steps as a call does, without a network between."""

import itertools
import time

import numpy as np
from numpy.typing import NDArray

from codec.decoder import Decoder
from codec.encoder import Encoder
from codec.models import Models, use_one_thread
from codec.payload import parse
from codec.phones import SILENCE
from codec.settings import EncoderSettings
from softphone.bench.systems.system import Passed

STEP = 320
TAIL_STEPS = 75
"""1.5 s: how long after the last packet the decoder may still speak."""


class Phv:
    """`redundancy`: how many earlier groups a packet repeats."""

    def __init__(self, redundancy: int) -> None:
        use_one_thread()
        self._models = Models.load()
        self._settings = EncoderSettings(redundancy=redundancy)

    def pass_through(self, pcm: NDArray[np.int16]) -> Passed:
        encoder, decoder = Encoder(self._models, self._settings), Decoder(self._models)
        payloads: list[bytes] = []
        heard = []
        encode_s = decode_s = 0.0
        for at in range(0, len(pcm) + TAIL_STEPS * STEP, STEP):
            began = time.process_time()
            ready = encoder.encode(pcm[at : at + STEP])
            if at < len(pcm) <= at + STEP:
                ready += encoder.flush()
            encoded = time.process_time()
            for payload in ready:
                decoder.receive(payload)
            heard.append(decoder.pull(STEP))
            decode_s += time.process_time() - encoded
            encode_s += encoded - began
            payloads += ready
        newest = (parse(payload, self._models.entropy).groups[-1] for payload in payloads)
        tokens = (token.phone for group in newest for token in group)
        phones = tuple(phone for phone, _ in itertools.groupby(tokens) if phone != SILENCE)  # a long phone is several tokens
        return Passed(np.concatenate(heard), sum(map(len, payloads)), len(payloads), encode_s, decode_s, phones)
