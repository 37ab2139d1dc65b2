"""What our SDP says about packet times (RFC 8866 section 6.4) and rates, added to what PJSIP wrote.

`a=maxptime` is a promise about what we can receive and always safe. `a=ptime` is not: it applies to every codec of the media line, and a
peer that falls back to Opus and is asked for 160 ms may try to make Opus frames of 160 ms, which do not exist. So ptime is said only once
x-phv is certain: in an answer that will pick it, and in an offer that lists nothing else.
"""

import re

from softphone.engine.codecs.phv import ENCODING_NAME
from softphone.engine.pjsip.errors import FmtpError
from softphone.engine.pjsip.fmtp import parse_fmtp
from softphone.engine.pjsip.match import phv_fits

MAX_SDP = 16384
_AUDIO = re.compile(r"^m=audio [1-9][0-9]{0,4} [A-Z/]{1,32} ([0-9 ]{1,200})$")
_RTPMAP = re.compile(r"^a=rtpmap:([0-9]{1,3}) ([A-Za-z0-9._-]{1,64})/([0-9]{1,6})")
_FMTP = re.compile(r"^a=fmtp:([0-9]{1,3}) (.{1,1024})$")


class AudioSection:
    """The first live audio line of an SDP: where it lies, its formats in order, their names, clock rates and parameters."""

    def __init__(self, lines: list[str]) -> None:
        self.begin = self.end = 0
        self.formats: list[str] = []
        self.names: dict[str, str] = {}
        self.rates: dict[str, str] = {}
        self.fmtp: dict[str, str] = {}
        inside = False
        for number, line in enumerate(lines):
            if line.startswith("m="):
                audio = None if inside or self.formats else _AUDIO.match(line)
                inside = audio is not None
                if audio:
                    self.begin, self.formats = number, audio[1].split()
            if inside:
                self.end = number + 1 if line else self.end
                if match := _RTPMAP.match(line):
                    self.names.setdefault(match[1], match[2].lower())
                    self.rates.setdefault(match[1], match[3])
                elif match := _FMTP.match(line):
                    self.fmtp.setdefault(match[1], match[2])

    @property
    def codecs(self) -> list[str]:
        """Payload types that carry speech, in the order of preference."""
        return [pt for pt in self.formats if self.names.get(pt) not in ("telephone-event", "cn")]

    def phv(self) -> str | None:
        """Payload type of x-phv, if it is there."""
        return next((pt for pt in self.formats if self.names.get(pt) == ENCODING_NAME), None)


def add_packet_times(local: str, remote: str, ptime_ms: int, maxptime_ms: int) -> str:
    """`local` with our packet times added, where they can do no harm.

    `local` and `remote` are whole SDP texts as `onCallSdpCreated` gives them; `remote` is "" for an offer. Unknown or oversized text comes
    back unchanged.
    """
    if len(local) > MAX_SDP or len(remote) > MAX_SDP:
        return local
    lines = local.splitlines()
    ours = AudioSection(lines)
    phv = ours.phv()
    if phv is None or any(line.startswith(("a=ptime:", "a=maxptime:")) for line in lines):
        return local
    added = [f"a=maxptime:{maxptime_ms}"]
    if ours.codecs == [phv] or (remote and _answer_picks_phv(ours, AudioSection(remote.splitlines()))):
        added.insert(0, f"a=ptime:{ptime_ms}")
    return "\r\n".join(lines[: ours.end] + added + lines[ours.end :]) + "\r\n"


def add_rate_limit(local: str, ceiling_bps: int) -> str:
    """`local` with `maxrate` among the parameters of x-phv: the far end shall send no more than so many IP bit/s either. Unchanged where
    it has no x-phv, or no limit is wanted."""
    if not ceiling_bps or len(local) > MAX_SDP:
        return local
    lines = local.splitlines()
    ours = AudioSection(lines)
    phv = ours.phv()
    if phv is None or "maxrate=" in ours.fmtp.get(phv, "maxrate="):
        return local
    for number in range(ours.begin, ours.end):
        if lines[number].startswith(f"a=fmtp:{phv} "):
            lines[number] += f";maxrate={ceiling_bps}"
    return "\r\n".join(lines) + "\r\n"


def _answer_picks_phv(ours: AudioSection, theirs: AudioSection) -> bool:
    """Whether the negotiator, which follows the offerer's order, will take x-phv."""
    mine, yours = ours.phv(), theirs.phv()
    if mine is None or yours is None or theirs.codecs[:1] != [yours]:
        return False
    try:
        return phv_fits(parse_fmtp(ours.fmtp.get(mine, "")), parse_fmtp(theirs.fmtp.get(yours, "")))
    except FmtpError:
        return False
