"""What a call's SIP ladder keeps and what it hides."""

import pytest

from softphone.control.protocol import AgreedSdp
from softphone.engine.calls.events import codec_note
from softphone.engine.phv.sound.choice import FAST_START_BPS
from softphone.engine.phv.sound.level import LEVELS
from softphone.engine.sip.link_rate import FAST_BPS
from softphone.engine.sip.trace import HIDDEN, KEPT_S, MAX_DIALOGS, MAX_MESSAGES, FarEnd, SipTrace, blot

SDP = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nm=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0|2^20\r\n"


def message(first: str, call_id: str = "abc@host", body: str = "", extra: str = "", cseq: str = "1 INVITE") -> bytes:
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return f"{first}\r\nVia: SIP/2.0/UDP x\r\ni: {call_id}\r\nCSeq: {cseq}\r\n{extra}{kind}\r\n{body}".encode()


INVITE = "INVITE sip:bob@example.org SIP/2.0"


def test_a_ladder_has_requests_responses_and_retransmissions() -> None:
    trace = SipTrace()
    for data, sent in [
        (message(INVITE), True),
        (message(INVITE), True),
        (message("SIP/2.0 407 Proxy Authentication Required"), False),
        (message("BYE sip:bob@example.org SIP/2.0", cseq="3 BYE"), True),
    ]:
        trace.passed(sent, "192.0.2.9:5060", data)
    assert trace.ladder(4) is None
    trace.learn(4, "abc@host")
    ladder = trace.ladder(4)
    assert ladder is not None
    assert [(step.sent, step.summary) for step in ladder] == [
        (True, "INVITE sip:bob@example.org"),
        (True, "INVITE sip:bob@example.org"),
        (False, "407 Proxy Authentication Required (INVITE)"),
        (True, "BYE sip:bob@example.org"),
    ]
    assert {step.peer for step in ladder} == {"192.0.2.9:5060"}


def test_credentials_and_keys_are_blotted_out() -> None:
    folded = 'Proxy-Authorization: Digest username="alice",\r\n realm="x",\r\n\tresponse="0123abcd"\r\n'
    plain = 'AUTHORIZATION:Digest response="0123abcd"\r\n'
    trace = SipTrace()
    body = SDP + "k=base64:c2VjcmV0\r\na=key-mgmt:mikey c2VjcmV0\r\na=ice-pwd:c2VjcmV0\r\n"
    trace.passed(True, "p", message(INVITE, body=body, extra=folded + plain + "Subject: kept\r\n"))
    trace.learn(1, "abc@host")
    ladder = trace.ladder(1)
    assert ladder is not None
    text = ladder[0].text
    assert "0123abcd" not in text and "c2VjcmV0" not in text and "alice" not in text
    assert text.count(HIDDEN) == 6
    assert "Subject: kept\r\n" in text and "AES_CM_128_HMAC_SHA1_80" in text and "Digest (not shown)\r\n" in text
    trace.agreed(1)
    assert "c2VjcmV0" not in str(trace.sdp(1))
    assert blot("nothing to hide\r\n") == "nothing to hide\r\n"


def test_sdp_is_that_of_the_last_agreement() -> None:
    trace = SipTrace()
    trace.passed(True, "p", message(INVITE, body="v=0\r\ns=first\r\n"))
    trace.learn(1, "abc@host")
    assert trace.sdp(1) == AgreedSdp("", "")
    mixed = "--edge\r\nContent-Type: application/sdp\r\n\r\nv=0\r\ns=theirs\r\n--edge--\r\n"
    trace.passed(False, "p", message("SIP/2.0 200 OK", body=mixed, extra="Content-Type: multipart/mixed;boundary=edge\r\n"))
    trace.agreed(1)
    trace.passed(True, "p", message(INVITE, body="v=0\r\ns=refused\r\n"))
    trace.passed(False, "p", message("SIP/2.0 488 Not Acceptable Here"))
    assert trace.sdp(1) == AgreedSdp("v=0\r\ns=first\r\n", "v=0\r\ns=theirs")


def test_an_agreement_may_be_told_before_our_answer_is_sent() -> None:
    trace = SipTrace()
    trace.passed(False, "p", message(INVITE, body="v=0\r\ns=offer\r\n"))
    trace.learn(1, "abc@host")
    trace.agreed(1)
    assert trace.sdp(1) == AgreedSdp("", "")
    trace.passed(True, "p", message("SIP/2.0 200 OK", body="v=0\r\ns=answer\r\n"))
    assert trace.sdp(1) == AgreedSdp("v=0\r\ns=answer\r\n", "v=0\r\ns=offer\r\n")


@pytest.mark.parametrize(
    ("far_end", "words"),
    [
        (FarEnd("baresip v1.0.0", "a=rtpmap:97 opus/48000/2\r\n"), "did not agree to x-phv: baresip v1.0.0 does not know it"),
        (FarEnd("baresip v1.0.0", "a=rtpmap:97 opus/48000/2\r\n", True), "did not offer x-phv: baresip v1.0.0 does not know it"),
        (FarEnd("softphone/9.9", "a=rtpmap:97 opus/48000/2\r\n"), "softphone/9.9 has another version or model of it, or does not"),
        (FarEnd("softphone/9.9", "a=rtpmap:96 X-PHV/16000\r\n", True), "did not agree to x-phv: softphone/9.9 has another version"),
        (FarEnd(), "did not agree to x-phv: it lacks it, or has another version or model of it"),
    ],
)
def test_why_a_call_is_not_on_our_codec(far_end: FarEnd, words: str) -> None:
    note = codec_note("opus", None, True, "", far_end)
    assert words in note and note.endswith("the call uses opus")
    assert codec_note("x-phv", None, True, "", far_end) == ""


def test_the_far_end_is_known_by_its_own_messages_only() -> None:
    trace = SipTrace()
    trace.passed(True, "p", message(INVITE, body="v=0\r\n", extra="User-Agent: ourselves\r\n"))
    trace.learn(1, "abc@host")
    trace.passed(False, "p", message("SIP/2.0 407 Proxy Authentication Required", extra="Server: kamailio\r\n"))
    assert trace.far_end(1) == FarEnd()
    trace.passed(False, "p", message("SIP/2.0 200 OK", body="v=0\r\ns=b\r\n", extra="Server: baresip v1\x1b[2J\r\n"))
    assert trace.far_end(1) == FarEnd("baresip v1␛[2J", "v=0\r\ns=b\r\n", False)
    trace.passed(False, "p", message(INVITE, body="v=0\r\ns=c\r\n"))
    assert trace.far_end(1).offered


def test_it_is_bounded() -> None:
    now = [0.0]
    trace = SipTrace(lambda: now[0])
    trace.passed(False, "p", message(INVITE, "ours"))
    trace.learn(1, "ours")
    for number in range(2 * MAX_DIALOGS):
        trace.passed(False, "p", message(INVITE, f"stranger-{number}"))
    for _ in range(2 * MAX_MESSAGES):
        trace.passed(False, "p", message(INVITE, "ours"))
    trace.passed(False, "p", b"no SIP at all\r\n\r\n")
    trace.passed(False, "p", message("OPTIONS sip:x SIP/2.0", "other"))
    ladder = trace.ladder(1)
    assert ladder is not None and len(ladder) == MAX_MESSAGES
    assert len(trace._dialogs) <= MAX_DIALOGS and "other" not in trace._dialogs
    now[0] = KEPT_S - 1
    assert trace.knows(1)
    now[0] = KEPT_S + 1
    assert trace.ladder(1) is None and trace.sdp(1) is None


@pytest.mark.parametrize("ours", [(INVITE, "SIP/2.0 100 Trying"), ("SIP/2.0 200 OK", "ACK sip:bob@example.org SIP/2.0")])
def test_the_pace_of_a_set_up_is_that_of_the_first_answer(ours: tuple[str, str]) -> None:
    now = 100.0
    trace = SipTrace(lambda: now)
    incoming = ours[0] != INVITE
    trace.passed(not incoming, "p", message(INVITE))
    trace.learn(1, "abc@host")
    now = 102.0
    first, answer = (message(line) for line in ours)
    if incoming:
        trace.passed(True, "p", message("SIP/2.0 180 Ringing"))
        now = 130.0
        trace.passed(True, "p", first)
        now = 132.0
    assert trace.link_bps(1) is None
    trace.passed(False, "p", answer)
    assert trace.link_bps(1) == pytest.approx(8 * (len(first) + len(answer) + 56) / 2)
    now = 150.0
    trace.passed(False, "p", answer)
    assert trace.link_bps(1) == pytest.approx(8 * (len(first) + len(answer) + 56) / 2)


def test_an_answer_at_once_says_nothing_of_the_link() -> None:
    trace = SipTrace(lambda: 1.0)
    trace.passed(True, "p", message(INVITE))
    trace.passed(False, "p", message("SIP/2.0 100 Trying"))
    trace.learn(1, "abc@host")
    assert trace.link_bps(1) is None


@pytest.mark.parametrize(("answered", "slow"), [(11.55, False), (13.0, True)])
def test_an_invite_that_was_lost_is_told_from_one_that_crawls(answered: float, slow: bool) -> None:
    now = 10.0
    trace = SipTrace(lambda: now)
    for moment in (10.0, 10.5, 11.5):
        now = moment
        trace.passed(True, "p", message(INVITE))
    trace.learn(1, "abc@host")
    now = answered
    trace.passed(False, "p", message("SIP/2.0 100 Trying"))
    found = trace.link_bps(1)
    assert found is not None and (found < FAST_BPS) == slow
    assert slow or LEVELS[0].ip_bps < found < FAST_START_BPS, "to be measured before sound is sent"


def test_the_answer_to_another_request_begins_no_measurement() -> None:
    now = 10.0
    trace = SipTrace(lambda: now)
    trace.passed(False, "p", message(INVITE))
    trace.passed(True, "p", message("SIP/2.0 200 OK", cseq="2 PRACK"))
    trace.learn(1, "abc@host")
    now = 30.0
    trace.passed(False, "p", message("ACK sip:bob@example.org SIP/2.0"))
    assert trace.link_bps(1) is None


def test_registrations_are_kept_without_their_secret() -> None:
    trace = SipTrace()
    secret = b'Authorization: Digest username="a", response="s3cret"'
    request = b"REGISTER sip:example.org SIP/2.0\r\nCall-ID: 1\r\nCSeq: 2 REGISTER\r\n" + secret + b"\r\n\r\n"
    trace.passed(True, "192.0.2.1:5060", request)
    trace.passed(False, "192.0.2.1:5060", b"SIP/2.0 401 Unauthorized\r\nCall-ID: 1\r\nCSeq: 2 REGISTER\r\n\r\n")
    kept = trace.registrations()
    assert [message.summary for message in kept] == ["REGISTER sip:example.org", "401 Unauthorized (REGISTER)"]
    assert "s3cret" not in kept[0].text
