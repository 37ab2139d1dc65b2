"""Packet times (RFC 8866, 6.4) and rate limits in our SDP, added to what PJSIP wrote.

`a=maxptime` is a promise about what we can receive and always safe. `a=ptime` is not: it applies to every codec of the media line, and a
peer that falls back to Opus and is asked for 160 ms may try to make Opus frames of 160 ms, which do not exist. So ptime is said only once
x-phv is certain: in an answer that will pick it, and in an offer that lists nothing else.
"""

from softphone.codecs import PHV
from softphone.codecs.fmtp import FmtpError, parse_fmtp
from softphone.engine.sdp.audio_section import AudioSection, split_lines


def add_packet_times(local: str, remote: str, ptime_ms: int, maxptime_ms: int) -> str:
    """`local` with our packet times added, where they can do no harm.

    `local` and `remote` are whole SDP texts as `onCallSdpCreated` gives them; `remote` is "" for an offer. Unknown or oversized text comes
    back unchanged.
    """
    lines = split_lines(local)
    ours = AudioSection(local)
    phv = ours.phv
    if phv is None or any(line.startswith(("a=ptime:", "a=maxptime:")) for line in lines):
        return local
    added = [f"a=maxptime:{maxptime_ms}"]
    if ours.codecs == [phv] or (remote and _answer_picks_phv(ours, AudioSection(remote))):
        added.insert(0, f"a=ptime:{ptime_ms}")
    return "\r\n".join(lines[: ours.end] + added + lines[ours.end :]) + "\r\n"


def add_rate_limit(local: str, ceiling_bps: int) -> str:
    """`local` with `maxrate` among the parameters of x-phv: the far end is asked to keep to that limit in IP bit/s too. Unchanged where
    it has no x-phv, or no limit is wanted."""
    lines = split_lines(local)
    ours = AudioSection(local)
    phv = ours.phv
    if not ceiling_bps or phv is None or "maxrate=" in ours.fmtp.get(phv, "maxrate="):
        return local
    for number in range(ours.begin, ours.end):
        if lines[number].startswith(f"a=fmtp:{phv} "):
            lines[number] += f";maxrate={ceiling_bps}"
    return "\r\n".join(lines) + "\r\n"


def _answer_picks_phv(ours: AudioSection, theirs: AudioSection) -> bool:
    """Whether the negotiator, which follows the offerer's order, will take x-phv."""
    mine, yours = ours.phv, theirs.phv
    if mine is None or yours is None or theirs.codecs[:1] != [yours]:
        return False
    try:
        return PHV.fits(parse_fmtp(ours.fmtp.get(mine, "")), parse_fmtp(theirs.fmtp.get(yours, "")))
    except FmtpError:
        return False
