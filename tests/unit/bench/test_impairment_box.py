"""The impairment box with sockets, between two phones that are only sockets themselves."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from softphone.bench.impairment.box import Box, BoxError
from softphone.bench.impairment.by_hand import relay
from softphone.bench.impairment.gateway import Addresses, loopback_addresses
from softphone.bench.impairment.impairment import parse_impairment
from softphone.cli.main import main

RTP, RTCP = b"\x80\x60" + bytes(30), b"\x80\xc8" + bytes(30)


def udp(address: str, port: int = 0) -> socket.socket:
    new = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    new.bind((address, port))
    new.settimeout(5)
    return new


class Ends:
    """SIP and media sockets of two phones, and the box between."""

    def __init__(self, box: Box, addresses: Addresses) -> None:
        self.box, self.addresses = box, addresses
        self.sip_a, self.sip_b = udp(addresses.a), udp(addresses.b)
        self.rtp_a, self.rtp_b = udp(addresses.a), udp(addresses.b)
        box.connect(self.port(self.sip_a), self.port(self.sip_b))

    @staticmethod
    def port(one: socket.socket) -> int:
        return int(one.getsockname()[1])

    def invite(self) -> bytes:
        """From a to b; returns what b gets."""
        sdp = f"c=IN IP4 {self.addresses.a}\r\nm=audio {self.port(self.rtp_a)} RTP/AVP 0\r\n"
        message = f"INVITE sip:b@{self.addresses.b_seen} SIP/2.0\r\nCSeq: 1 INVITE\r\nContact: <sip:{self.addresses.a}>\r\n\r\n{sdp}"
        self.sip_a.sendto(message.encode(), (self.addresses.b_seen, self.port(self.sip_b)))
        return self.sip_b.recv(4096)


@contextmanager
def ends(text: str, *, sip: bool = False) -> Iterator[Ends]:
    addresses = loopback_addresses()
    with Box(addresses) as box:
        found = Ends(box, addresses)
        box.impair(parse_impairment(text), "seed", sip=sip)
        try:
            yield found
        finally:
            for one in (found.sip_a, found.sip_b, found.rtp_a, found.rtp_b):
                one.close()


def test_each_phone_sees_the_other_at_an_address_of_the_box() -> None:
    with ends("none") as two:
        got = two.invite().decode()
        assert two.addresses.a not in got.replace(two.addresses.a_seen, "") and f"c=IN IP4 {two.addresses.a_seen}" in got
        assert f"INVITE sip:b@{two.addresses.b} " in got
        # b sends to the port that a announced, at the address where it sees a; a gets it from where it sees b.
        two.rtp_b.sendto(RTP, (two.addresses.a_seen, two.port(two.rtp_a)))
        data, sender = two.rtp_a.recvfrom(4096)
        assert (data, sender) == (RTP, (two.addresses.b_seen, two.port(two.rtp_b)))
        two.rtp_a.sendto(RTCP, sender)
        assert two.rtp_b.recvfrom(4096) == (RTCP, (two.addresses.a_seen, two.port(two.rtp_a)))
        assert [(one.side, one.kind, one.label, one.copies) for one in two.box.record()] == [
            ("a", "sip", "INVITE", 1), ("b", "rtp", "", 1), ("a", "rtcp", "", 1),
        ]  # fmt: skip
        assert [one.ip_bytes for one in two.box.record()][1:] == [60, 60]


def test_media_is_lost_and_sip_is_not_unless_it_is_asked_for() -> None:
    with ends("loss 100%") as two:
        assert two.invite()
        two.rtp_b.sendto(RTP, (two.addresses.a_seen, two.port(two.rtp_a)))
        two.sip_b.sendto(b"SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n", (two.addresses.a_seen, two.port(two.sip_a)))
        assert two.sip_a.recv(4096).startswith(b"SIP/2.0 200")
        assert [(one.kind, one.copies) for one in two.box.record()] == [("sip", 1), ("rtp", 0), ("sip", 1)]
    with ends("duplicate 100%", sip=True) as two:
        assert two.invite() == two.sip_b.recv(4096)


def test_what_a_stranger_sends_is_for_nobody() -> None:
    with ends("none") as two, udp("127.0.0.1") as stranger:
        stranger.sendto(b"INVITE sip:b SIP/2.0\r\n\r\n", (two.addresses.b_seen, two.port(two.sip_b)))
        assert b"CSeq: 1" in two.invite()
        assert len(two.box.record()) == 1


@pytest.fixture
def lines() -> tuple[list[str], Callable[[str], None]]:
    said: list[str] = []
    return said, said.append


def test_by_hand_it_says_whom_to_call(lines: tuple[list[str], Callable[[str], None]]) -> None:
    said, say = lines
    four, ended = loopback_addresses(), threading.Event()
    ended.set()
    relay("loss 5%", [f"{four.a}:5070", f"{four.b}:5071"], [four.a_seen, four.b_seen], "0", impair_sip=False, say=say, ended=ended)
    assert f'bind = "{four.a}", port = 5070' in said[1] and f"calls sip:phone@{four.b_seen}:5071" in said[1]
    assert "0 packets" in said[-1]


def test_what_is_wrong_by_hand_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, why in (
        (["loss"], "'loss' is no impairment"),
        (["none", "--phones", "127.0.0.2", "127.0.0.3:5060"], "no ADDRESS:PORT"),
        (["none", "--phones", "127.0.0.2:5060", "127.0.0.2:5061"], "must all be different"),
        (["none", "--seen-at", "192.0.2.200", "192.0.2.201"], "addresses of this machine"),
    ):
        assert main(["bench", "relay", *arguments]) == 1
        assert why in capsys.readouterr().err
    with ends("none") as two, pytest.raises(BoxError, match="UDP ports free"):
        Box(two.addresses).connect(two.port(two.sip_a), two.port(two.sip_b))
