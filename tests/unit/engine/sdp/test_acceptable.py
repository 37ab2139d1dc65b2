"""What of a far end's description reaches PJSIP, for any text: it can be read again, is bounded, and has one live line at most."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softphone.engine.limits import MAX_BYTES, MAX_CANDIDATES, MAX_CRYPTO, MAX_FORMATS, MAX_LINES, MAX_MEDIA
from softphone.engine.sdp.acceptable import Ability, write
from softphone.engine.sdp.description import DIRECTIONS, Rtpmap, SdpError, parse

SESSION = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
PLAIN = "m=audio 4000 RTP/AVP 0\r\n"
KEY = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
SUITES = frozenset({"AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"})
SPOKEN = {("pcmu", 8000, 1), ("pcma", 8000, 1), ("opus", 48000, 2)}


def speaks(mapping: Rtpmap, _fmtp: str) -> bool:
    return (mapping.name.lower(), mapping.clock_rate, mapping.channels) in SPOKEN


ABLE = Ability(speaks, suites=SUITES, ice=True)
LINES = (
    SESSION + PLAIN + "a=inactive\r\na=ptime:20\r\na=ptime:1000\r\na=maxptime:9\r\na=rtcp:4001 IN IP4 127.0.0.1\r\na=rtcp-mux\r\nb=AS:1\r\n"
    "m=video 4002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=audio 4004 RTP/SAVP 97 101 101\r\na=rtpmap:97 opus/48000/2\r\n"
    f"a=fmtp:97 useinbandfec=1\r\na=rtpmap:101 telephone-event/48000\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}\r\n"
    "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=candidate:1 1 UDP 2130706431 127.0.0.1 4000 typ host\r\n"
    "m=audio 4006/2 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP6 ::1\r\na=rtpmap:0 opus/0/0\r\nm=message 1 TCP/MSRP *\r\n"
).split("\r\n")  # fmt: skip


def written(text: str, able: Ability = ABLE) -> tuple[list[str], bool]:
    result, taken = write(parse(text), able)
    return result.split("\r\n")[:-1], taken


@given(st.lists(st.one_of(st.sampled_from(LINES), st.text(max_size=40)), max_size=60), st.booleans(), st.booleans())
def test_any_lines_are_read_and_written_within_bounds(lines: list[str], head: bool, plain: bool) -> None:
    try:
        theirs = parse((SESSION if head else "") + "\r\n".join(lines))
    except SdpError:
        return
    text, taken = write(theirs, Ability(speaks, plain=plain, suites=SUITES, ice=True))
    again = parse(text)
    assert len(again.media) == len(theirs.media)
    assert sum(line.port > 0 for line in again.media) == int(taken)
    assert all(len(line.attributes) < 68 and 0 < len(line.formats) <= MAX_FORMATS for line in again.media)
    assert all(line.isprintable() for line in text.split("\r\n"))
    if taken:
        assert write(again, Ability(speaks, plain=plain, suites=SUITES, ice=True))[0] == text, "what we wrote stays as it is"


@given(st.text(max_size=400))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text)
    except SdpError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "x" * (MAX_BYTES + 1),
        SESSION + "a=x\r\n" * (MAX_LINES + 1),
        SESSION + PLAIN * (MAX_MEDIA + 1),
        SESSION + "m=audio 1e3 RTP/AVP 0\r\n",
    ],
)
def test_what_is_too_much_is_refused(text: str) -> None:
    with pytest.raises(SdpError):
        parse(text)


def test_what_is_known_and_what_is_left_out() -> None:
    lines, taken = written("\r\n".join(LINES))
    assert taken
    assert lines == [
        "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
        "m=audio 4000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=maxptime:9", "a=rtcp:4001 IN IP4 127.0.0.1", "a=inactive",
        "m=video 0 RTP/AVP 96", "m=audio 0 RTP/SAVP 97", "m=audio 0 UDP/TLS/RTP/SAVPF 0", "m=message 0 TCP/MSRP *",
    ]  # fmt: skip


def test_an_encrypted_line_with_ice() -> None:
    lines, taken = written("\r\n".join(LINES), Ability(speaks, plain=False, suites=SUITES, ice=True))
    assert taken and lines[5] == "m=audio 0 RTP/AVP 0"
    assert lines[7:17] == [
        "m=audio 4004 RTP/SAVP 97 101", "a=rtpmap:97 opus/48000/2", "a=fmtp:97 useinbandfec=1", "a=rtpmap:101 telephone-event/48000",
        f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}", "a=ice-ufrag:abcd", "a=ice-pwd:0123456789012345678901",
        "a=candidate:1 1 UDP 2130706431 127.0.0.1 4000 typ host", "a=sendrecv", "m=audio 0 UDP/TLS/RTP/SAVPF 0",
    ]  # fmt: skip
    without = written("\r\n".join(LINES), Ability(speaks, plain=False, suites=SUITES))[0]
    assert not any("ice" in line or "candidate" in line for line in without)


def test_keys_and_candidates_are_counted() -> None:
    keys = "".join(f"a=crypto:{number} AES_CM_128_HMAC_SHA1_80 {KEY}\r\n" for number in range(1, 200))
    candidates = "a=candidate:1 1 UDP 1 127.0.0.1 4000 typ host\r\n" * 200
    lines, _ = written(SESSION + PLAIN + "a=ice-ufrag:abcd\r\na=ice-pwd:abcd\r\n" + candidates + keys)
    assert sum(line.startswith("a=crypto:") for line in lines) == MAX_CRYPTO
    assert sum(line.startswith("a=candidate:") for line in lines) == MAX_CANDIDATES


@pytest.mark.parametrize("candidate", [
    "1 1 UDP 1 name.local 9 typ host", "1 1 TCP 1 127.0.0.1 9 typ host tcptype active",
    "1 1 UDP 4294967296 127.0.0.1 9 typ host", "1 1 UDP 1 ::1 9 typ host",
    "1 1 UDP 1 127.0.0.1 70000 typ host", "1 0 UDP 1 127.0.0.1 9 typ host",
    "1 1 UDP 1 127.0.0.1 9 typ srflx raddr x.local rport 9", "1 1 UDP 1 1.2.3.400 9 typ host", "",
    "1 1 UDP 1 127.0.0.1 9 typ host " + "x" * 300,
])  # fmt: skip
def test_candidates_that_pjsip_need_not_see(candidate: str) -> None:
    lines, taken = written(SESSION + PLAIN + f"a=ice-ufrag:abcd\r\na=ice-pwd:abcd\r\na=candidate:{candidate}\r\n")
    assert taken and not any(line.startswith("a=candidate") for line in lines)


@pytest.mark.parametrize("word", ["", "x" * 257, "a b", "a\x7fb", "ä"])
def test_words_of_ice_that_pjsip_need_not_see(word: str) -> None:
    lines, taken = written(SESSION + PLAIN + f"a=ice-ufrag:{word}\r\na=ice-pwd:abcd\r\n")
    assert taken and not any(line.startswith("a=ice") for line in lines)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_direction_of_the_session_is_that_of_its_lines(direction: str) -> None:
    assert written(SESSION + f"a={direction}\r\n" + PLAIN)[0][-1] == f"a={direction}"
    assert written(SESSION + "a=inactive\r\n" + PLAIN + f"a={direction}\r\na=inactive\r\n")[0][-1] == f"a={direction}"


def test_packets_are_as_long_as_ours_may_be() -> None:
    assert "a=ptime:160" in written(SESSION + PLAIN + "a=ptime:400\r\n")[0]
    ours = Ability(lambda mapping, _fmtp: mapping.name == "x-phv")
    assert "a=ptime:640" in written(SESSION + "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 x-phv/16000\r\na=ptime:640\r\n", ours)[0]
    for value in ("0", "-1", "x", "4294967316", "1001"):
        assert not any("ptime" in line for line in written(SESSION + PLAIN + f"a=ptime:{value}\r\n")[0])


@pytest.mark.parametrize(
    ("origin", "wanted"),
    [
        ("alice 2890844526 2890842807 IN IP4 host.example", "- 2890844526 2890842807 IN IP4 host.example"),
        ("\u00e9 1 1 IN IP6 ::1", "- 1 1 IN IP6 ::1"),
        ("x" * 5000 + " 1 1 IN IP4 " + "1" * 5000, "- 1 1 IN IP4 0.0.0.0"),
        ("-\t1  2 IN IP4 1.2.3.4", "- 1 2 IN IP4 1.2.3.4"),
    ],
)
def test_an_origin_of_any_user_at_any_host(origin: str, wanted: str) -> None:
    assert parse(SESSION.replace("- 1 1 IN IP4 127.0.0.1", origin)).origin == wanted


def test_letters_that_only_look_like_those_of_a_key() -> None:
    """Case-insensitive patterns take the long s and the sign of Kelvin for letters, unless they are told to know ASCII alone."""
    for suite, key in (("AE\u017f_CM_128_HMAC_SHA1_80", KEY), ("AES_CM_128_HMAC_SHA1_80", KEY.replace("k", "\u212a"))):
        assert written(SESSION + f"m=audio 4000 RTP/SAVP 0\r\na=crypto:1 {suite} {key}\r\n")[1] is False
    with pytest.raises(SdpError):
        parse(SESSION + "m=audio \u0664\u0660\u0660\u0660 RTP/AVP 0\r\n")
