"""What stands on the wire: the offer's lines and their order, and the RTP headers of our packets."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from codec.units.rates import SAMPLE_RATE
from codec.wire.packet import VERSION
from softphone import sound_file
from softphone.control.protocol import AutoAnswer, CallState, Hangup, Log
from tests.fuzzing.sip_talk import Dialog
from tests.peers.sockets.callee import Callee, RtpHeader
from tests.phones.phone import Phone

MakePhone = Callable[..., Phone]
OPUS_TICKS = 48 * 60
"""RTP clock of Opus (RFC 7587, 4.1) times the packet time."""


@contextmanager
def wire(answer: str) -> Iterator[Callee]:
    peer = Callee(answer)
    peer.start()
    try:
        yield peer
    finally:
        peer.stop()


def say(phone: Phone, peer: Callee, speech: Path, quiet_s: float = 0.0) -> list[RtpHeader]:
    """Call the peer, say the recording, hang up once nothing came for `quiet_s`; what arrived."""
    call = phone.call(peer.uri, wav_in=speech)
    phone.wait_media(call)
    phone.wait_file(call, "played")
    arrived = -1
    while quiet_s and arrived != len(peer.rtp):
        arrived = len(peer.rtp)
        time.sleep(quiet_s)
    phone.client.request(Hangup(call=call))
    assert peer.ended.wait(5)
    return peer.rtp


def test_the_offer_names_our_codec_first_then_opus_then_g711(make_phone: MakePhone, speech: Path) -> None:
    phone = make_phone("phone")
    phone.wait_worker()
    with wire("m=audio PORT RTP/AVP 0\na=rtpmap:0 PCMU/8000") as peer:
        packets = say(phone, peer, speech)
    formats = re.search(r"m=audio \d+ RTP/AVP ([\d ]+)", peer.offer)
    assert formats
    names = {"0": "PCMU/8000", "8": "PCMA/8000"} | dict(re.findall(r"a=rtpmap:(\d+) (\S+)", peer.offer))
    offered = [names[number] for number in formats[1].split() if "telephone-event" not in names[number]]
    assert offered == ["x-phv/16000", "opus/48000/2", "PCMU/8000", "PCMA/8000"]
    ours = formats[1].split()[0]
    assert re.search(rf"a=fmtp:{ours} version={VERSION};inventory=arpabet-39;model=[0-9a-f]{{8}}\r", peer.offer)
    assert {packet.payload_type for packet in packets} == {0}


def test_a_call_waits_for_a_relay_that_does_not_answer(make_phone: MakePhone, tmp_path: Path) -> None:
    """It is not taken for dropped while PJSIP asks, and then comes about without the relay."""
    password = tmp_path / "secret"
    password.touch(mode=0o600)
    password.write_text("secret")
    other = make_phone("other", codecs=("PCMU",))
    other.client.request(AutoAnswer())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        relay = {"turn": f"127.0.0.1:{silent.getsockname()[1]}", "turn_user": "x", "turn_password_file": str(password)}
        phone = make_phone("phone", codecs=("PCMU",), bind="0.0.0.0", **relay)
        began = time.monotonic()
        call = phone.call(other.uri)
        over = phone.wait(CallState, lambda event: event.call == call and event.state in ("confirmed", "disconnected"), 60)
    assert time.monotonic() - began > 4, "the relay was never asked"
    assert over.state == "confirmed", over


def test_a_caller_that_wants_media_over_ipv6_is_told_of(make_phone: MakePhone) -> None:
    phone = make_phone("phone", codecs=("PCMU",))
    phone.client.request(AutoAnswer())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
        caller.bind(("127.0.0.1", 0))
        address = phone.uri.partition("@")[2]
        invite = Dialog(1, caller.getsockname()[1], 4000, f"sip:x@{address}").request("INVITE", sdp=True)
        invite = invite.replace(b"c=IN IP4 127.0.0.1", b"c=IN IP6 2001:db8::")
        invite = invite.replace(b"Content-Length: ", b"X: ")  # its length has changed
        caller.sendto(invite, ("127.0.0.1", int(address.partition(":")[2])))
        told = phone.wait(Log, lambda event: "refused with 488" in event.message)
    assert "fuzz@127.0.0.1" in told.message and "IPv6" in told.message


@pytest.mark.parametrize("talking_ptime", [20, 60])
def test_opus_counts_rtp_time_as_rfc_7587_says(make_phone: MakePhone, speech: Path, talking_ptime: int) -> None:
    phone = make_phone("phone", codecs=("opus",))
    with wire(f"m=audio PORT RTP/AVP 96\na=rtpmap:96 opus/48000/2\na=fmtp:96 usedtx=1;useinbandfec=1\na=ptime:{talking_ptime}") as peer:
        packets = [packet for packet in say(phone, peer, speech) if packet.payload_type == 96]
    # The last packets may be comfort noise of the pause after the speech.
    assert 45 < len(packets) < 90
    steps = [(after.timestamp - before.timestamp, after.sequence - before.sequence, after.marker) for before, after in pairwise(packets)]
    assert {sequence for _, sequence, _ in steps} == {1}
    assert all(ticks % OPUS_TICKS == 0 for ticks, _, _ in steps)
    assert sum(ticks == OPUS_TICKS for ticks, _, _ in steps) > 0.8 * len(steps)
    # The marker stands where speech begins again after silence, and nowhere else (RFC 3551, 4.1).
    assert [marker for _, _, marker in steps] == [ticks > OPUS_TICKS for ticks, _, _ in steps]
    spoken_ms = (packets[-1].timestamp - packets[0].timestamp) / 48
    assert 3500 < spoken_ms < 5500


@pytest.mark.parametrize(
    ("wish", "holds"),
    [
        ("maxplaybackrate=8000", lambda packets: {packet.first >> 3 for packet in packets} <= {0, 1, 2, 3}),
        ("cbr=1", lambda packets: len({packet.payload_bytes for packet in packets}) == 1),
        ("maxaveragebitrate=6000", lambda packets: sum(packet.payload_bytes for packet in packets) * 8 < 6000 * 1.15 * 0.06 * len(packets)),
        ("usedtx=0", lambda packets: all(after.timestamp - before.timestamp == OPUS_TICKS for before, after in pairwise(packets))),
        ("stereo=1;sprop-stereo=1", lambda packets: not any(packet.first & 4 for packet in packets)),
    ],
)
def test_opus_is_sent_as_the_far_end_wants_it(
    wish: str, holds: Callable[[list[RtpHeader]], bool], make_phone: MakePhone, speech: Path, tmp_path: Path
) -> None:
    """RFC 7587, 6.1 and 7; stereo is a wish that nobody needs to fulfil."""
    short = tmp_path / "short.wav"
    sound_file.write_wav(short, sound_file.read(speech)[: 2 * SAMPLE_RATE])
    phone = make_phone("phone", codecs=("opus",))
    with wire(f"m=audio PORT RTP/AVP 96\na=rtpmap:96 opus/48000/2\na=fmtp:96 {wish}") as peer:
        packets = [packet for packet in say(phone, peer, short) if packet.payload_type == 96]
    assert len(packets) > 20 and holds(packets), packets
    offered = re.search(r"a=fmtp:\d+ (maxplaybackrate\S*)", peer.offer)
    assert offered is not None
    ours = dict(part.split("=") for part in offered[1].split(";"))
    assert ours == {
        "maxplaybackrate": "16000",
        "sprop-maxcapturerate": "16000",
        "maxaveragebitrate": "8000",
        "stereo": "0",
        "sprop-stereo": "0",
        "useinbandfec": "1",
        "usedtx": "1",
    }


def test_our_codec_counts_rtp_time_at_16_khz(make_phone: MakePhone, speech: Path) -> None:
    phone = make_phone("phone", codecs=("x-phv",))
    phone.wait_worker()
    model = phone.worker_facts().model
    answer = f"m=audio PORT RTP/AVP 96\na=rtpmap:96 x-phv/16000\na=fmtp:96 version={VERSION};inventory=arpabet-39;model={model}"
    with wire(answer) as peer:
        # Who only listens sends as well, or no NAT on the way would let anything in.
        call = phone.call(peer.uri)
        deadline = time.monotonic() + 20
        while len(peer.rtp) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert {(packet.payload_type, packet.payload_bytes) for packet in peer.rtp[:2]} == {(96, 1)}
        phone.client.request(Hangup(call=call))
        phone.wait_state(call, "disconnected")
    with wire(answer) as peer:
        packets = [packet for packet in say(phone, peer, speech, quiet_s=1.0) if packet.payload_type == 96]
    assert 10 < len(packets) < 45
    assert {after.sequence - before.sequence for before, after in pairwise(packets)} == {1}
    assert all(packet.payload_bytes < 120 for packet in packets)
    spoken_ms = (packets[-1].timestamp - packets[0].timestamp) / 16
    assert 2500 < spoken_ms < 6500
