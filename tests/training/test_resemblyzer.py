"""The voice's embedding is that of the package whose weights it uses; to import that package takes half a minute."""

import numpy as np
import pytest

from codec.units import audio_file
from codec.voice.embedding import VoiceEncoder
from softphone import paths


@pytest.mark.filterwarnings("ignore")
def test_embedding_is_that_of_resemblyzer() -> None:
    from resemblyzer import VoiceEncoder as Reference  # noqa: PLC0415 - seconds

    encoder, reference = VoiceEncoder.load(), Reference("cpu", verbose=False)
    speech = audio_file.read(paths.demo_recording()[0])
    for seconds in (1, 3, 8):
        wave = (speech[8000 : 8000 + 16000 * seconds] / 32768).astype(np.float32)
        mean = encoder.embed_windows(wave).mean(0)
        assert float(mean @ reference.embed_utterance(wave)) / np.linalg.norm(mean) > 0.9999
