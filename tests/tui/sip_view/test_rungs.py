"""The ladder of SIP messages: rows, filter, header names, and the files that it is saved as."""

import struct

import msgspec
import pytest

from softphone.control.protocol import SipMessage
from softphone.tui.sip_view.rungs import as_pcap, as_text, fits, rung, style_of, with_long_names

INVITE = SipMessage(
    1e9,
    True,
    "192.0.2.1:5060",
    "INVITE sip:bob@example.org",
    "INVITE sip:bob@example.org SIP/2.0\r\nf: <sip:a@example.org>;tag=1\r\ni: 7\r\nSubject: x\r\n\r\nv=0\r\ns: not a header\r\n",
)
BUSY = SipMessage(1e9 + 0.25, False, "192.0.2.1:5060", "486 Busy Here (INVITE)", "SIP/2.0 486 Busy Here\r\n\r\n")


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_row_fits_and_shows_way_and_time(width: int) -> None:
    there, back = rung(INVITE, None, width).plain, rung(BUSY, INVITE, width).plain
    assert len(there) == len(back) <= width
    assert there.index("INVITE") < there.index("▶") and back.index("◀") < back.index("486")
    assert "+0.250" in back and "+" not in there
    assert ("192.0.2.1" in there) == (width >= 76)


def test_colours_repeat_what_the_status_says() -> None:
    assert len({style_of(message) for message in (INVITE, BUSY, SipMessage(summary="200 OK (BYE)"), SipMessage(summary="100 Trying"))}) == 4


def test_a_filter_finds_words_anywhere() -> None:
    assert fits(INVITE, "") and fits(INVITE, "invite 192.0.2") and fits(BUSY, "486") and not fits(BUSY, "register")


def test_compact_header_names_are_written_out_and_the_body_is_left() -> None:
    text = with_long_names(INVITE.text)
    assert "\r\nFrom: <sip:a@example.org>" in text and "\r\nCall-ID: 7" in text and "\r\nSubject: x" in text
    assert text.endswith("\r\n\r\nv=0\r\ns: not a header\r\n")


def test_the_text_has_every_message() -> None:
    text = as_text([INVITE, BUSY])
    assert "sent to 192.0.2.1:5060\nINVITE sip:bob" in text and "received from 192.0.2.1:5060\nSIP/2.0 486" in text


@pytest.mark.parametrize(("peer", "version", "header"), [("192.0.2.1:5060", 4, 20), ("[2001:db8::1]:5070", 6, 40)])
def test_the_capture_holds_udp_packets(peer: str, version: int, header: int) -> None:
    data = as_pcap([msgspec.structs.replace(INVITE, peer=peer)])
    assert struct.unpack("<I", data[:4]) == (0xA1B2C3D4,)
    seconds, _, kept, length = struct.unpack("<IIII", data[24:40])
    packet = data[40:]
    assert seconds == 10**9 and kept == length == len(packet)
    assert packet[0] >> 4 == version
    source, target, size, _ = struct.unpack("!HHHH", packet[header : header + 8])
    assert (source, target) == (5060, int(peer.rpartition(":")[2])) and size == len(packet) - header
    assert packet[header + 8 :].decode() == INVITE.text
    if version == 4:
        total = sum(struct.unpack("!10H", packet[:20]))
        assert (total & 0xFFFF) + (total >> 16) == 0xFFFF, "the checksum of its header"
