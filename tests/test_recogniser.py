"""The streaming recogniser equals the whole-utterance network, and its search gives back what the posteriors say."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from codec.phone_search import LONGEST, FoundPhone, PhoneSearch, SearchSettings, SearchTables
from codec.phones import PHONE_INDEX, PHONES
from codec.recogniser_features import HOP, WINDOW, log_mel
from codec.recogniser_network import RecogniserConfig, RecogniserNetwork


def small_network() -> RecogniserNetwork:
    torch.manual_seed(3)
    network = RecogniserNetwork(RecogniserConfig(width=128, layers=2, chunk=8, look_ahead=4, context=16))
    network.filters.uniform_(0, 0.1)
    network.positions.normal_(0, 0.1)
    return network.eval()


def noise(seconds: float) -> np.ndarray:
    return (np.random.default_rng(5).standard_normal(int(seconds * 16000)) * 3000).astype(np.int16)


@pytest.mark.parametrize("step", [320, 777, 16000])
def test_streaming_equals_one_forward(step: int) -> None:
    network, pcm = small_network(), noise(3.0)
    padded = torch.nn.functional.pad(torch.from_numpy(pcm).float()[None] / 32768, (WINDOW // 2, 0))
    frames = ((padded.shape[1] - WINDOW) // HOP + 1) // 2 * 2
    with torch.inference_mode():
        whole = network(log_mel(padded[:, : WINDOW + (frames - 1) * HOP], network.filters))[0].numpy()
    stream = network.stream()
    parts = np.concatenate([stream.push(pcm[at : at + step]) for at in range(0, len(pcm), step)])
    known = min(len(parts), len(whole)) - 8  # the last chunk of `whole` saw padding where the stream saw sound
    assert known > 120
    np.testing.assert_allclose(parts[:known], whole[:known], atol=1e-4)


def test_positions_begin_again_after_thirty_seconds_without_a_break() -> None:
    network, pcm = small_network(), noise(40.0)
    stream = network.stream()
    posteriors = np.concatenate([stream.push(pcm[at : at + 16000]) for at in range(0, len(pcm), 16000)])
    assert posteriors.shape == (40 * 50 - 8, len(PHONES))  # the last chunk waits for what it looks ahead at
    assert np.isfinite(posteriors).all()


def flat_tables() -> SearchTables:
    count = len(PHONES)
    return SearchTables(np.zeros(count, np.float32), np.full((count, count, count), -np.log(count), np.float32))


def posteriors_of(labels: list[tuple[str, int]], confidence: float = 0.9) -> np.ndarray:
    rows = []
    for label, frames in labels:
        row = np.full(len(PHONES), (1 - confidence) / (len(PHONES) - 1), np.float32)
        row[PHONE_INDEX[label]] = confidence
        rows += [np.log(row)] * frames
    return np.array(rows)


def joined(found: list[FoundPhone]) -> list[tuple[int, int]]:
    """(phone, frames), the parts of a long phone added up."""
    lengths: list[tuple[int, int]] = []
    for one in found:
        same = lengths and lengths[-1][0] == one.phone
        before = lengths.pop()[1] if same else 0
        lengths.append((one.phone, before + one.end - one.start))
    return lengths


SAID = [("SIL", 10), ("HH", 3), ("AH", 4), ("L", 3), ("OW", 8), ("SIL", 12), ("Y", 3), ("EH", 5), ("S", 6), ("SIL", 9)]


@pytest.mark.parametrize("step", [1, 8, 100])
def test_search_gives_phones_and_times_back(step: int) -> None:
    search, rows = PhoneSearch(flat_tables()), posteriors_of(SAID)
    found = [phone for at in range(0, len(rows), step) for phone in search.push(rows[at : at + step])] + search.flush()
    assert [(PHONES[phone], frames) for phone, frames in joined(found)] == SAID
    assert found[0].start == 0 and all(one.end == following.start for one, following in pairwise(found))
    assert all(one.confidence == pytest.approx(0.9, abs=1e-3) for one in found)


def test_search_gives_a_phone_out_within_its_lag() -> None:
    search, rows = PhoneSearch(flat_tables(), SearchSettings(lag=3)), posteriors_of(SAID)
    end_of_ow = sum(frames for _, frames in SAID[:5])
    found = [phone for row in rows[: end_of_ow + 4] for phone in search.push(row[None])]
    assert [PHONES[one.phone] for one in found] == ["SIL", "HH", "AH", "L", "OW"]


def test_search_does_not_let_one_doubtful_frame_make_a_phone() -> None:
    rows = posteriors_of([("SIL", 10), ("AA", 10), ("SIL", 10)])
    rows[14] = posteriors_of([("ZH", 1)], 0.5)[0]
    search = PhoneSearch(flat_tables())
    assert [PHONES[one.phone] for one in (*search.push(rows), *search.flush())] == ["SIL", "AA", "SIL"]


def test_search_memory_is_bounded_and_times_go_on() -> None:
    search, rows, found = PhoneSearch(flat_tables()), posteriors_of(SAID), []
    for _ in range(50):
        found += search.push(rows)
    assert found[-1].end > 49 * len(rows)
    assert len(search._posteriors) < 2 * len(rows)


def test_a_long_sound_is_given_out_in_parts_before_it_ends() -> None:
    search, found = PhoneSearch(flat_tables()), []
    rows = posteriors_of([("SIL", 5), ("AA", 300), ("SIL", 500), ("S", 6), ("SIL", 5)])
    longest = waiting = 0
    for at in range(0, len(rows), 8):
        found += search.push(rows[at : at + 8])
        waiting = at + 8 - found[-1].end if found else 0
        longest = max(longest, waiting)
    assert longest <= LONGEST + 8 + SearchSettings().lag
    assert len(search._posteriors) < 40
    assert [(PHONES[phone], frames) for phone, frames in joined(found + search.flush())] == [
        ("SIL", 5), ("AA", 300), ("SIL", 500), ("S", 6), ("SIL", 5),
    ]  # fmt: skip
