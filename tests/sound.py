"""Whether what was heard is what was said."""

from pathlib import Path

from codec.units.rates import SAMPLE_RATE
from softphone import sound_file
from softphone.bench.instruments.delay import Lag, find_lag

LEAST_LIKENESS = 0.75
"""Correlation of loudness over time; one stretch of other speech reaches up to 0.73, and here every stretch must pass, in order."""
LAST_WORDS_SECONDS = 1.5
"""How long a call goes on after the last word, so that the far end hears it."""
_WINDOW_SECONDS = 1.5
_LARGEST_DELAY_MS = 3000
_BACKWARDS_MS = 100


def assert_same_sound(said: Path, heard: Path) -> None:
    """Each stretch of 1.5 s of `said` is in `heard`, in order.

    Each may have a delay of its own: jitter buffers stretch the pauses when the machine is busy.
    """
    first, second = sound_file.read(said), sound_file.read(heard)
    size = int(_WINDOW_SECONDS * SAMPLE_RATE)
    earliest_ms = -_LARGEST_DELAY_MS
    starts = range(0, len(first) - size + 1, size)
    assert len(starts) >= 2, "too little was said to compare"
    for start in starts:
        begin_ms = 1000 * start / SAMPLE_RATE
        found = find_lag(first[start : start + size], second, SAMPLE_RATE, begin_ms + earliest_ms, begin_ms + _LARGEST_DELAY_MS)
        assert found is not None, "what was heard is silent"
        delay = Lag(found.ms - begin_ms, found.likeness)
        assert delay.likeness > LEAST_LIKENESS, f"what was heard is not what was said: {delay} at {begin_ms:.0f} ms"
        earliest_ms = delay.ms - _BACKWARDS_MS
