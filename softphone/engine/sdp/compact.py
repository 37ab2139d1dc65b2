"""SDP without what its absence says as well, and offers that fit a slow link."""

import re

from softphone.engine.sdp.attributes import MAX_SDP, AudioSection

TIGHT_BPS = 8000
"""Below this rate of a direction, headers counted, of all our codecs only x-phv fits: Opus at 6 kbit/s in packets of 60 ms takes 11."""
_TOLD_ANYWAY = re.compile(
    r"a=X-nat:"  # of PJSIP alone
    r"|a=sendrecv$"  # RFC 8866, 6.7
    r"|a=ssrc:"  # RFC 5576; RTP says it too
    r"|b=(AS|TIAS):"  # what PJSIP thinks of its widest codec
)
_EVENTS = re.compile(r"a=fmtp:([0-9]{1,3}) 0-1[56]$")
"""0-15 is the default (RFC 4733, 2.4.1), and 16 is a hook flash."""
_STATIC = frozenset({"a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000"})
"""RFC 3551, 6."""
_MOVED = re.compile(r"^a=rtpmap:(?:9[6-9]|1[0-2][0-9]) PCM[AU]/", re.IGNORECASE | re.MULTILINE)
_ORIGIN = re.compile(r"(o=\S+ )[0-9]*?([0-9]{1,6}) [0-9]*?([0-9]{1,6}) ")
_MAX_RATE = re.compile(r"^a=fmtp:[0-9]{1,3} [^\r\n]*\bmaxrate=([0-9]{1,6})\b", re.MULTILINE)


def tight(rate_bps: int) -> bool:
    """Whether a call below so many IP bit/s (0: without limit) has room for nothing but what it must say."""
    return 0 < rate_bps < TIGHT_BPS


def rate_limit(text: str) -> int:
    """The `maxrate` of x-phv in an SDP text in IP bit/s; 0 where there is none."""
    found = _MAX_RATE.search(text) if len(text) <= MAX_SDP and "x-phv" in text else None
    return int(found[1]) if found else 0


def shorten(text: str, remote: str = "") -> str:
    """A whole SDP text that PJSIP wrote, without lines that state a default; what is unknown or oversized is unchanged. `remote` is the
    offer that it answers, or empty."""
    if len(text) > MAX_SDP:
        return text
    # PJSIP compares a dynamic number with ours by the rtpmap alone.
    static = frozenset() if _MOVED.search(remote) else _STATIC
    lines = text.splitlines()
    names = AudioSection(lines).names
    kept: list[str] = []
    port = 0
    address = ""
    for line in lines:
        if match := re.match(r"m=[a-z]+ ([0-9]{1,5}) ", line):
            port = int(match[1])
        elif line.startswith("c="):
            address = line[2:]
        events = _EVENTS.match(line)
        if events and names.get(events[1]) == "telephone-event":
            continue
        # The port after that of RTP is the one without such a line (RFC 3605, 2.1).
        if _TOLD_ANYWAY.match(line) or line in static or line == f"a=rtcp:{port + 1} {address}":
            continue
        # Of the time in seconds that PJSIP takes for the numbers of a session, eleven days are enough.
        kept.append("s=-" if line == "s=pjmedia" else _ORIGIN.sub(r"\1\2 \3 ", line, count=1))
    return "\r\n".join(kept) + "\r\n"
