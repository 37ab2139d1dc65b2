"""The impairment box without sockets: its notation, and whether what it does to packets is what it says."""

from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from codec.units.rates import IP_UDP_BYTES
from softphone.bench.impairment.channel import Channel, bottleneck_of
from softphone.bench.impairment.gateway import Addresses, loopback_addresses, media_kind, media_ports, rewrite, sip_label
from softphone.bench.impairment.impairment import Impairment, ImpairmentError, parse_impairment

MANY = 20000


def arrivals(text: str, count: int = MANY, step_s: float = 0.02, payload: int = 60, seed: str = "seed") -> list[list[float]]:
    channel = Channel(parse_impairment(text), seed)
    return [channel.send(n * step_s, payload) for n in range(count)]


def test_the_notation_says_what_it_means() -> None:
    assert parse_impairment("none") == Impairment()
    assert parse_impairment(" loss  30% ") == Impairment(loss=0.3)
    assert parse_impairment("burst 30%x3") == Impairment(loss=0.3, burst_packets=3)
    assert parse_impairment("delay 200ms + jitter 300ms ordered") == Impairment(delay_ms=200, jitter_ms=300, ordered=True)
    assert parse_impairment("reorder 10%+duplicate 2.5%") == Impairment(reorder=0.1, duplicate=0.025)
    assert parse_impairment("rate 1200 queue 400ms + loss 5%") == Impairment(rate_bps=1200, queue_ms=400, loss=0.05)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "there are none, loss 30%"),
        ("los 30%", "'los 30%' is no impairment"),
        ("loss 30", "'loss 30' is no impairment"),
        ("loss 130%", "asks for 130 %"),
        ("loss 3% + burst 5%x2", "twice"),
        ("jitter 1ms + jitter 2ms", "names jitter twice"),
        ("none + loss 3%", "none and something"),
        ("burst 30%x0.5", "at least 1 packet"),
        ("burst 90%x2", "needs them longer"),
        ("rate 0", "at least 1 bit/s"),
        ("delay 99999999ms", "at most 60000"),
        ("trace /nowhere", "cannot be read"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(text: str, why: str) -> None:
    with pytest.raises(ImpairmentError) as found:
        parse_impairment(text)
    assert why in str(found.value) and "\n" not in str(found.value)


def test_independent_loss_is_as_often_as_asked_and_has_no_memory() -> None:
    lost = np.array([not one for one in arrivals("loss 30%")])
    # Four standard deviations of a share of 20 000.
    assert abs(lost.mean() - 0.3) < 0.013
    assert abs(lost[1:][lost[:-1]].mean() - 0.3) < 0.025


def test_bursts_have_their_share_and_their_length() -> None:
    lost = [not one for one in arrivals("burst 30%x3")]
    lengths = [len(list(run)) for is_lost, run in groupby(lost) if is_lost]
    assert abs(np.mean(lost) - 0.3) < 0.025
    assert abs(np.mean(lengths) - 3) < 0.25
    # Lengths of a Gilbert model are geometric: a third of the bursts is one packet.
    assert abs(np.mean(np.array(lengths) == 1) - 1 / 3) < 0.04


def test_jitter_is_uniform_and_lets_packets_overtake_unless_told_not_to() -> None:
    late = np.array([one[0] - 0.02 * n for n, one in enumerate(arrivals("delay 50ms + jitter 300ms"))])
    assert 0.05 <= late.min() < 0.06 and 0.34 < late.max() <= 0.35
    assert abs(late.mean() - 0.2) < 0.005
    assert (np.diff([one[0] for one in arrivals("jitter 300ms")]) < 0).mean() > 0.3
    ordered = np.array([one[0] for one in arrivals("jitter 300ms ordered")])
    assert (np.diff(ordered) >= 0).all()
    assert (ordered - 0.02 * np.arange(MANY) <= 0.3).all()


def test_reordered_packets_come_after_the_next_one_and_before_the_one_after_that() -> None:
    for step_s in (0.02, 0.16):
        times = [one[0] for one in arrivals("reorder 10%", step_s=step_s)]
        order = np.argsort(times, kind="stable")
        moved = order[:-1] > order[1:]
        assert abs(moved.mean() - 0.1) < 0.015
        assert np.abs(order - np.arange(MANY)).max() <= 2


def test_doubled_packets_arrive_twice() -> None:
    copies = [len(one) for one in arrivals("duplicate 5%")]
    assert set(copies) == {1, 2}
    assert abs(np.mean(copies) - 1.05) < 0.007


def test_a_link_takes_its_time_for_headers_too_and_drops_what_its_queue_cannot_hold() -> None:
    # 32 bytes of payload are 60 on the wire: 0.2 s at 2400 bit/s.
    assert [one[0] for one in arrivals("rate 2400", count=3, step_s=1.0, payload=32)] == pytest.approx([0.2, 1.2, 2.2])
    at_once = arrivals("rate 2400 queue 1000ms", count=10, step_s=0.0, payload=32)
    assert [one[0] for one in at_once if one] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.2])
    assert at_once[6:] == [[]] * 4
    flooded = [one for one in arrivals("rate 2400", count=3000, payload=32) if one]
    assert len(flooded) * (32 + IP_UDP_BYTES) * 8 / 60 == pytest.approx(2400, rel=0.03)
    # A datagram larger than the queue still passes an idle link.
    assert arrivals("rate 2400 queue 0ms", count=1, payload=1400)[0] == pytest.approx([1428 * 8 / 2400])


def test_two_channels_share_one_link() -> None:
    what = parse_impairment("rate 2400")
    link = bottleneck_of(what)
    here, there = Channel(what, "a", link), Channel(what, "b", link)
    assert here.send(0.0, 32) == pytest.approx([0.2])
    assert there.send(0.0, 32) == pytest.approx([0.4])
    assert here.send(5.0, 32) == pytest.approx([5.2])


def test_a_trace_is_played_again_from_its_beginning(tmp_path: Path) -> None:
    (tmp_path / "way.trace").write_text("# ms\n10\nlost\n\n30.5\n")
    got = arrivals(f"trace {tmp_path / 'way.trace'}", count=5, step_s=1.0)
    assert got == [pytest.approx([0.01]), [], pytest.approx([2.0305]), pytest.approx([3.01]), []]
    (tmp_path / "bad.trace").write_text("10\n-3\n")
    with pytest.raises(ImpairmentError, match="line 2 of the trace"):
        parse_impairment(f"trace {tmp_path / 'bad.trace'}")
    (tmp_path / "empty.trace").write_text("# nothing\n")
    with pytest.raises(ImpairmentError, match="0 packets"):
        parse_impairment(f"trace {tmp_path / 'empty.trace'}")


def test_the_same_seed_gives_the_same_and_another_does_not() -> None:
    text = "loss 20% + jitter 100ms + duplicate 10%"
    assert arrivals(text, 500) == arrivals(text, 500)
    assert arrivals(text, 500) != arrivals(text, 500, seed="other")


ADDRESSES = Addresses(a="127.0.0.2", b="127.0.0.3", a_seen="127.0.0.40", b_seen="127.0.0.5")
INVITE = (
    b"INVITE sip:x@127.0.0.5:5062 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2:5060;branch=z\r\nContact: <sip:a@127.0.0.2:5060>\r\n"
    b"CSeq: 7 INVITE\r\nl: %d\r\n\r\n%b"
)
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\nc=IN IP4 127.0.0.2\r\nm=audio 4000 RTP/AVP 96 0\r\na=rtcp:4011 IN IP4 127.0.0.2\r\n"
    b"m=video 0 RTP/AVP 31\r\n"
)


def test_sip_is_renamed_both_ways_and_keeps_its_length() -> None:
    sent = INVITE % (len(SDP), SDP)
    there = rewrite(sent, ADDRESSES.renamed("a"))
    body = there.partition(b"\r\n\r\n")[2]
    assert b"127.0.0.2:" not in there and b"IN IP4 127.0.0.40\r\n" in body and b"INVITE sip:x@127.0.0.3:5062" in there
    assert b"\r\nl: %d\r\n" % len(body) in there and len(body) == len(SDP) + 3
    # What comes back names the address that the other side knows, and then its own again.
    assert rewrite(there, ADDRESSES.renamed("b")) == sent
    assert rewrite(b"c=IN IP4 127.0.0.22, not 1127.0.0.2", {b"127.0.0.2": b"no"}) == b"c=IN IP4 127.0.0.22, not 1127.0.0.2"


def test_ports_of_media_are_read_from_sdp_and_labels_from_sip() -> None:
    assert media_ports(INVITE % (len(SDP), SDP)) == {4000, 4001, 4011}
    assert media_ports(b"OPTIONS sip:x SIP/2.0\r\n\r\n") == set()
    assert sip_label(INVITE % (0, b"")) == "INVITE"
    assert sip_label(b"SIP/2.0 200 OK\r\nCSeq: 7 INVITE\r\n\r\n") == "200 INVITE"
    assert sip_label(b"\r\n\r\n") == sip_label(b"\x00") == ""
    assert (media_kind(b"\x80\xc8rest"), media_kind(b"\x80\x60rest"), media_kind(b"\x80\xe0rest"), media_kind(b"")) == (
        "rtcp", "rtp", "rtp", "rtp",
    )  # fmt: skip


def test_addresses_on_loopback_are_four_of_one_length() -> None:
    found = loopback_addresses()
    four = {found.a, found.b, found.a_seen, found.b_seen}
    assert len(four) == 4 and len({len(one) for one in four}) == 1 and all(one.startswith("127.") for one in four)


def test_a_link_that_changes_does_so_from_the_moment_it_is_told_to() -> None:
    train = parse_impairment("trace train")
    link = bottleneck_of(train)
    channel = Channel(train, "seed", link)
    assert channel.send(100.0, 172)[0] == pytest.approx(100 + 1600 / 64000), "until then its first stretch lasts"
    channel.begin(200.0)
    ends = np.cumsum([seconds for seconds, _ in train.stretches])
    assert channel.send(200 + ends[0] + 1, 172)[0] == pytest.approx(200 + ends[0] + 1 + 1600 / 2400)
    assert not any(channel.send(200 + ends[2] + at / 10, 60) for at in range(40)), "the outage"
    assert channel.send(1000.0, 172)[0] == pytest.approx(1000 + 1600 / 64000), "the last one lasts"


@pytest.mark.parametrize("name", ["train", "cell", "satellite"])
def test_traces_are_there_by_name(name: str) -> None:
    assert len(parse_impairment(f"trace {name}").stretches) >= 3
    assert parse_impairment(f"trace {name}").link_only.stretches[0][1].rate_bps
