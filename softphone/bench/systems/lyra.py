"""Lyra v2 by its three networks under ai-edge-litert: frames of 20 ms, three to a packet.

The networks (google/lyra, Apache-2.0) come with no package: their folder is named in SOFTPHONE_LYRA.
"""

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softphone.bench.instruments.extra import HOW_TO_GET
from softphone.bench.instruments.manifest import Recording
from softphone.bench.systems.system import Passed
from softphone.errors import SoftphoneError

FOLDER_VARIABLE = "SOFTPHONE_LYRA"
_USUAL = "../shared/evaluators/lyra_v2"
_FILES = ("soundstream_encoder.tflite", "quantizer.tflite", "lyragan.tflite")
_FRAME = 320
_FRAMES_PER_PACKET = 3
_BITS_PER_STAGE = 4
_FEATURES = 64


class LyraError(SoftphoneError):
    """The networks or their runtime are missing, or do not work."""


class Lyra:
    """bitrate: 3200, 6000 or 9200 bit/s. Raises LyraError."""

    hold_ms = 60

    def __init__(self, bitrate: int) -> None:
        folder = Path(os.environ.get(FOLDER_VARIABLE) or _USUAL)
        try:
            self._encoder, self._quantiser, self._decoder = ((folder / name).read_bytes() for name in _FILES)
        except OSError as error:
            raise LyraError(
                f"Lyra's networks are not in {folder} ({error.strerror}: {Path(str(error.filename)).name}); "
                f"name their folder with --lyra or {FOLDER_VARIABLE}, or leave lyra out with --systems"
            ) from None
        try:
            from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 - an optional extra
        except ImportError as error:
            raise LyraError(f"the package ai-edge-litert is missing ({error}); {HOW_TO_GET}") from None
        self._interpreter: Any = Interpreter
        # Bits of a frame are those of its quantisers, of 4 bits each.
        self._stages = bitrate // 50 // _BITS_PER_STAGE
        digest = hashlib.sha256(self._encoder + self._quantiser + self._decoder).hexdigest()[:16]
        self.fingerprint = f"{digest} {bitrate} {self.hold_ms}"

    def pass_through(self, pcm: NDArray[np.int16], recording: Recording) -> Passed:
        """Raises LyraError."""
        try:
            return self._pass_through(pcm)
        except (RuntimeError, ValueError) as error:
            raise LyraError(f"Lyra's networks do not work ({error}); they should be those of google/lyra 1.3") from None

    def _pass_through(self, pcm: NDArray[np.int16]) -> Passed:
        # A network keeps the state of its stream: each recording gets new ones.
        encoder, quantiser, decoder = (self._network(model) for model in (self._encoder, self._quantiser, self._decoder))
        to_codes, to_features = quantiser.get_signature_runner("encode"), quantiser.get_signature_runner("decode")
        stages = np.array(self._stages, np.int32)
        padded = np.pad(pcm, (0, -len(pcm) % _FRAME)).astype(np.float32) / np.float32(32768)
        began = time.process_time()
        sent = []
        for frame in padded.reshape(-1, _FRAME):
            features = _run(encoder, frame).reshape(1, 1, _FEATURES)
            sent.append(next(iter(to_codes(num_quantizers=stages, input_frames=features).values())))
        encoded = time.process_time()
        heard = [_run(decoder, next(iter(to_features(encoding_indices=codes).values()))).ravel() for codes in sent]
        decode_s = time.process_time() - encoded
        sound = np.concatenate(heard) if heard else np.zeros(0, np.float32)
        out = np.clip(np.round(sound * 32767), -32768, 32767).astype(np.int16)
        size = len(sent) * self._stages * _BITS_PER_STAGE // 8
        return Passed(out, size, -(-len(sent) // _FRAMES_PER_PACKET), encoded - began, decode_s)

    def _network(self, model: bytes) -> Any:
        network = self._interpreter(model_content=model, num_threads=1)
        network.allocate_tensors()
        return network


def _run(network: Any, values: NDArray[np.float32]) -> NDArray[np.float32]:
    slot = network.get_input_details()[0]
    network.set_tensor(slot["index"], values.astype(np.float32).reshape(slot["shape"]))
    network.invoke()
    return np.asarray(network.get_tensor(network.get_output_details()[0]["index"]))
