"""The clock of RTP time for RTCP, where it is not that of the codec.

PJMEDIA counts jitter, and the RTP time of its sender reports, in the rate at which it runs the codec. For Opus that is what was
negotiated, 16 kHz with us, while RTP time always runs at 48 kHz (RFC 7587, 4.1): the jitter it tells both ends is then wrong by more
than the packet time (stream.c, 2.15.1).
"""

from softphone.engine.pjsip.abi import Abi
from softphone.engine.pjsip.status_codes import PJ_SUCCESS


def set_rtp_clock(abi: Abi, stream: int, clock_hz: int) -> bool:
    """Count the RTCP of the pjmedia_stream at this address at `clock_hz`. To be called when it is created, before its first packet.

    False when PJMEDIA does not give the session.
    """
    info = abi.ffi.new("pjmedia_stream_rtp_sess_info *")
    if abi.lib.pjmedia_stream_get_rtp_session_info(abi.ffi.cast("void *", stream), info) != PJ_SUCCESS or not info.rtcp:
        return False
    # The session begins with the header of the next packet, in network order; its time is the base that an update would else clear.
    base = int.from_bytes(bytes(info.tx_rtp[4:8]), "big")
    setting = abi.ffi.new("pjmedia_rtcp_session_setting *", {"clock_rate": clock_hz, "rtp_ts_base": base})
    abi.lib.pjmedia_rtcp_update(info.rtcp, setting)
    return True
