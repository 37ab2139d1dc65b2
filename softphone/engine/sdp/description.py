"""Session descriptions (RFC 8866), read from any text within bounds and written again.

The reader is lenient where phones differ (line ends, blanks around lines, lines in another order, unknown lines) and strict where a
wrong guess would matter: a media line whose port is no port, or a description without origin, is not guessed at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from softphone.engine.limits import MAX_BYTES, MAX_LINES, MAX_MEDIA
from softphone.errors import SoftphoneError

_MEDIA = re.compile(r"(\S{1,32})[ \t]+([0-9]{1,5})(?:[ \t]*/[ \t]*([0-9]{1,5}))?[ \t]+([A-Za-z0-9/._+-]{1,64})((?:[ \t]+\S+)*)")
_ORIGIN = re.compile(r"(?:.*[ \t])?(\S+)[ \t]+(\S+)[ \t]+IN[ \t]+(IP[46])[ \t]+(\S+)")
"""Some phones put a user name with blanks there, none, or numbers that are negative or larger than 64 bits."""
_NUMBER = re.compile(r"[0-9]{1,20}")
_HOST = re.compile(r"[A-Za-z0-9.:-]{1,253}")
_RTPMAP = re.compile(r"([0-9]{1,3})[ \t]+([A-Za-z0-9._+-]{1,64})[ \t]*/[ \t]*([0-9]{1,9})(?:[ \t]*/[ \t]*([0-9]{1,9}))?[ \t]*")
_FMTP = re.compile(r"([0-9]{1,3})[ \t]+(.{1,1024})")
_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])")
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
ANYWHERE = "0.0.0.0"
"""As a connection address: hold, as RFC 2543 had it (RFC 3264, 8.4)."""


class SdpError(SoftphoneError):
    """The text is no session description; one sentence."""


@dataclass(frozen=True, slots=True)
class Rtpmap:
    """RFC 8866, 6.6. `channels` 1 where none are named."""

    name: str
    clock_rate: int
    channels: int = 1

    def __str__(self) -> str:
        return f"{self.name}/{self.clock_rate}" + (f"/{self.channels}" if self.channels != 1 else "")


@dataclass(slots=True)
class Section:
    """The session part, or one media description: its `c=` values and its attributes as (name, value), in order; value None for a flag."""

    connections: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str | None]] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        """Values of the attributes of this name, in order; empty ones left out."""
        return [value for key, value in self.attributes if key == name and value]

    def first(self, name: str) -> str | None:
        """The first value, for attributes that may stand once only: who repeats one is taken at the first word."""
        return next(iter(self.values(name)), None)

    @property
    def direction(self) -> str | None:
        """The first of RFC 8866, 6.7; None where there is none."""
        return next((key for key, value in self.attributes if key in DIRECTIONS and not value), None)


@dataclass(slots=True)
class MediaSection(Section):
    """One media line with what belongs to it."""

    kind: str = "audio"
    port: int = 0
    ports: int = 1
    protocol: str = "RTP/AVP"
    formats: list[str] = field(default_factory=list)
    begin: int = 0
    """Number of its first line in the text,"""
    end: int = 0
    """and of the line after its last one."""

    def rtpmaps(self) -> dict[str, list[Rtpmap]]:
        """By payload type, in order; more than one only where the far end gives the number twice."""
        found: dict[str, list[Rtpmap]] = {}
        for value in self.values("rtpmap"):
            if match := _RTPMAP.fullmatch(value):
                found.setdefault(str(int(match[1])), []).append(Rtpmap(match[2], int(match[3]), int(match[4] or 1)))
        return found

    def fmtp(self) -> dict[str, str]:
        """Parameters by payload type; of a number that has several lines, the first."""
        found: dict[str, str] = {}
        for value in self.values("fmtp"):
            if match := _FMTP.fullmatch(value):
                found.setdefault(str(int(match[1])), match[2])
        return found


@dataclass(slots=True)
class Description:
    """A whole session description."""

    origin: str
    """Without the name of the user, which nobody needs (RFC 8866, 5.2)."""
    session: Section
    media: list[MediaSection]

    def address(self, media: MediaSection) -> str | None:
        """The IPv4 address of a media line, its own or that of the session; None for any other kind of address, or where there is none."""
        return ipv4((media.connections or self.session.connections or [""])[0])

    def direction(self, media: MediaSection) -> str:
        """Of a media line, its own or that of the session."""
        return media.direction or self.session.direction or "sendrecv"


def ipv4(connection: str) -> str | None:
    """The address in the value of a `c=` line, "IN IP4 192.0.2.1"; None where it is another kind, a name or a group (with a TTL)."""
    words = connection.split()
    return words[2] if len(words) == 3 and words[:2] == ["IN", "IP4"] and is_ipv4(words[2]) else None


def is_ipv4(text: str) -> bool:
    """Whether this is an IPv4 address in dotted form."""
    return _IPV4.fullmatch(text) is not None


def parse(text: str) -> Description:
    """Read a description. Raises SdpError, also for one that is larger than limits.py allows."""
    if len(text) > MAX_BYTES:
        raise SdpError(f"the session description has {len(text)} characters; at most {MAX_BYTES} are read")
    lines = [line.strip(" \t\0") for line in re.split(r"\r\n|\n|\r", text.removeprefix("\ufeff"))]
    if len(lines) > MAX_LINES:
        raise SdpError(f"the session description has {len(lines)} lines; at most {MAX_LINES} are read")
    session = Section()
    media: list[MediaSection] = []
    origin = version = ""
    section: Section = session
    for number, line in enumerate(lines):
        if not line:
            continue
        kind, equals, value = line[:1], line[1:2], line[2:].strip(" \t")
        if equals != "=" or not kind.isalpha():
            raise SdpError(f"the session description has the line {line[:40]!r}, which is none (RFC 8866, 5)")
        if kind == "m":
            section = _media(value)
            section.begin = number
            media.append(section)
        elif kind == "c":
            section.connections.append(value)
        elif kind == "a":
            name, colon, content = value.partition(":")
            section.attributes.append((name.strip().lower(), content.strip(" \t") if colon else None))
        elif section is session and kind == "v":
            version = version or value
        elif section is session and kind == "o":
            origin = origin or value
        if media:
            media[-1].end = number + 1
    known = _ORIGIN.fullmatch(origin)
    if version != "0" or known is None:
        raise SdpError("the session description has no version (v=0) or no origin (o=) that can be read (RFC 8866, 5)")
    if len(media) > MAX_MEDIA:
        raise SdpError(f"the session description has {len(media)} media lines; at most {MAX_MEDIA} are read")
    address = known[4] if _HOST.fullmatch(known[4]) else ANYWHERE
    numbers = " ".join(word if _NUMBER.fullmatch(word) else "0" for word in known.group(1, 2))
    return Description(f"- {numbers} IN {known[3] if address == known[4] else 'IP4'} {address}", session, media)


def _media(value: str) -> MediaSection:
    match = _MEDIA.fullmatch(value)
    if match is None or int(match[2]) > 65535:
        raise SdpError(f"the media line {value[:40]!r} has no kind, port and protocol that can be read (RFC 8866, 5.14)")
    formats = [str(int(word)) if word.isascii() and word.isdigit() and len(word) <= 5 else word for word in match[5].split()]
    return MediaSection(kind=match[1], port=int(match[2]), ports=int(match[3] or 1), protocol=match[4], formats=formats)
