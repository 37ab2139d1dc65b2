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


def test_loss_is_known_before_the_first_second_is_over() -> None:
    path = SoundPath(TransitTimes())
    path.counted_early(Received(4, 3, 1, 0.0))
    assert path.loss == 0, "too few packets say nothing"
    path.counted_early(Received(7, 3, 1, 0.0))
    assert path.loss == 0.3


def test_seconds_count_more_than_early_looks() -> None:
    path = counted([(20, 0), (20, 0), (20, 0)])
    assert not path.is_new
    path.counted_early(Received(10, 60, 1, 0.0))
    assert path.loss == 0


def rates(path: SoundPath) -> list[float]:
    """What reports each 0.2 s tell after a pair of packets; packets of sound go on arriving."""
    path.probe(1000, 10.0, 180)
    path.probe(1320, 10.02, 180)
    told = []
    for place in range(5):
        now = 10.1 + 0.2 * place
        path.arrived(now, 100)
        report = path.report(now)
        assert report is not None
        told.append(report.rate_bps)
    return told


def test_where_packets_are_lost_what_a_probe_showed_is_told_three_times() -> None:
    assert [bool(rate) for rate in rates(counted([(20, 0), (20, 0)]))] == [True, False, False, False, False]
    assert [bool(rate) for rate in rates(counted([(20, 0), (15, 5)]))] == [True, True, True, False, False]
