"""Whether the machine kept up with a call: steps of 20 ms that the codec worker did not take or give in time."""

from softphone.control.protocol import CallStatistics

STEP_MS = 20
BEARABLE_SHARE = 0.02
"""More is heard, and is no fault of the network."""


def late_to_speak(statistics: CallStatistics) -> int:
    """Steps of the own sound that the codec was too busy to take."""
    return statistics.codec_counters.encoder_pcm_dropped


def late_to_listen(statistics: CallStatistics) -> int:
    """Steps in which the loudspeaker had to go without sound."""
    return int(statistics.queues.get("playout_underruns", 0))
