"""Short SDP for slow links: lines that only state a default are left out."""

from softphone.codecs import CODECS
from softphone.codecs.fmtp import FmtpError, integer, parse_fmtp
from softphone.engine.sdp.audio_section import AudioSection, read_media, split_lines

TIGHT_BPS = 8000
"""Below this rate of a direction, headers counted, of all our codecs only x-phv fits: Opus at 6 kbit/s in packets of 60 ms takes 11."""
_NEEDLESS = (
    "a=X-nat:",  # of PJSIP alone
    "a=ssrc:",  # RFC 5576; RTP says it too
    "b=AS:",  # what PJSIP thinks of its widest codec
    "b=TIAS:",
)
_DEFAULT_DIRECTION = "a=sendrecv"
"""RFC 8866, 6.7."""
_DEFAULT_EVENTS = ("0-15", "0-16")
"""0-15 is the default of telephone-event (RFC 4733, 2.4.1), and 16 is a hook flash."""
_STATIC = {f"a=rtpmap:{codec.payload_type} {codec.name}/{codec.clock_rate}" for codec in CODECS if codec.payload_type is not None}
"""RFC 3551, 6."""
_FIRST_DYNAMIC = 96
_SESSION_DIGITS = 6
"""Of the time in seconds that PJSIP takes for the numbers of a session, eleven days are enough."""


def tight(rate_bps: int) -> bool:
    """Whether a call with this limit in IP bit/s (0: none) must leave out everything optional."""
    return 0 < rate_bps < TIGHT_BPS


def rate_limit(text: str) -> int:
    """The `maxrate` of x-phv in an SDP text in IP bit/s; 0 where there is none."""
    if "maxrate=" not in text:
        return 0
    section = AudioSection(text)
    try:
        return integer(parse_fmtp(section.fmtp.get(section.phv or "", "")), "maxrate", 0, 999999, 0)
    except FmtpError:
        return 0


def shorten(text: str, remote: str = "") -> str:
    """A whole SDP text that PJSIP wrote, without lines that state a default; one that cannot be read is unchanged. `remote` is the offer
    that it answers, or empty."""
    if not read_media(text):
        return text
    section = AudioSection(text)
    # PJSIP compares a dynamic number with ours by the rtpmap alone.
    needless = {_DEFAULT_DIRECTION} if _moves_static(remote) else {_DEFAULT_DIRECTION, *_STATIC}
    needless |= {
        f"a=fmtp:{number} {events}"
        for number, events in section.fmtp.items()
        if section.names.get(number) == "telephone-event" and events in _DEFAULT_EVENTS
    }
    kept: list[str] = []
    port = 0
    address = ""
    for line in split_lines(text):
        if line.startswith("m="):
            port = int(word) if (word := line.split()[1]).isdigit() else 0
        elif line.startswith("c="):
            address = line[2:]
        # The port after that of RTP is the one without such a line (RFC 3605, 2.1).
        if line.startswith(_NEEDLESS) or line in needless or line == f"a=rtcp:{port + 1} {address}":
            continue
        kept.append("s=-" if line == "s=pjmedia" else _short_origin(line) if line.startswith("o=") else line)
    return "\r\n".join(kept) + "\r\n"


def _moves_static(offer: str) -> bool:
    """Whether an offer gives a codec that has a static payload type a dynamic one."""
    static = {codec.name.lower() for codec in CODECS if codec.payload_type is not None}
    maps = (maps for media in read_media(offer) for number, maps in media.rtpmaps().items() if int(number) >= _FIRST_DYNAMIC)
    return any(mapping.name.lower() in static for found in maps for mapping in found)


def _short_origin(line: str) -> str:
    words = line.split(" ")
    if len(words) == 6 and words[1].isdigit() and words[2].isdigit():
        words[1:3] = words[1][-_SESSION_DIGITS:], words[2][-_SESSION_DIGITS:]
    return " ".join(words)
