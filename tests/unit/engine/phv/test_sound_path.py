"""What a receiver of sound tells of the path."""

from softphone.engine.phv.receiver_report import Received, TransitTimes
from softphone.engine.phv.sound.path import SoundPath


def counted(windows: list[tuple[int, int]]) -> SoundPath:
    """(new packets, new lost) each second."""
    path, packets, lost = SoundPath(TransitTimes()), 0, 0
    path.counted(Received(0, 0, 0, 0.0))
    for new, gone in windows:
        packets, lost = packets + new, lost + gone
        path.counted(Received(packets, lost, 1 if lost else 0, 0.0))
    return path


def test_loss_is_that_of_the_newest_seconds() -> None:
    assert counted([(20, 0), (15, 5), (15, 5), (15, 5)]).loss == 0.25


def test_an_outage_that_is_over_is_no_loss() -> None:
    assert counted([(20, 0), (20, 0), (0, 0), (0, 0), (0, 0), (12, 60)]).loss == 0
