"""Session descriptions that PJSIP 2.15.1 cannot take: it ends the process, or writes past an array, instead of refusing them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from softphone.engine import limits

_LINE = re.compile(rb"[^\r\n]+")
_LONG_HOST = re.compile(rb"(?:[co]=|a=[ \t]*(?:rtcp|candidate|remote-candidates):).*?[^\s]{%d}" % (limits.SDP_HOST_BYTES + 1))
_ATTRIBUTE = re.compile(rb"a=[ \t]*([^:\s]*)[ \t]*:?(.*)")
_RTPMAP = re.compile(rb"[ \t]*(\d{1,10})[ \t]+([^\s/]{1,64})/(\d{1,10})(?:/(\d{1,10}))?[ \t]*")
_FMTP = re.compile(rb"[ \t]*(\d+)")
_MOST = {
    b"crypto": limits.SDP_CRYPTOS,
    b"candidate": limits.SDP_CANDIDATES,
    b"ssrc": limits.SDP_SOURCES,
}


@dataclass
class _Section:
    """The session, or one media line."""

    counts: dict[bytes, int] = field(default_factory=dict)
    attributes: int = 0
    encodings: dict[int, bytes] = field(default_factory=dict)


def fault(body: bytes) -> str:
    """Why PJSIP must not see this SDP, as a sentence without its beginning; empty where it may."""
    section = _Section()
    media_lines = 0
    for found in _LINE.finditer(body):
        line = found[0]
        if b"\0" in line:
            return "holds a NUL"
        if _LONG_HOST.match(line):
            return f"names a host of more than {limits.SDP_HOST_BYTES} characters"
        if line.startswith(b"m="):
            media_lines += 1
            section = _Section()
            if len(line.split()) - 3 > limits.SDP_FORMATS:
                return f"has more than {limits.SDP_FORMATS} formats on a line"
            if media_lines > limits.SDP_MEDIA_LINES:
                return f"has more than {limits.SDP_MEDIA_LINES} media lines"
        elif attribute := _ATTRIBUTE.match(line):
            why = _attribute_fault(section, attribute[1].lower(), attribute[2])
            if why:
                return why
    return ""


def without_bad_packet_times(body: bytes) -> bytes:
    """The same SDP without `a=ptime` and `a=maxptime` that nobody can keep (CVE-2026-41416)."""

    def keep(found: re.Match[bytes]) -> bytes:
        value = re.match(rb"[ \t]*(\d{1,9})(?!\d)", found[1])
        return found[0] if value and 1 <= int(value[1]) <= limits.SDP_PACKET_MS else b""

    return re.sub(rb"(?m)^a=[ \t]*(?:max)?ptime[ \t]*:?([^\r\n]*)(?:\r\n|\r|\n|\Z)", keep, body)


def _attribute_fault(section: _Section, name: bytes, value: bytes) -> str:
    section.attributes += 1
    if section.attributes > limits.SDP_ATTRIBUTES:
        return f"has more than {limits.SDP_ATTRIBUTES} attributes on a line"
    section.counts[name] = section.counts.get(name, 0) + 1
    if section.counts[name] > _MOST.get(name, limits.SDP_ATTRIBUTES):
        return f"has more than {_MOST[name]} lines a={name.decode('ascii', 'replace')}"
    if name == b"crypto":
        tag = value.split(None, 1)[0] if value.split() else b""
        return "" if tag.isdigit() and len(tag) <= limits.SDP_CRYPTO_TAG_DIGITS else "has an a=crypto without a tag"
    if name in (b"ice-ufrag", b"ice-pwd"):
        return f"has an {name.decode()} of more than {limits.SDP_ICE_BYTES} bytes" if len(value.strip()) > limits.SDP_ICE_BYTES else ""
    if name == b"rtpmap":
        return _rtpmap_fault(section, value)
    if name == b"fmtp" and (number := _FMTP.match(value)) and int(number[1][:10]) > limits.SDP_PAYLOAD_TYPE:
        return f"has a payload type above {limits.SDP_PAYLOAD_TYPE}"
    return ""


def _rtpmap_fault(section: _Section, value: bytes) -> str:
    mapped = _RTPMAP.fullmatch(value)
    if mapped is None:
        return "has an a=rtpmap that cannot be read"
    number, rate = int(mapped[1]), int(mapped[3])
    if number > limits.SDP_PAYLOAD_TYPE:
        return f"has a payload type above {limits.SDP_PAYLOAD_TYPE}"
    if not 0 < rate <= limits.SDP_CLOCK_HZ:
        return f"has a clock rate of {rate} Hz"
    encoding = value.split(None, 1)[1].strip().lower()
    if section.encodings.setdefault(number, encoding) != encoding:
        return f"gives payload type {number} to two codecs"
    return ""
