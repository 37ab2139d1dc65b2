"""Two phones that each see the other at an address of the box: the addresses, and what must be rewritten in SIP for it.

As a NAT with an application-level gateway (RFC 2663) does, on both sides: the ports stay, so that nothing but addresses changes.
"""

import random
import re
from dataclasses import dataclass
from typing import Literal

Side = Literal["a", "b"]
Kind = Literal["sip", "rtp", "rtcp"]
OTHER: dict[Side, Side] = {"a": "b", "b": "a"}
_RTCP_TYPES = range(192, 224)
"""Of the second octet; RTP has no such payload types with a marker or without (RFC 5761, 4)."""
_MEDIA = re.compile(rb"^m=[a-z]+ ([1-9][0-9]{0,4})[ /]", re.MULTILINE)
_RTCP_LINE = re.compile(rb"^a=rtcp:([1-9][0-9]{0,4})\b", re.MULTILINE)
_LENGTH = re.compile(rb"^(content-length|l)([ \t]*:[ \t]*)[0-9]+[ \t]*$", re.MULTILINE | re.IGNORECASE)
_CSEQ = re.compile(rb"^cseq[ \t]*:[ \t]*[0-9]+[ \t]+([A-Z]+)", re.MULTILINE | re.IGNORECASE)
_HIGHEST_PORT = 65535


@dataclass(frozen=True)
class Addresses:
    """IPv4 addresses. `a`, `b`: of the phones; `a_seen`: of the box, where b sees a; `b_seen`: where a sees b."""

    a: str
    b: str
    a_seen: str
    b_seen: str

    def of(self, side: Side) -> str:
        return self.a if side == "a" else self.b

    def facing(self, side: Side) -> str:
        """The box's address to which this phone sends."""
        return self.b_seen if side == "a" else self.a_seen

    def renamed(self, sender: Side) -> dict[bytes, bytes]:
        """What the names in a message of `sender` become on the other side."""
        receiver = OTHER[sender]
        pairs = ((self.of(sender), self.facing(receiver)), (self.facing(sender), self.of(receiver)))
        return {old.encode(): new.encode() for old, new in pairs}


def loopback_addresses() -> Addresses:
    """Four addresses of 127/8 that nobody else is likely to have; all are as long as usual ones, so that messages are too."""
    chance = random.SystemRandom()
    net = f"127.{chance.randint(100, 254)}.{chance.randint(100, 254)}"
    return Addresses(f"{net}.2", f"{net}.3", f"{net}.4", f"{net}.5")


def rewrite(message: bytes, renamed: dict[bytes, bytes]) -> bytes:
    """A SIP message (RFC 3261) with its addresses renamed, Content-Length corrected; what is no text is left as it is."""
    pattern = re.compile(rb"(?<![0-9.])(" + b"|".join(re.escape(old) for old in renamed) + rb")(?![0-9])")
    head, gap, body = message.partition(b"\r\n\r\n")
    new_head, new_body = (pattern.sub(lambda match: renamed[match[1]], part) for part in (head, body))
    if len(new_body) != len(body):
        new_head = _LENGTH.sub(lambda match: match[1] + match[2] + str(len(new_body)).encode(), new_head.replace(b"\r\n", b"\n"))
        new_head = new_head.replace(b"\n", b"\r\n")
    return new_head + gap + new_body


def media_ports(message: bytes) -> set[int]:
    """UDP ports that the SDP (RFC 8866) of a SIP message announces, with those of RTCP (RFC 3605, else the next one)."""
    body = message.partition(b"\r\n\r\n")[2]
    rtp = [int(port) for port in _MEDIA.findall(body)]
    ports = {*rtp, *(port + 1 for port in rtp), *(int(port) for port in _RTCP_LINE.findall(body))}
    return {port for port in ports if port <= _HIGHEST_PORT}


def media_kind(datagram: bytes) -> Kind:
    """RTP or RTCP, for a datagram on a media port."""
    return "rtcp" if len(datagram) > 1 and datagram[1] in _RTCP_TYPES else "rtp"


def sip_label(message: bytes) -> str:
    """`INVITE`, `200 INVITE`; empty for what is no SIP message, such as a keep-alive (RFC 5626, 3.5.1)."""
    words = message.partition(b"\r\n")[0].split(b" ")
    if words[0] != b"SIP/2.0":
        return words[0].decode("ascii", "replace") if len(words) > 2 and words[-1] == b"SIP/2.0" else ""
    method = _CSEQ.search(message)
    return b" ".join([*words[1:2], *(match for match in [method[1] if method else b""] if match)]).decode("ascii", "replace")
