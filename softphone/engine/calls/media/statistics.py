"""Rates, loss and delay of a call, read from PJMEDIA's RTCP counters each second (RFC 3550, 6.4)."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pjsua2 as pj

from codec.units.rates import HEADER_BYTES
from softphone.codecs import PHV, find_codec
from softphone.control.protocol import CallStatistics, Direction
from softphone.engine.phv.receiver_report import Received
from softphone.engine.pjsip.negotiated import NegotiatedCodec

"""IPv4 (20), UDP (8) and RTP (12) of each packet."""
SLOT_MS = 20.0
"""Of PJMEDIA's jitter buffer."""
PHV_LEAD_MS = 20.0
"""Silence at the start of our decoder's output."""


@dataclass
class _Previous:
    time: float
    packets: int = 0
    bytes: int = 0
    lost: int = 0
    loss_now_percent: float = 0.0


class CallMeter:
    """Turns the cumulative counters of one call into events with rates, and notices when the far end has vanished."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._started = time.monotonic()
        self._previous = {"tx": _Previous(self._started), "rx": _Previous(self._started)}
        self._heard = -1
        self._heard_at = self._started
        self._reports = 0
        self._told = (0, 0)
        self.received = Received(0, 0, 0, 0.0)
        """Counters of the far end's packets, received and lost."""
        self.rtcp_reports = 0
        """How often the far end reported on ours by RTCP,"""
        self.rtcp_packets = 0
        """and on how many packets the last time."""

    def read(self, call: pj.Call, media_index: int, codec: NegotiatedCodec) -> CallStatistics:
        """Read the counters now; the caller adds those of the worker. Raises pj.Error when the media is gone."""
        stat = call.getStreamStat(media_index)
        rtcp, now = stat.rtcp, time.monotonic()
        # txStat is updated by the far end's reports, which come every 5 s even in silence; rxStat by our own.
        heard = rtcp.rxStat.pkt + rtcp.txStat.updateCount
        if heard != self._heard:
            self._heard, self._heard_at = heard, now
        rtt, self.received = rtcp.rttUsec, _received(rtcp.rxStat)
        self.rtcp_reports = int(rtcp.txStat.updateCount)
        return CallStatistics(
            call=self._number,
            codec=codec.codec,
            rtpmap_local=codec.rtpmap_local or None,
            fmtp_local=codec.fmtp_local or None,
            rtpmap_remote=codec.rtpmap_remote or None,
            fmtp_remote=codec.fmtp_remote or None,
            seconds=now - self._started,
            tx=self._direction("tx", rtcp.txStat, now),
            rx=self._direction("rx", rtcp.rxStat, now),
            rtt_ms=rtt.last / 1000 if rtt.n else None,
            jitter_buffer_ms=float(stat.jbuf.avgDelayMsec),
            silent_s=round(now - self._heard_at, 1),
        )

    @staticmethod
    def count(call: pj.Call, media_index: int) -> Received:
        """Counters of the far end's packets now. Raises pj.Error when the media is gone."""
        return _received(call.getStreamStat(media_index).rtcp.rxStat)

    @property
    def silent_s(self) -> float:
        """Seconds since the last RTP or RTCP packet of the far end was seen."""
        return time.monotonic() - self._heard_at

    def _direction(self, name: str, stat: pj.RtcpStreamStat, now: float) -> Direction:
        before = self._previous[name]
        packets, size, lost = int(stat.pkt), int(stat.bytes), int(stat.loss)
        interval = max(now - before.time, 1e-3)
        new_packets, new_bytes = max(packets - before.packets, 0), max(size - before.bytes, 0)
        loss_now = self._loss_now(name, stat, before)
        self._previous[name] = _Previous(now, packets, size, lost, loss_now)
        sent = packets + lost if name == "rx" else packets
        return Direction(
            packets=packets,
            bytes=size,
            payload_bps=round(8 * new_bytes / interval, 1),
            ip_bps=round(8 * (new_bytes + HEADER_BYTES * new_packets) / interval, 1),
            lost=lost,
            loss_percent=round(100 * lost / sent, 2) if sent else 0.0,
            loss_now_percent=round(loss_now, 2),
            jitter_ms=round(stat.jitterUsec.last / 1000, 2),
        )

    def _loss_now(self, name: str, stat: pj.RtcpStreamStat, before: _Previous) -> float:
        """Loss since the last reading; for what we send, since the far end's last report but one."""
        packets, lost = int(stat.pkt), int(stat.loss)
        if name == "tx":
            if int(stat.updateCount) == self._reports:
                return before.loss_now_percent
            earlier, self._told = self._told, (packets, lost)
            self._reports = int(stat.updateCount)
            new_packets, new_lost = packets - earlier[0], lost - earlier[1]
            self.rtcp_packets = max(0, new_packets)
            return min(100.0, 100 * max(new_lost, 0) / new_packets) if new_packets > 0 else 0.0
        new_packets, new_lost = max(packets - before.packets, 0), max(lost - before.lost, 0)
        return 100 * new_lost / (new_packets + new_lost) if new_packets + new_lost else 0.0


def _received(stat: pj.RtcpStreamStat) -> Received:
    return Received(int(stat.pkt), int(stat.loss), int(stat.lossPeriodUsec.n), stat.jitterUsec.last / 1000)


def estimate_delay(event: CallStatistics, packet_ms: float, phv_encoder_ms: float) -> None:
    """Fill in `delay_ms`: a codec's own delay, half the way there and back, and what waits here; not that of sound cards.

    `packet_ms` is our own packet time and stands for the far end's, which nobody tells.
    """
    if event.rtt_ms is None:
        return
    if event.codec == PHV.name:
        codec, waiting = phv_encoder_ms + PHV_LEAD_MS, event.jitter_buffer_ms
    else:
        known = find_codec(event.codec)
        codec = packet_ms + (known.look_ahead_ms if known else 0)
        # PJMEDIA counts the frames of a packet that came at once, and the one that is taken: k slots, then k - 1 ... then 1.
        waiting = max(0.0, event.jitter_buffer_ms - (packet_ms + SLOT_MS) / 2)
    event.delay_ms = round(codec + event.rtt_ms / 2 + waiting, 1)
