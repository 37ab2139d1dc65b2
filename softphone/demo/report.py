"""The report of the demo: the figures for machines, and the same as text for people."""

from dataclasses import asdict, dataclass

from softphone.bench.network.lateness import BEARABLE_SHARE


@dataclass(frozen=True)
class Report:
    """Field names are the keys of `softphone demo --json`; None is what could not be measured.

    All rates are over `speech_s`, of the caller's direction; "ip" counts 40 bytes of IPv4, UDP and RTP header a packet.
    """

    codec: str
    rtpmap_local: str | None
    fmtp_local: str | None
    rtpmap_remote: str | None
    fmtp_remote: str | None
    speech_s: float
    packets: int
    payload_bps: float
    ip_bps: float
    opus6k_20ms_ip_bps: float | None
    opus6k_60ms_ip_bps: float | None
    mouth_to_ear_ms: float | None
    wer: float | None
    received_wav: str


@dataclass(frozen=True)
class Remarks:
    """What the text adds to the figures."""

    spoken: str | None = None
    understood: str | None = None
    why_no_wer: str = ""
    why_no_delay: str = ""
    note: str = ""
    late_share: float = 0.0
    """Of the sound: what the codec was late for."""


def as_dict(report: Report) -> dict[str, str | float | int | None]:
    """The figures under their keys."""
    return asdict(report)


def as_text(report: Report, remarks: Remarks) -> str:
    """The report for people."""
    lines = [
        f"codec            {report.codec}" + (f" ({remarks.note})" if remarks.note else ""),
        *_sdp("caller", report.rtpmap_local, report.fmtp_local),
        *_sdp("called", report.rtpmap_remote, report.fmtp_remote),
        f"speech           {report.speech_s:.1f} s in {report.packets} packets",
        f"payload          {report.payload_bps:.0f} bit/s",
        f"on the wire      {report.ip_bps:.0f} bit/s with the 40 bytes of IP, UDP and RTP header of each packet",
        *_opus(report),
        "mouth to ear     "
        + (f"{report.mouth_to_ear_ms:.0f} ms" if report.mouth_to_ear_ms is not None else f"not measured: {remarks.why_no_delay}"),
        "word errors      " + (f"{report.wer:.1%}" if report.wer is not None else f"not measured: {remarks.why_no_wer}"),
    ]
    if remarks.spoken is not None and remarks.understood is not None:
        lines += [f"  spoken         {remarks.spoken}", f"  understood     {remarks.understood}"]
    if remarks.late_share > BEARABLE_SHARE:
        lines.append(
            f"too busy         this machine was late for {remarks.late_share:.0%} of the sound, so the figures are not of the codec: "
            "end other programs and run it again"
        )
    lines.append(f"received sound   {report.received_wav}")
    return "\n".join(lines)


def _sdp(side: str, rtpmap: str | None, fmtp: str | None) -> list[str]:
    first = f"  {side}         {rtpmap or 'no rtpmap'}"
    return [first, f"                 {fmtp}"] if fmtp else [first]


def _opus(report: Report) -> list[str]:
    lines = []
    for packet_ms, cost in ((20, report.opus6k_20ms_ip_bps), (60, report.opus6k_60ms_ip_bps)):
        if cost is not None:
            lines.append(f"  Opus 6k, {packet_ms} ms {cost:.0f} bit/s for the same recording, {cost / report.ip_bps:.1f} times as much")
    return lines
