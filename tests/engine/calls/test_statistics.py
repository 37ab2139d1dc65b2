"""What a call card shows: RTCP counted in the clock of RTP time, loss now and in total, delay."""

import socket
import struct
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from softphone.codecs import OPUS
from softphone.control.protocol import CallStatistics, Hangup
from softphone.engine.calls.media.statistics import PHV_LEAD_MS, CallMeter, estimate_delay
from softphone.engine.pjsip.negotiated import NegotiatedCodec
from tests.peers.sockets.callee import Callee
from tests.phones.phone import Phone

MakePhone = Callable[..., Phone]
NTP_FRACTION = 2**32


@pytest.mark.parametrize(("codec", "answer", "clock_hz"), [("opus", "OPUS opus/48000/2", 48000), ("PCMU", "0 PCMU/8000", 8000)])
def test_rtcp_counts_in_rtp_time(codec: str, answer: str, clock_hz: int, make_phone: MakePhone) -> None:
    phone = make_phone("alice", codecs=(codec,))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtcp:
        rtcp.bind(("127.0.0.1", 0))
        rtcp.settimeout(30)
        # The payload type of Opus is the phone's first dynamic one.
        number, mapping = answer.replace("OPUS", "96").split()
        wire = Callee(f"m=audio PORT RTP/AVP {number}\na=rtpmap:{number} {mapping}\na=rtcp:{rtcp.getsockname()[1]} IN IP4 127.0.0.1\n")
        wire.start()
        call = phone.call(wire.uri)
        assert phone.wait_media(call).codec == codec
        reports = [sender_report(rtcp) for _ in range(2)]
        phone.client.request(Hangup(call=call))
        wire.stop()
    (ntp, rtp), (later_ntp, later_rtp) = reports
    assert (later_rtp - rtp) % 2**32 / (later_ntp - ntp) == pytest.approx(clock_hz, rel=0.01)


def sender_report(rtcp: socket.socket) -> tuple[float, int]:
    """(NTP time in seconds, RTP time) of the next sender report (RFC 3550, 6.4.1)."""
    while True:
        packet = rtcp.recv(2000)
        if packet[1] == 200:
            seconds, fraction, rtp = struct.unpack("!III", packet[8:20])
            return seconds + fraction / NTP_FRACTION, rtp


def reading(rx: tuple[int, int], tx: tuple[int, int], reports: int, jitter_ms: float = 0.0) -> Any:
    def stat(packets: int, lost: int, updates: int) -> Any:
        jitter = SimpleNamespace(last=1000 * jitter_ms, mean=0, n=lost)
        return SimpleNamespace(pkt=packets, bytes=20 * packets, loss=lost, updateCount=updates, jitterUsec=jitter, lossPeriodUsec=jitter)

    rtcp = SimpleNamespace(rxStat=stat(*rx, 0), txStat=stat(*tx, reports), rttUsec=SimpleNamespace(n=1, last=80000))
    return SimpleNamespace(rtcp=rtcp, jbuf=SimpleNamespace(avgDelayMsec=60))


def test_loss_now_and_in_total() -> None:
    codec = NegotiatedCodec("opus", 16000, "", "", "", "")
    meter = CallMeter(1)
    seen: list[CallStatistics] = []
    for readout in [
        reading((90, 10), (100, 0), 0),
        reading((190, 10), (200, 0), 0, jitter_ms=7.5),
        reading((230, 70), (300, 30), 1),
        reading((330, 70), (400, 30), 1),
        reading((330, 70), (500, 80), 2),
    ]:
        call: Any = SimpleNamespace(getStreamStat=lambda _index, readout=readout: readout)
        seen.append(meter.read(call, 0, codec))
    assert [event.rx.loss_now_percent for event in seen] == [10, 0, 60, 0, 0]
    assert [round(event.rx.loss_percent, 1) for event in seen] == [10, 5, 23.3, 17.5, 17.5]
    # The far end reported after 300 packets, and again after 500.
    assert [event.tx.loss_now_percent for event in seen] == [0, 0, 10, 10, 25]
    assert seen[1].rx.jitter_ms == 7.5
    assert seen[0].rtt_ms == 80


@pytest.mark.parametrize(
    ("codec", "expected"),
    [("x-phv", 400 + PHV_LEAD_MS + 40 + 100), ("opus", 60 + OPUS.look_ahead_ms + 40 + 60), ("PCMU", 60 + 40 + 60)],
)
def test_delay_is_the_sum_of_its_parts(codec: str, expected: float) -> None:
    event = CallStatistics(call=1, codec=codec, rtt_ms=80, jitter_buffer_ms=100)
    estimate_delay(event, 60, 400)
    assert event.delay_ms == pytest.approx(expected)
    unknown = CallStatistics(call=1, codec=codec, jitter_buffer_ms=100)
    estimate_delay(unknown, 60, 400)
    assert unknown.delay_ms is None
