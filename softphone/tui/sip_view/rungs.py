"""SIP messages as a ladder: what each row says, which of them fit a filter, and the files that they are saved as. Pure."""

from __future__ import annotations

import ipaddress
import re
import struct
import time
from collections.abc import Sequence

from textual.content import Content

from softphone.control.protocol import SipMessage
from softphone.plain_text import visible
from softphone.tui.common.drawing import cut

LEAST_PEER = 76
"""Cells from which each row names the other side."""
PEER = 21
LONG_NAMES = {
    "a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "e": "Content-Encoding", "f": "From", "i": "Call-ID", "k": "Supported",
    "l": "Content-Length", "m": "Contact", "o": "Event", "r": "Refer-To", "s": "Subject", "t": "To", "u": "Allow-Events", "v": "Via",
    "x": "Session-Expires",
}  # fmt: skip
"""The compact forms of header names (RFC 3261, 7.3.3, and the IANA registry)."""
OURS = ("127.0.0.1", 5060)
"""Stands for this phone in a pcap: the trace does not know by which address a message went."""
LINKTYPE_RAW = 101


def with_long_names(text: str) -> str:
    """The message with header names written out."""
    head, gap, body = text.partition("\r\n\r\n")
    lines = [
        re.sub(r"^([a-zA-Z])[ \t]*:", lambda found: f"{LONG_NAMES.get(found[1].lower(), found[1])}:", line) for line in head.split("\r\n")
    ]
    return "\r\n".join(lines) + gap + body


def fits(message: SipMessage, wanted: str) -> bool:
    """Whether every word of the filter stands somewhere in the message or its other side."""
    text = f"{message.summary} {message.peer} {message.text}".casefold()
    return all(word in text for word in wanted.casefold().split())


def style_of(message: SipMessage) -> str:
    """By the class of the status; the words say the same."""
    status = re.match(r"(\d)\d\d ", message.summary)
    return {"1": "$foreground 60%", "2": "$success", "3": "$warning"}.get(status[1], "$error") if status else "bold $accent"


def rung(message: SipMessage, before: SipMessage | None, width: int) -> Content:
    """One message: time, seconds since the one before, and an arrow between this phone (left) and the other side (right)."""
    at = message.time
    stamp = f"{time.strftime('%H:%M:%S', time.localtime(at))}.{int(at * 1000) % 1000:03}"
    since = "" if before is None else f"+{at - before.time:.3f}"
    peer = f" {cut(visible(message.peer), PEER):<{PEER}}" if width >= LEAST_PEER else ""
    room = max(width - len(stamp) - 9 - len(peer) - 4, 12)
    words = cut(visible(message.summary), room - 4)
    line = "─" * (room - len(words) - 3)
    arrow = f"─ {words} {line}"[: room - 1] + "▶" if message.sent else "◀" + f"{line} {words} ─"[-(room - 1) :]
    return Content.assemble(
        (stamp, "$foreground 60%"), (f" {since:>8} ", "$foreground 60%"), "│", (arrow, style_of(message)), "│", (peer, "$foreground 60%")
    )


def as_text(messages: Sequence[SipMessage]) -> str:
    """All messages as they were, each under a line with its time, way and other side."""
    parts = []
    for message in messages:
        at = message.time
        stamp = f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(at))}.{int(at * 1000) % 1000:03}"
        way = "sent to" if message.sent else "received from"
        parts.append(f"--- {stamp} {way} {message.peer}\n{message.text.replace(chr(13), '')}\n")
    return "\n".join(parts)


def as_pcap(messages: Sequence[SipMessage]) -> bytes:
    """A capture file (pcap, raw IP) in which each message is a UDP packet, whatever it was carried by; for Wireshark and sngrep."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINKTYPE_RAW)]
    for message in messages:
        peer = _endpoint(message.peer)
        here = ("::1" if ":" in peer[0] else OURS[0], OURS[1])
        source, target = (here, peer) if message.sent else (peer, here)
        packet = _packet(source, target, message.text.encode()[:65000])
        at = message.time
        out.append(struct.pack("<IIII", int(at), int(at % 1 * 1e6), len(packet), len(packet)) + packet)
    return b"".join(out)


def _endpoint(peer: str) -> tuple[str, int]:
    host, _, port = peer.rpartition(":")
    try:
        return str(ipaddress.ip_address(host.strip("[]"))), int(port)
    except ValueError:
        return "192.0.2.1", 5060


def _packet(source: tuple[str, int], target: tuple[str, int], data: bytes) -> bytes:
    udp = struct.pack("!HHHH", source[1], target[1], 8 + len(data), 0) + data
    addresses = ipaddress.ip_address(source[0]).packed + ipaddress.ip_address(target[0]).packed
    if len(addresses) == 32:  # two of IPv6
        # Its UDP needs a checksum (RFC 8200, 8.1).
        udp = udp[:6] + struct.pack("!H", _checksum(addresses + struct.pack("!IxxxB", len(udp), 17) + udp) or 0xFFFF) + udp[8:]
        return struct.pack("!IHBB", 6 << 28, len(udp), 17, 64) + addresses + udp
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + addresses
    return head[:10] + struct.pack("!H", _checksum(head)) + head[12:] + udp


def _checksum(data: bytes) -> int:
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
