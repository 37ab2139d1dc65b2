"""The streaming recogniser equals the whole-utterance network."""

import numpy as np
import pytest
import torch

from codec.recognise.features import HOP, WINDOW, log_mel
from codec.recognise.network import RecogniserConfig, RecogniserNetwork
from codec.units.phones import PHONES


def small_network(look_ahead: int = 12) -> RecogniserNetwork:
    torch.manual_seed(3)
    network = RecogniserNetwork(RecogniserConfig(width=128, layers=2, chunk=8, look_ahead=look_ahead, context=16))
    network.filters.uniform_(0, 0.1)
    network.positions.normal_(0, 0.1)
    return network.eval()


def noise(seconds: float) -> np.ndarray:
    return (np.random.default_rng(5).standard_normal(int(seconds * 16000)) * 3000).astype(np.int16)


@pytest.mark.parametrize("look_ahead", [4, 12])
@pytest.mark.parametrize("step", [320, 777, 16000])
def test_streaming_equals_one_forward(step: int, look_ahead: int) -> None:
    network, pcm = small_network(look_ahead), noise(3.0)
    padded = torch.nn.functional.pad(torch.from_numpy(pcm).float()[None] / 32768, (WINDOW // 2, 0))
    frames = ((padded.shape[1] - WINDOW) // HOP + 1) // 2 * 2
    with torch.inference_mode():
        whole = network(log_mel(padded[:, : WINDOW + (frames - 1) * HOP], network.filters))[0].numpy()
    stream = network.stream()
    parts = np.concatenate([stream.push(pcm[at : at + step]) for at in range(0, len(pcm), step)])
    known = min(len(parts), len(whole)) - 8  # the last chunk of `whole` saw padding where the stream saw sound
    assert known > 120
    np.testing.assert_allclose(parts[:known], whole[:known], atol=1e-4)


def test_chunks_come_one_by_one() -> None:
    """Also where the look-ahead is longer than a chunk: two that come together make every phone of the first one late."""
    network, pcm = small_network(), noise(2.0)
    stream = network.stream()
    assert {len(stream.push(pcm[at : at + 320])) for at in range(0, len(pcm), 320)} == {0, 8}


def test_positions_begin_again_after_thirty_seconds_without_a_break() -> None:
    network, pcm = small_network(), noise(40.0)
    stream = network.stream()
    posteriors = np.concatenate([stream.push(pcm[at : at + 16000]) for at in range(0, len(pcm), 16000)])
    assert posteriors.shape == (40 * 50 - 16, len(PHONES))  # the last chunk waits for what it looks ahead at
    assert np.isfinite(posteriors).all()


def test_the_frames_looked_ahead_at_have_posteriors_too() -> None:
    network, pcm = small_network(), noise(1.0)
    stream = network.stream()
    assert stream.ahead.shape == (0, len(PHONES))
    given = sum(len(stream.push(pcm[at : at + 320])) for at in range(0, len(pcm), 320))
    padded = torch.nn.functional.pad(torch.from_numpy(pcm).float()[None] / 32768, (WINDOW // 2, 0))
    frames = given + network.config.look_ahead
    with torch.inference_mode():
        # One frame more: the convolutions reach over the end.
        hidden = network.encode(log_mel(padded[:, : WINDOW + (2 * frames + 1) * HOP], network.filters))[0][0]
        seen = torch.cat((hidden[-2, 6:8], hidden[-1], hidden[-1, -1:].expand(2, -1)))
        expected = torch.log_softmax(network.head(seen[None])[0], -1)[8:].numpy()
    np.testing.assert_allclose(stream.ahead, expected, atol=1e-4)
