"""A streaming encoder gives the same phones chunk by chunk as for the whole sound."""

import numpy as np
import pytest
import torch

from codec.recognise.encoder_stream import ChunkSizes, EncoderStream
from codec.recognise.streaming_encoder import StreamingEncoder


@pytest.mark.parametrize("sizes", [(7, 3, 126), (4, 0, 124), (13, 27, 130)])
def test_chunks_in_a_stream_are_those_of_the_whole_sound(sizes: tuple[int, int, int]) -> None:
    torch.manual_seed(1)
    network = StreamingEncoder().eval()
    pcm = np.random.default_rng(1).normal(0, 3000, 3 * 16000).astype(np.int16)
    with torch.inference_mode():
        hidden, _ = network.chunked(torch.from_numpy(pcm / np.float32(32768))[None], *sizes)
        frames = network.classify(hidden, sizes[0])[0].softmax(-1).numpy()
    stream = EncoderStream(network, ChunkSizes(*sizes))
    rows = np.concatenate([stream.push(pcm[at : at + 320]) for at in range(0, len(pcm), 320)])
    # Row 6 k + 3 lies at frame 5 k + 1.75.
    number = np.arange((len(frames) - 4) // 5)
    wanted = 0.25 * frames[5 * number + 1] + 0.75 * frames[5 * number + 2]
    np.testing.assert_allclose(np.exp(rows[6 * number + 3]), wanted, atol=2e-3)
