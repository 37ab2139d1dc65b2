"""The cost of Opus beside our own: the estimate against libopus itself, on the bundled recording."""

import pytest

from codec.units.rates import SAMPLE_RATE
from softphone import paths, sound_file
from softphone.bench.instruments.opus_cost import opus_packets, wire_cost
from softphone.tui.calls.opus_estimate import opus_cost_now, speech_share


@pytest.mark.parametrize(("bitrate", "ptime_ms"), [(8000, 60), (8000, 20), (24000, 40)])
def test_the_estimate_is_what_libopus_sends(bitrate: int, ptime_ms: int) -> None:
    pcm = sound_file.read(paths.demo_recording()[0])
    seconds = len(pcm) / SAMPLE_RATE
    cost = wire_cost(opus_packets(pcm, bitrate, ptime_ms))
    estimate = opus_cost_now(speech_share(cost.packets / seconds, ptime_ms), bitrate, ptime_ms)
    assert estimate.payload_bps == pytest.approx(cost.payload_bps(seconds), rel=0.1)
    assert estimate.ip_bps == pytest.approx(cost.ip_bps(seconds), rel=0.1)


def test_silence_costs_nothing_and_nobody_speaks_more_than_always() -> None:
    assert opus_cost_now(speech_share(0, 160), 8000, 60).ip_bps == 0
    assert speech_share(50, 160) == 1
