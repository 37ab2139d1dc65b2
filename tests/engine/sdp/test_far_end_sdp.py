"""Session descriptions of strangers against a live engine get their right answer, and the engine and its calls live on."""

import base64
import quopri
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from softphone.control.protocol import CallState, Hangup, Hold, Media, Resume, Status
from tests.peers.sockets.callee import Callee
from tests.peers.sockets.stranger import PLAIN, SESSION, Answer, Stranger
from tests.phones.answering_phone import start
from tests.phones.phone import Phone

HELD = SESSION.replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0")
VIDEO = "m=video 40002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
KEY = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
FILLER = "a=x-filler:0123456789012345678901234567890123456789\r\n"


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phone]:
    made = start(tmp_path_factory.mktemp("called"))
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def _lives_on(phone: Phone) -> Iterator[None]:
    yield
    phone.client.request(Hangup())
    assert phone.client.request(Status()).pid


def call_of(phone: Phone) -> int:
    return int(phone.client.request(Status()).calls[-1].call)


def connected_call(phone: Phone) -> int:
    """Number of the call, once the phone has our ACK."""
    return phone.wait_state(call_of(phone), "confirmed").call


def media(phone: Phone, after: int = 0) -> Media:
    call = call_of(phone)
    return phone.wait(Media, lambda event: event.call == call, after=after)


def direction(answer: Answer) -> str:
    """Of the only live line."""
    found = [line[2:] for line in answer.body.split("\r\n") if line in ("a=sendonly", "a=recvonly", "a=inactive")]
    return found[0] if found else "sendrecv"


TAKEN = {
    "two audio lines": (PLAIN + "m=audio 40004 RTP/AVP 0\r\n", [1, 0]),
    "eleven audio lines": (PLAIN * 11, [1] + 10 * [0]),
    "an audio line without a codec of ours first": ("m=audio 40004 RTP/AVP 18\r\n" + PLAIN, [0, 1]),
    "an audio line with keying of browsers first": ("m=audio 40004 UDP/TLS/RTP/SAVPF 0\r\n" + PLAIN, [0, 1]),
    "an encrypted line first, with a suite that is not known": (
        f"m=audio 40004 RTP/SAVP 0\r\na=crypto:1 F8_128_HMAC_SHA1_80 {KEY}\r\n" + PLAIN,
        [0, 1],
    ),
    "a disabled audio line first": ("m=audio 0 RTP/AVP 0\r\n" + PLAIN, [0, 1]),
    "video first": (VIDEO + PLAIN, [0, 1]),
    "video last": (PLAIN + VIDEO, [1, 0]),
    "sixteen lines": ("m=video 0 RTP/AVP 31\r\n" * 15 + PLAIN, 15 * [0] + [1]),
    "messages, fax, text and an application": (
        "m=x-ms-message 5060 sip null\r\nm=image 4000 udptl t38\r\nm=text 4002 RTP/AVP 98\r\n"
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
        + PLAIN,
        [0, 0, 0, 0, 1],
    ),
    "a line without any format": ("m=video 4000 RTP/AVP\r\n" + PLAIN, [0, 1]),
    "numbers that are none": ("m=video 4000 RTP/AVP 999 4294967296\r\n" + PLAIN, [0, 1]),
    "AVPF": ("m=audio PORT RTP/AVPF 0\r\n", [1]),
    "SAVP": (f"m=audio PORT RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}|2^20\r\n", [1]),
    "SAVPF": (f"m=audio PORT RTP/SAVPF 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_32 {KEY}\r\n", [1]),
    "an unknown suite first": (
        f"m=audio PORT RTP/SAVP 0\r\na=crypto:1 AEAD_AES_256_GCM {KEY}\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 {KEY}\r\n",
        [1],
    ),
    "a format without rtpmap": ("m=audio PORT RTP/AVP 97 0\r\n", [1]),
    "clock rates and channels that are none": (
        "m=audio PORT RTP/AVP 97 98 99 0\r\na=rtpmap:97 opus/0/2\r\na=rtpmap:98 opus/48000/99999999\r\na=rtpmap:99 /\r\n",
        [1],
    ),
    "a known number called something else": ("m=audio PORT RTP/AVP 0 8\r\na=rtpmap:0 G729/8000\r\n", [1]),
    "a known codec under another number": ("m=audio PORT RTP/AVP 97\r\na=rtpmap:97 pcmu/8000\r\n", [1]),
    "formats twice": ("m=audio PORT RTP/AVP 0 0 8 8 0\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:0 PCMU/8000\r\n", [1]),
    "forty formats": ("m=audio PORT RTP/AVP " + " ".join(map(str, range(34, 127))) + " 0\r\n", [1]),
    "attributes twice": (PLAIN + "a=ptime:20\r\na=ptime:40\r\na=sendrecv\r\na=sendrecv\r\na=rtcp:9\r\na=rtcp:10\r\n", [1]),
    "bundle and multiplexing": ("a=group:BUNDLE 0\r\n" + PLAIN + "a=mid:0\r\na=rtcp-mux\r\na=ssrc:1 cname:x\r\na=extmap:1 urn:x\r\n", [1]),
    "bandwidths": ("b=AS:64\r\nb=CT:1\r\nb=X-YZ:128\r\n" + PLAIN + "b=TIAS:64000\r\nb=AS:4294967296\r\n"
        "b=RS:0\r\nb=RR:0\r\nb=AS:1\r\nb=AS:2\r\n", [1]),
    "packet times that are none": (PLAIN + "a=ptime:4294967296\r\na=maxptime:0\r\n", [1]),
    "packets of a second": (PLAIN + "a=ptime:1000\r\na=maxptime:1000\r\n", [1]),
    "Opus of a second": ("m=audio PORT RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\na=ptime:1000\r\n", [1]),
    "packets of a millisecond": (PLAIN + "a=ptime:1\r\na=maxptime:1\r\n", [1]),
    "RTCP nowhere": (PLAIN + "a=rtcp:9 IN IP4 0.0.0.0\r\n", [1]),
    "RTCP at a name": (PLAIN + "a=rtcp:9 IN IP4 name.example\r\n", [1]),
    "candidates without ICE here": (PLAIN + "a=ice-ufrag:x\r\na=ice-pwd:y\r\na=candidate:1 1 UDP 1 x.local 9 typ host\r\n", [1]),
    "a thousand unknown attributes": (PLAIN + "a=x\r\n" * 600, [1]),
    "more than 1024 bytes": (PLAIN + FILLER * 20, [1]),
    "more than 3000 bytes": (PLAIN + FILLER * 55, [1]),
}  # fmt: skip


@pytest.mark.parametrize("name", TAKEN)
def test_one_audio_line_is_taken_and_heard(name: str, phone: Phone, stranger: Stranger) -> None:
    lines, wanted = TAKEN[name]
    answer = stranger.invite(SESSION + lines)
    assert answer.status == 200
    assert [int(port > 0) for port in answer.ports()] == wanted, "as many lines as were offered, and one of them alive (RFC 3264, 6)"
    assert media(phone).state == "active"
    assert stranger.hears(8)


REFUSED = {
    "keying of browsers": "m=audio PORT UDP/TLS/RTP/SAVPF 0\r\na=rtpmap:0 PCMU/8000\r\n",
    "keying of browsers, whole": "m=audio PORT UDP/TLS/RTP/SAVPF 111 0\r\na=rtpmap:111 opus/48000/2\r\n"
    "a=setup:actpass\r\na=fingerprint:sha-256 AB\r\n",
    "TLS under RTP/SAVP": "m=audio PORT UDP/TLS/RTP/SAVP 0\r\n",
    "RTP over TCP": "m=audio PORT TCP/RTP/AVP 0\r\n",
    "an unknown protocol": "m=audio PORT RTP/XYZ 0\r\n",
    "encryption without keys": "m=audio PORT RTP/SAVP 0\r\n",
    "an unknown suite": f"m=audio PORT RTP/SAVP 0\r\na=crypto:1 F8_128_HMAC_SHA1_80 {KEY}\r\n",
    "a key that is too short": "m=audio PORT RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA\r\n",
    "a master key index": f"m=audio PORT RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}|2^20|1:4\r\n",
    "a session parameter that changes packets": f"m=audio PORT RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY} UNENCRYPTED_SRTP\r\n",
    "no codec in common": "m=audio PORT RTP/AVP 18\r\n",
    "keys alone": "m=audio PORT RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000\r\n",
    "a clock rate of nothing": "m=audio PORT RTP/AVP 97\r\na=rtpmap:97 opus/0/2\r\n",
    "no format": "m=audio PORT RTP/AVP\r\n",
    "port 0": "m=audio 0 RTP/AVP 0\r\n",
    "several ports": "m=audio PORT/2 RTP/AVP 0\r\n",
    "no media line": "",
    "video alone": VIDEO,
    "fax": "m=image 4000 udptl t38\r\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_line_for_us_is_not_acceptable_here(name: str, phone: Phone, stranger: Stranger) -> None:
    answer = stranger.invite(SESSION + REFUSED[name])
    assert (answer.status, answer.body) == (488, "")
    assert answer.field("warning").startswith("304 ")
    assert phone.client.request(Status()).calls == []


@pytest.mark.parametrize(
    "address",
    ["IN IP6 ::1", "IN IP4 localhost", "IN IP4 224.2.1.1/127", "IN IP4 224.2.1.1", "IN IP4 255.255.255.255", "IN IP4 1", "X Y Z", "IN"],
)
def test_media_goes_to_ipv4_addresses_of_one_machine_only(address: str, stranger: Stranger) -> None:
    """A name would make the phone wait for a name server, and a group would get what everybody hears."""
    assert stranger.invite(SESSION.replace("IN IP4 127.0.0.1\r\nt", f"{address}\r\nt") + PLAIN).status == 488
    assert stranger.invite(SESSION.replace("c=IN IP4 127.0.0.1\r\n", "") + PLAIN).status == 488


UNREADABLE = {
    "text": "hello\r\n",
    "nothing but blanks": "   ",
    "no version": (SESSION + PLAIN).replace("v=0\r\n", ""),
    "no origin": (SESSION + PLAIN).replace("o=- 1 1 IN IP4 127.0.0.1\r\n", ""),
    "a port above all": SESSION + "m=audio 70000 RTP/AVP 0\r\n",
    "a port below all": SESSION + "m=audio -1 RTP/AVP 0\r\n",
    "a media line without protocol": SESSION + "m=audio PORT\r\n",
    "seventeen lines": SESSION + PLAIN * 17,
    "a line that is none": SESSION + PLAIN + "rtpmap:0 PCMU/8000\r\n",
    "bytes": SESSION + PLAIN + "\x00\x01\udcff\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_a_bad_request(name: str, stranger: Stranger) -> None:
    assert stranger.invite(UNREADABLE[name]).status == 400


@pytest.mark.parametrize(
    "origin", ["Cisco SIPUA 1 1", "1 1", "- -1 -2", "- 99999999999999999999999 1", "- 1a 1", "J\xf6rg 1 1", "a b c 1 2"]
)
def test_origins_as_phones_write_them(origin: str, stranger: Stranger) -> None:
    assert stranger.invite((SESSION + PLAIN).replace("- 1 1", origin)).status == 200
    assert stranger.hears()


def test_a_byte_order_mark_is_passed_over(stranger: Stranger) -> None:
    assert stranger.invite("\ufeff" + SESSION + PLAIN).status == 200


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "BASE64", "8bit"])
def test_a_part_of_a_body_may_be_encoded(encoding: str, stranger: Stranger) -> None:
    text = (SESSION + PLAIN).replace("PORT", str(stranger.media_port)).encode()
    coded = {"base64": base64.encodebytes, "quoted-printable": quopri.encodestring}.get(encoding.lower(), bytes)(text).decode()
    part = f"--b\r\nContent-Type: application/sdp\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{coded}\r\n--b--\r\n"
    assert stranger.invite(part, kind="multipart/mixed;boundary=b").status == 200
    assert stranger.hears()


@pytest.mark.parametrize(("encoding", "text"), [("base64", "A"), ("x-uuencode", "begin")])
def test_a_part_that_cannot_be_decoded(encoding: str, text: str, stranger: Stranger) -> None:
    part = f"--b\r\nContent-Type: application/sdp\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{text}\r\n--b--\r\n"
    assert stranger.invite(part, kind="multipart/mixed;boundary=b").status == 415


def test_a_call_that_is_not_acceptable_is_a_missed_call(tmp_path: Path) -> None:
    """Nobody hears it ring, so the history says who it was and why; a flood of them is told of once."""
    phone = start(tmp_path / "phone")
    try:
        for _ in range(3):
            with Stranger(phone.uri.partition("@")[2], name='"Caller" ') as stranger:
                assert stranger.invite(SESSION.replace("IN IP4 127.0.0.1\r\nt", "IN IP6 ::1\r\nt") + PLAIN).status == 488
        told = phone.wait(CallState, lambda event: event.state == "disconnected")
        assert (told.direction, told.code, told.account) == ("incoming", 488, "local")
        assert told.remote.startswith('"Caller" <sip:stranger@') and "IPv6" in told.reason
        assert phone.client.request(Status()).calls == []
        assert len([event for event in phone.events if isinstance(event, CallState)]) == 1
    finally:
        phone.stop()
    (row,) = phone.store().history.calls()
    assert row.outcome == "missed" and "IPv6" in row.reason


@pytest.mark.parametrize("end", ["\n", "\r"])
def test_line_ends_of_any_kind_are_read(end: str, stranger: Stranger) -> None:
    assert stranger.invite((SESSION + PLAIN).replace("\r\n", end).strip()).status == 200
    assert stranger.hears()


def test_an_offer_without_content_type_is_never_answered_with_an_offer_of_ours(stranger: Stranger) -> None:
    assert stranger.invite(SESSION + PLAIN, kind="").status == 400


@pytest.mark.parametrize("kind", ["application/SDP", "application/sdp;charset=utf-8", "Application/Sdp "])
def test_the_content_type_may_be_written_in_any_way(kind: str, stranger: Stranger) -> None:
    assert stranger.invite(SESSION + PLAIN, kind=kind).status == 200


@pytest.mark.parametrize(
    "offer",
    [SESSION + PLAIN + "a=inactive\r\n", SESSION + "a=inactive\r\n" + PLAIN, HELD + PLAIN, SESSION + PLAIN + "c=IN IP4 0.0.0.0\r\n"],
)
def test_an_offer_that_is_held_from_the_start(offer: str, phone: Phone, stranger: Stranger) -> None:
    """RFC 3264, 8.4, and the address of RFC 2543; resumed, it is heard."""
    answer = stranger.invite(offer)
    assert answer.status == 200 and direction(answer) == "inactive"
    told = media(phone)
    assert (told.state, told.note) == ("held_by_remote", "")
    assert stranger.invite(SESSION + PLAIN).status == 200
    phone.wait(Media, lambda event: event.call == told.call and event.state == "active")
    assert stranger.hears()


def test_held_and_resumed_in_every_way(phone: Phone, stranger: Stranger) -> None:
    assert stranger.invite(SESSION + PLAIN).status == 200
    assert media(phone).state == "active"
    for offer, wanted in (
        (SESSION + PLAIN + "a=inactive\r\n", "inactive"),
        (HELD + PLAIN, "inactive"),
        (SESSION + PLAIN + "a=sendonly\r\n", "recvonly"),
        (SESSION + "a=sendonly\r\n" + PLAIN, "recvonly"),
    ):
        seen = len(phone.events)
        assert direction(stranger.invite(offer)) == wanted
        phone.wait(Media, lambda event: event.state == "held_by_remote", after=seen)
        seen = len(phone.events)
        assert direction(stranger.invite(SESSION + PLAIN)) == "sendrecv"
        phone.wait(Media, lambda event: event.state == "active", after=seen)
        assert stranger.hears()


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_what_cannot_be_agreed_on_in_a_call_leaves_it_as_it_was(method: str, stranger: Stranger) -> None:
    assert stranger.invite(SESSION + PLAIN).status == 200
    for lines, status in ((REFUSED["no codec in common"], 488), (REFUSED["fax"], 488), (REFUSED["port 0"], 488), ("x", 400)):
        answer = stranger.request(method, SESSION + lines, "application/sdp")
        assert answer.status == status
        if method == "INVITE":
            stranger.acknowledge(answer)
        assert stranger.hears()


def test_lines_and_numbers_that_come_and_go_in_a_call(phone: Phone, stranger: Stranger) -> None:
    offers = {
        PLAIN: [1],
        PLAIN + VIDEO: [1, 0],
        PLAIN + VIDEO + PLAIN: [1, 0, 0],
        "m=audio 0 RTP/AVP 0\r\n" + VIDEO + PLAIN: [0, 0, 1],
        "m=audio PORT RTP/AVP 8\r\n": [1],
        "m=audio PORT RTP/AVP 111\r\na=rtpmap:111 opus/48000/2\r\n": [1],
        "m=audio PORT RTP/AVP 112 111\r\na=rtpmap:112 opus/48000/2\r\na=rtpmap:111 telephone-event/8000\r\n": [1],
    }
    for lines, wanted in offers.items():
        answer = stranger.invite(SESSION + lines)
        assert answer.status == 200 and [int(port > 0) for port in answer.ports()] == wanted, lines
        assert stranger.hears(), lines


def test_our_hold_keeps_the_lines_of_the_far_end(phone: Phone, stranger: Stranger) -> None:
    assert stranger.invite(SESSION + VIDEO + PLAIN).status == 200
    call = connected_call(phone)
    assert media(phone).state == "active"
    for command in (Hold(call=call), Resume(call=call)):
        phone.client.request(command)
        deadline = time.monotonic() + 10
        seen = len(stranger.asked)
        with pytest.raises(TimeoutError):
            while len(stranger.asked) == seen or time.monotonic() < deadline - 9.5:
                stranger.receive(time.monotonic() + 0.5)
        offer = next(text for text in reversed(stranger.asked) if text.startswith("INVITE "))
        ports = [int(line.split()[1]) for line in offer.split("\r\n") if line.startswith("m=")]
        assert [int(port > 0) for port in ports] == [0, 1]


KEYS = {
    "8 101 101": (["telephone-event/16000", "telephone-event/8000"], "101", 8000),
    "8 101 102": (["telephone-event/16000", "telephone-event/8000"], "102", 8000),
    "102 101 8": (["telephone-event/48000", "telephone-event/8000"], "101", 8000),
    "101 8 101": (["telephone-event/48000", "TELEPHONE-EVENT/8000"], "101", 8000),
    "8 101": (["telephone-event/8000/1"], "101", 8000),
}


@pytest.mark.parametrize("formats", KEYS)
def test_keys_are_agreed_on_at_the_clock_of_the_speech(formats: str, phone: Phone, stranger: Stranger) -> None:
    """RFC 4733, 2.6; some phones give several clocks, even under one number."""
    mappings, number, rate = KEYS[formats]
    numbers = [word for word in formats.split() if word != "8"]
    numbers = sorted(numbers, reverse=formats.startswith("102"))
    lines = "".join(f"a=rtpmap:{number} {mapping}\r\n" for number, mapping in zip(numbers, mappings, strict=False))
    answer = stranger.invite(SESSION + f"m=audio PORT RTP/AVP {formats}\r\n{lines}")
    assert f"a=rtpmap:{number} telephone-event/{rate}" in answer.body
    phone.client.request(_press(connected_call(phone)))
    deadline = time.monotonic() + 5
    while not any(packet[1] & 127 == int(number) for packet in stranger.rtp) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert any(packet[1] & 127 == int(number) and packet[12] == 5 for packet in stranger.rtp)


def _press(call: int) -> object:
    from softphone.control.protocol import SendDtmf  # noqa: PLC0415

    return SendDtmf(call=call, digits="5")


@pytest.mark.parametrize(("lines", "state"), [(PLAIN, "active"), (PLAIN + VIDEO, "active"), (PLAIN + "a=inactive\r\n", "held_by_remote")])
def test_an_answer_in_the_ack(lines: str, state: str, phone: Phone, stranger: Stranger) -> None:
    answer = stranger.invite(None)
    assert answer.status == 200 and len(answer.media()) == 1
    stranger.acknowledge(answer, SESSION + lines)
    assert media(phone).state == state


@pytest.mark.parametrize(
    "body",
    ["garbage", SESSION + REFUSED["keying of browsers"], SESSION + REFUSED["port 0"], SESSION + REFUSED["no codec in common"], SESSION],
)
def test_an_answer_in_the_ack_that_cannot_be_taken_ends_the_call(body: str, phone: Phone, stranger: Stranger) -> None:
    answer = stranger.invite(None)
    call = call_of(phone)
    stranger.acknowledge(answer, body)
    stranger.drain(1)
    assert "no audio line, codec or encryption" in phone.wait_state(call, "disconnected").reason
    stranger.tag = ""


def test_an_ack_without_an_answer_ends_the_call(phone: Phone, stranger: Stranger) -> None:
    answer = stranger.invite(None)
    call = call_of(phone)
    stranger.acknowledge(answer)
    assert "without a word of its media" in phone.wait_state(call, "disconnected").reason
    stranger.tag = ""


# Answers to offers of ours.

GOOD_ANSWERS = {
    "plain": ("m=audio PORT RTP/AVP 0", "active"),
    "another codec than the first": ("m=audio PORT RTP/AVP 8", "active"),
    "inactive": ("m=audio PORT RTP/AVP 0\na=inactive", "held_by_remote"),
    "no address": ("m=audio PORT RTP/AVP 0\nc=IN IP4 0.0.0.0", "held_by_remote"),
    "recvonly": ("m=audio PORT RTP/AVP 0\na=recvonly", "active"),
    "sendonly": ("m=audio PORT RTP/AVP 0\na=sendonly", "held_by_remote"),
    "more lines than were offered": ("m=audio PORT RTP/AVP 0\nm=video 4000 RTP/AVP 31\nm=audio 4002 RTP/AVP 0", "active"),
    "another number": ("m=audio PORT RTP/AVP 99\na=rtpmap:99 opus/48000/2", "active"),
    "several codecs": ("m=audio PORT RTP/AVP 8 0 99\na=rtpmap:99 opus/48000/2", "active"),
    "more than 1024 bytes": ("m=audio PORT RTP/AVP 0\n" + "a=x:0123456789\n" * 60, "active"),
    "more than 3000 bytes": ("m=audio PORT RTP/AVP 0\n" + "a=x:0123456789\n" * 190, "active"),
    "a format without rtpmap": ("m=audio PORT RTP/AVP 120 0", "active"),
    "keys twice": ("m=audio PORT RTP/AVP 0 101\na=rtpmap:101 telephone-event/16000\na=rtpmap:101 telephone-event/8000", "active"),
}
BAD_ANSWERS = {
    "video": "m=video 4000 RTP/AVP 31",
    "a codec that was not offered": "m=audio PORT RTP/AVP 18",
    "port 0": "m=audio 0 RTP/AVP 0",
    "keying of browsers": "m=audio PORT UDP/TLS/RTP/SAVPF 0",
    "encryption without keys": "m=audio PORT RTP/SAVP 0",
    "a name": "c=IN IP4 localhost\nm=audio PORT RTP/AVP 0\nc=IN IP4 localhost",
    "garbage": "xx",
}


@pytest.mark.parametrize("name", GOOD_ANSWERS)
def test_an_answer_is_taken(name: str, phone: Phone) -> None:
    lines, state = GOOD_ANSWERS[name]
    peer = Callee(lines)
    peer.start()
    try:
        call = phone.call(peer.uri)
        phone.wait_state(call, "confirmed")
        assert phone.wait(Media, lambda event: event.call == call).state == state
        phone.client.request(Hangup(call=call))
        phone.wait_state(call, "disconnected")
    finally:
        peer.stop()


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_an_answer_that_cannot_be_taken_ends_the_call_with_a_sentence(name: str, phone: Phone) -> None:
    peer = Callee(BAD_ANSWERS[name])
    peer.start()
    try:
        call = phone.call(peer.uri)
        assert "no audio line, codec or encryption" in phone.wait_state(call, "disconnected").reason
        assert peer.ended.wait(10), "the far end took the call, and must hear of its end"
    finally:
        peer.stop()


def test_an_answer_without_a_description(phone: Phone) -> None:
    class Silent(Callee):
        def description(self) -> str:
            return ""

    peer = Silent("")
    peer.start()
    try:
        assert "without a session description" in phone.wait_state(phone.call(peer.uri), "disconnected").reason
    finally:
        peer.stop()


class Early(Callee):
    """Rings with a description of its own, then answers."""

    def invited_by(self, head: str, body: str, sender: tuple[str, int]) -> None:
        early = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n" + self.early
        self._sip.sendto(self.ok(head, early).replace(b"200 OK", b"183 Progress", 1), sender)
        super().invited_by(head, body, sender)

    early = ""


@pytest.mark.parametrize(
    "lines", ["m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n", VIDEO, "m=audio 0 RTP/AVP 0\r\n", "xx\r\n", "m=audio 4000 RTP/AVP 18\r\n"]
)
def test_early_media_that_cannot_be_taken_is_ringing(lines: str, phone: Phone) -> None:
    peer = Early("m=audio PORT RTP/AVP 0")
    peer.early = lines
    peer.start()
    try:
        call = phone.call(peer.uri)
        phone.wait_state(call, "confirmed")
        phone.wait_media(call)
        phone.client.request(Hangup(call=call))
        phone.wait_state(call, "disconnected")
    finally:
        peer.stop()


# What is configured decides too.


@pytest.mark.parametrize(
    ("srtp", "lines", "status"),
    [
        ("off", REFUSED["encryption without keys"], 488),
        ("off", TAKEN["SAVP"][0], 488),
        ("off", PLAIN + f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}\r\n", 200),
        ("mandatory", PLAIN, 488),
        ("mandatory", PLAIN + f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}\r\n", 488),
        ("mandatory", TAKEN["SAVP"][0], 200),
        ("mandatory", PLAIN + TAKEN["SAVP"][0], 200),
        ("offer", PLAIN, 200),
    ],
)
def test_encryption_as_configured(srtp: str, lines: str, status: int, tmp_path: Path) -> None:
    phone = start(tmp_path / "phone", srtp=srtp)
    try:
        with Stranger(phone.uri.partition("@")[2]) as stranger:
            assert stranger.invite(SESSION + lines).status == status
            assert status != 200 or stranger.hears()
    finally:
        phone.stop()
