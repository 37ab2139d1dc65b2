"""What a receiver notices of its packets' way, and when it says so."""

from codec.wire.link_report import LinkReport
from softphone.engine.phv.receiver_report import ENOUGH_PACKETS, SMALL_BYTES, Received, ReportWriter, TransitTimes
from softphone.link.messages import PathQuality


def test_queueing_is_the_growth_of_the_transit_time() -> None:
    transit = TransitTimes()
    assert transit.queue_ms(50) == 0
    for packet in range(20):
        transit.arrived(2**32 - 12800 + 2560 * packet, 50 + 0.16 * packet, 30)  # the timestamp wraps
    assert transit.queue_ms(53) < 1
    for packet in range(20, 40):
        transit.arrived(2560 * packet - 12800, 50 + 0.16 * packet + 0.03 * (packet - 19), 30)
    assert 450 < transit.queue_ms(57) < 620
    for packet in range(40, 300):
        transit.arrived(2560 * packet - 12800, 50 + 0.16 * packet + 0.6, 30)
    assert transit.queue_ms(99) < 1, "what lasts for half a minute is the path"


def test_one_late_packet_is_no_queue() -> None:
    transit = TransitTimes()
    for packet in range(20):
        transit.arrived(2560 * packet, 0.16 * packet + (0.4 if packet == 19 else 0), 30)
    assert transit.queue_ms(3.5) < 1


def test_a_sender_that_sets_its_clock_anew_is_no_queue() -> None:
    transit = TransitTimes()
    for packet in range(10):
        transit.arrived(2560 * packet, 0.16 * packet, 30)
    for packet in range(10):
        transit.arrived(2**31 + 2560 * packet, 2 + 0.16 * packet, 30)
    assert transit.queue_ms(4) < 1


def test_a_queue_is_told_of_while_packets_come_and_by_those_of_speech_alone() -> None:
    transit = TransitTimes()
    for packet in range(30):
        transit.arrived(2560 * packet, 0.16 * packet + (0.7 if packet >= 20 else 0), 30)
    assert transit.queue_ms(5.5) > 600
    assert transit.queue_ms(30) == 0
    short = TransitTimes()
    for packet in range(30):
        short.arrived(2560 * packet, 0.16 * packet + (0.0 if packet == 0 else 0.7), SMALL_BYTES if packet == 0 else 30)
    assert short.queue_ms(5.5) < 1


def reports(arrivals: list[tuple[int, int, int, float]]) -> list[PathQuality | None]:
    """(new packets, new lost, new losses, queue) each second."""
    writer, packets, lost, losses, told = ReportWriter(), 0, 0, 0, []
    for second, (new, gone, times, queue) in enumerate(arrivals):
        packets, lost, losses = packets + new, lost + gone, losses + times
        told.append(writer.look(10.0 + second, Received(packets, lost, losses, 12.0), queue))
    return told


def test_a_clean_path_is_told_once() -> None:
    told = reports([(6, 0, 0, 30.0)] * 60)
    assert [at for at, report in enumerate(told) if report] == [ENOUGH_PACKETS // 6]
    assert told[ENOUGH_PACKETS // 6] == PathQuality(LinkReport(0.0, 0.0, 30.0, 12.0), urgent=True)


def test_loss_is_told_soon_with_its_bursts_and_then_its_end() -> None:
    told = reports([(6, 0, 0, 0)] * 4 + [(4, 3, 1, 0)] * 20 + [(6, 0, 0, 0)] * 20)
    first = next(report for report in told if report)
    assert told.index(first) <= 7
    assert first.urgent and first.report.loss > 0.1 and first.report.burst == 3
    assert 4 <= sum(report is not None for report in told[4:24]) <= 8
    last = [report for report in told if report][-1]
    assert last.report.loss == 0
    assert not any(told[35:])


def test_what_was_told_of_loss_is_told_again_as_it_may_be_lost_itself() -> None:
    told = reports([(6, 0, 0, 0)] * 4 + [(4, 2, 2, 0)] * 20)
    losses = [(report.report.loss > 0.3, report.urgent) for report in told if report]
    assert losses.count((True, True)) == 2 and losses[-1] == (True, False)


def test_a_queue_is_told() -> None:
    told = reports([(6, 0, 0, 0)] * 4 + [(6, 0, 0, 700.0)] * 10)
    assert any(report and report.urgent and report.report.queue_ms == 700 for report in told)


def test_silence_is_not_reported_on() -> None:
    assert not any(reports([(0, 0, 0, 0)] * 60))


def test_a_stream_that_began_anew_is_no_loss() -> None:
    writer = ReportWriter()
    assert writer.look(1, Received(500, 20, 10, 0), 0) is None
    assert writer.look(20, Received(3, 0, 0, 0), 0) is None
