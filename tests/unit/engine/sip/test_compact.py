"""SIP in few bytes: what is left out, what never is, and how long is waited for an answer."""

import pytest

from softphone.engine.sdp.compact import rate_limit, tight
from softphone.engine.sdp.compact import shorten as shorten_sdp
from softphone.engine.sip.compact import T1_MS, CompactSip, shorten

SDP = (
    "v=0\r\no=- 4004435417 4004435418 IN IP4 192.0.2.1\r\ns=pjmedia\r\nb=AS:84\r\nt=0 0\r\na=X-nat:0\r\n"
    "m=audio 4000 RTP/AVP 96 97 0 120\r\n"
    "c=IN IP4 192.0.2.1\r\nb=TIAS:64000\r\na=rtcp:4001 IN IP4 192.0.2.1\r\na=sendrecv\r\na=rtpmap:96 x-phv/16000\r\n"
    "a=fmtp:96 version=2;model=85656108;maxrate=2400\r\na=rtpmap:97 opus/48000/2\r\na=fmtp:97 stereo=0;usedtx=1\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:120 telephone-event/16000\r\na=fmtp:120 0-16\r\na=ssrc:1 cname:x\r\n"
)
HEADERS = (
    "Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK1\r\nMax-Forwards: 70\r\nFrom: sip:a@192.0.2.1;tag=1\r\nTo: sip:b@192.0.2.2\r\n"
    "Contact: <sip:a@192.0.2.1>\r\nCall-ID: call\r\nCSeq: 1 INVITE\r\nAllow: INVITE, ACK, SUBSCRIBE, REFER, MESSAGE\r\n"
    "Supported: replaces, timer, norefersub\r\nSession-Expires: 1800\r\nMin-SE: 90\r\nUser-Agent: me, myself/1\r\n"
    "Content-Type: application/sdp\r\nContent-Length:   4\r\n"
)


def invite(body: str = "body", headers: str = HEADERS) -> bytes:
    return f"INVITE sip:b@192.0.2.2 SIP/2.0\r\n{headers}\r\n{body}".encode()


def names(message: bytes) -> list[str]:
    return [line.partition(":")[0] for line in message.decode().partition("\r\n\r\n")[0].split("\r\n")[1:]]


def test_messages_are_compact_and_say_the_same() -> None:
    short = shorten(invite(), bare=False).decode()
    assert names(short.encode()) == [
        "v",
        "Max-Forwards",
        "f",
        "t",
        "m",
        "i",
        "CSeq",
        "Allow",
        "Supported",
        "Session-Expires",
        "User-Agent",
        "c",
        "l",
    ]
    assert "\r\nv:SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK1\r\n" in short and "\r\nl:4\r\n\r\nbody" in short
    assert "\r\nAllow:INVITE,REFER\r\nSupported:replaces,timer\r\n" in short and "User-Agent:me, myself/1" in short
    assert shorten(short.encode(), bare=False) == short.encode()


def test_a_call_on_a_slow_link_has_only_what_it_needs() -> None:
    assert names(shorten(invite(), bare=True)) == ["v", "Max-Forwards", "f", "t", "m", "i", "CSeq", "c", "l"]
    answer = invite(headers=HEADERS + "Require: timer\r\n").replace(b"INVITE sip:b@192.0.2.2 SIP/2.0", b"SIP/2.0 200 OK")
    assert {"Session-Expires", "Supported", "Require"} <= set(names(shorten(answer, bare=True))), "what the far end asked for is answered"


@pytest.mark.parametrize(
    "data", [b"", b"\r\n\r\n", b"GET / HTTP/1.1\r\nVia: x\r\n\r\n", b"\x00\x01\xff", b"OPTIONS sip:x SIP/2.0\r\nVia: x"]
)
def test_what_is_no_whole_sip_message_is_left_alone(data: bytes) -> None:
    assert shorten(data, bare=True) == data


def test_folded_and_strange_lines_stay() -> None:
    message = b"ACK sip:x SIP/2.0\r\nCSeq: 1 ACK\r\nSubject: one\r\n two\r\nno colon\r\nX: \xff\r\n\r\n"
    assert shorten(message, bare=False) == b"ACK sip:x SIP/2.0\r\nCSeq:1 ACK\r\nSubject:one\r\n two\r\nno colon\r\nX:\xff\r\n\r\n"


def test_t1_fits_the_rate_of_the_call_and_only_of_it() -> None:
    waits: list[int] = []
    short = CompactSip(waits.append)
    short.received(invite(SDP))
    ok = invite(SDP).replace(b"INVITE sip:b@192.0.2.2 SIP/2.0", b"SIP/2.0 200 OK")
    assert b"Allow" not in short.sent(ok) and waits == [5000]
    assert b"Allow" in short.sent(ok.replace(b"Call-ID: call", b"Call-ID: other")) and waits == [5000, T1_MS]
    short.sent(ok)
    # Its CANCEL is short, and PJSIP waits 64 * T1 for what becomes of it.
    cancel = invite("").replace(b"INVITE", b"CANCEL")
    assert short.sent(cancel) == cancel
    assert waits == [5000, T1_MS, 5000, T1_MS]
    CompactSip(waits.append).sent(invite(SDP.replace("maxrate=2400", "maxrate=800")))
    assert waits[-1] == 10000


def test_calls_without_a_limit_or_with_a_high_one_are_as_ever() -> None:
    waits: list[int] = []
    for text in (SDP.replace(";maxrate=2400", ""), SDP.replace("maxrate=2400", "maxrate=9600")):
        assert b"Allow" in CompactSip(waits.append).sent(invite(text))
    assert not waits


def test_nobody_waits_for_a_100_where_more_follows_at_once() -> None:
    trying = b"SIP/2.0 100 Trying\r\nVia: SIP/2.0/UDP x\r\nCall-ID: call\r\nCSeq: 1 INVITE\r\n\r\n"
    assert CompactSip(lambda _ms: None).sent(trying) == b"\r\n"
    assert CompactSip(lambda _ms: None, answers_at_once=False).sent(trying).startswith(b"SIP/2.0 100 Trying")
    over_tcp = trying.replace(b"Via: SIP/2.0/UDP x", b"Via: SIP/2.0/TCP x\r\nVia: SIP/2.0/UDP y")
    assert CompactSip(lambda _ms: None).sent(over_tcp).startswith(b"SIP/2.0 100 Trying"), "bytes of a stream must be messages"


def test_sdp_leaves_out_what_is_understood_anyway() -> None:
    assert shorten_sdp(SDP).splitlines() == [
        "v=0",
        "o=- 435417 435418 IN IP4 192.0.2.1",
        "s=-",
        "t=0 0",
        "m=audio 4000 RTP/AVP 96 97 0 120",
        "c=IN IP4 192.0.2.1",
        "a=rtpmap:96 x-phv/16000",
        "a=fmtp:96 version=2;model=85656108;maxrate=2400",
        "a=rtpmap:97 opus/48000/2",
        "a=fmtp:97 stereo=0;usedtx=1",
        "a=rtpmap:120 telephone-event/16000",
    ]


def test_sdp_keeps_what_is_not_understood_anyway() -> None:
    for line in ("a=rtcp:5000 IN IP4 192.0.2.1", "a=rtcp:4001 IN IP4 192.0.2.9", "a=sendonly", "a=fmtp:97 0-15", "a=rtpmap:8 L16/8000"):
        assert line in shorten_sdp(SDP + line + "\r\n").splitlines()
    assert shorten_sdp("x" * 20000) == "x" * 20000


def test_the_limit_is_that_of_our_codec() -> None:
    assert rate_limit(SDP) == 2400 and rate_limit("") == 0
    assert rate_limit("a=rtpmap:97 opus/48000/2\r\na=fmtp:97 maxrate=2400\r\n") == 0
    assert [tight(rate) for rate in (0, 1, 7999, 8000)] == [False, True, True, False]
