"""Whole recordings through the codec, as a call without network trouble would carry them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from codec.decoder import Decoder
from codec.encoder import Encoder
from codec.units.errors import AudioFileError, PayloadError
from codec.units.rates import CHUNK_MS, CHUNK_SAMPLES, SAMPLE_RATE
from codec.wire.file import PhvFile
from codec.wire.settings import EncoderSettings

if TYPE_CHECKING:
    from codec.models import Models

TAIL_MS = 1500
"""How long after the last packet the decoder may still speak."""


def encode_recording(pcm: NDArray[np.int16], models: Models, settings: EncoderSettings | None = None) -> PhvFile:
    """pcm (samples,) int16, 16 kHz mono -> its payloads with the times at which they were ready."""
    encoder = Encoder(models, settings)
    duration = -(-len(pcm) * 1000 // SAMPLE_RATE)
    records: list[tuple[int, bytes]] = []
    for at in range(0, len(pcm), CHUNK_SAMPLES):
        now = min(at * 1000 // SAMPLE_RATE + CHUNK_MS, duration)
        records += [(now, payload) for payload in encoder.encode(pcm[at : at + CHUNK_SAMPLES])]
    records += [(duration, payload) for payload in encoder.flush()]
    return PhvFile(models.model_id, duration, tuple(records))


def decode_recording(file: PhvFile, models: Models, decoder: Decoder | None = None) -> NDArray[np.int16]:
    """The sound as it is heard where every packet arrives in time: (samples,) int16, 16 kHz mono, `TAIL_MS` longer than the recording.
    decoder: a new one whose statistics the caller wants to read afterwards. Raises AudioFileError."""
    if file.model_id != models.model_id:
        raise AudioFileError(
            f"It was encoded for the model {file.model_id}, and this program has {models.model_id}: "
            "decode it with the version that encoded it, or encode the recording again."
        )
    decoder = decoder or Decoder(models)
    waiting = list(reversed(file.records))
    blocks = []
    for now in range(0, file.duration_ms + TAIL_MS, CHUNK_MS):
        while waiting and waiting[-1][0] <= now:
            try:
                decoder.receive(waiting.pop()[1])
            except PayloadError as error:
                raise AudioFileError(f"It holds a damaged payload ({error}); encode the recording again.") from None
        blocks.append(decoder.pull(CHUNK_SAMPLES))
    return np.concatenate(blocks)
