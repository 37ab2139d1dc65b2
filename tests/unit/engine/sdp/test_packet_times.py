"""Packet times in SDP are added where they are safe, and nothing else is touched."""

from hypothesis import given
from hypothesis import strategies as st

from softphone.engine.limits import MAX_BYTES
from softphone.engine.sdp.attributes import add_packet_times, add_rate_limit

HEAD = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=pjmedia\r\nt=0 0\r\n"
PHV = "a=rtpmap:96 x-phv/16000\r\na=fmtp:96 version=1;inventory=arpabet39;model=00ff\r\n"
OPUS = "a=rtpmap:97 opus/48000/2\r\n"
EVENTS = "a=rtpmap:120 telephone-event/8000\r\n"
FULL = HEAD + "m=audio 4000 RTP/AVP 96 97 0 120\r\n" + PHV + OPUS + EVENTS
ALONE = HEAD + "m=audio 4000 RTP/AVP 96 120\r\n" + PHV + EVENTS
OPUS_FIRST = HEAD + "m=audio 4000 RTP/AVP 97 96\r\n" + PHV + OPUS
OTHER_MODEL = FULL.replace("00ff", "00fe")


def test_offer_with_fallbacks_promises_maxptime_only() -> None:
    assert add_packet_times(FULL, "", 160, 640) == FULL + "a=maxptime:640\r\n"


def test_offer_of_nothing_else_says_both() -> None:
    assert add_packet_times(ALONE, "", 160, 640) == ALONE + "a=ptime:160\r\na=maxptime:640\r\n"


def test_answer_says_ptime_only_when_phv_will_be_picked() -> None:
    assert "a=ptime:160" in add_packet_times(FULL, FULL, 160, 640)
    assert "a=ptime" not in add_packet_times(FULL, OTHER_MODEL, 160, 640)
    assert "a=ptime" not in add_packet_times(FULL, OPUS_FIRST, 160, 640)
    assert "a=ptime" not in add_packet_times(FULL, FULL.replace("version=1;", "version=1;version=1;"), 160, 640)


def test_lines_go_into_the_audio_section() -> None:
    video = "m=video 5000 RTP/AVP 98\r\na=rtpmap:98 H264/90000\r\n"
    assert add_packet_times(ALONE + video, "", 160, 640) == ALONE + "a=ptime:160\r\na=maxptime:640\r\n" + video


def test_sdp_without_phv_or_with_times_of_its_own_is_left_alone() -> None:
    for text in (HEAD + "m=audio 4000 RTP/AVP 0\r\n", FULL + "a=ptime:20\r\n", FULL.replace("4000", "0"), "", HEAD, "x" * (MAX_BYTES + 1)):
        assert add_packet_times(text, FULL, 160, 640) == text


@given(st.lists(st.one_of(st.sampled_from(FULL.split("\r\n")), st.text(max_size=40)), max_size=40))
def test_any_remote_sdp_is_survived(lines: list[str]) -> None:
    result = add_packet_times(FULL, "\r\n".join(lines), 160, 640)
    assert result.replace("a=ptime:160\r\n", "") == FULL + "a=maxptime:640\r\n"


def test_a_ceiling_is_told_in_our_parameters_and_nowhere_else() -> None:
    limited = FULL.replace("model=00ff", "model=00ff;maxrate=1200")
    assert add_rate_limit(FULL, 1200) == limited
    assert add_rate_limit(limited, 2400) == limited
    assert add_rate_limit(FULL, 0) == FULL
    for text in ("", HEAD, HEAD + "m=audio 4000 RTP/AVP 97\r\n" + OPUS, "x" * (MAX_BYTES + 1)):
        assert add_rate_limit(text, 1200) == text
    assert "a=ptime:160" in add_packet_times(limited, FULL, 160, 640), "a limit is no reason not to fit"
