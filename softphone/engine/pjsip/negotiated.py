"""The negotiated media of a call, as SDP lines of both sides."""

from dataclasses import dataclass
from typing import Any

from softphone.engine.pjsip.registry import CodecRegistry


@dataclass(frozen=True)
class NegotiatedCodec:
    """Codec of one active media line. The lines are whole (`a=rtpmap:96 ...`); fmtp is "" where a side sent none."""

    codec: str
    """Encoding name, e.g. `x-phv`."""
    clock_rate: int
    """Rate at which PJMEDIA runs it, Hz; for Opus not the 48000 of its rtpmap."""
    rtpmap_local: str
    fmtp_local: str
    rtpmap_remote: str
    fmtp_remote: str
    packet_ms: float = 20.0
    """Time between our packets."""


def negotiated_codec(stream_info: Any, registry: CodecRegistry) -> NegotiatedCodec:
    """Read `pjsua2.Call.getStreamInfo(index)` of an audio line.

    PJSIP keeps the parsed fmtp of both sides with the stream, and the payload type each side numbered the codec with. Names and values
    are the peer's, the space around them is not.
    """
    descriptor = registry.get(stream_info.codecName)
    mapping = descriptor.rtpmap if descriptor else f"{stream_info.codecName}/{stream_info.codecClockRate}"
    setting = stream_info.audCodecParam.setting
    return NegotiatedCodec(
        codec=stream_info.codecName,
        clock_rate=stream_info.codecClockRate,
        rtpmap_local=f"a=rtpmap:{stream_info.rxPt} {mapping}",
        fmtp_local=_fmtp_line(stream_info.rxPt, setting.decFmtp),
        rtpmap_remote=f"a=rtpmap:{stream_info.txPt} {mapping}",
        fmtp_remote=_fmtp_line(stream_info.txPt, setting.encFmtp),
        packet_ms=float(setting.frmPerPkt * stream_info.audCodecParam.info.frameLen),
    )


def _fmtp_line(payload_type: int, fmtp: Any) -> str:
    parameters = [f"{entry.name}={entry.val}" if entry.name else entry.val for entry in fmtp]
    return f"a=fmtp:{payload_type} {';'.join(parameters)}" if parameters else ""
