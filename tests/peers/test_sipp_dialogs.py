"""Rare courses of calls, with far ends played by SIPp: session timers, glare, UPDATE, digest that goes wrong, races, forks."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from softphone.control.protocol import AutoAnswer, Call, CallState, Hangup, Hold, Media, Register, Registration, SipLadder, Status
from tests.peers.programs.sipp import ANSWERED, INVITED, INVITES, PCMU_SDP, RINGS, Sipp, request, response
from tests.peers.sockets.mailbox import Mailbox
from tests.phones.phone import Phone

MakePhone = Callable[..., Phone]
ACK = '<recv request="ACK"/>'
BYE = f'<recv request="BYE"/>{response("200 OK", contact=False, tag="")}'
OK = response("200 OK", body=PCMU_SDP)
TIMER = "Require: timer\nSupported: timer\nSession-Expires: 90;refresher={}"
HELD = PCMU_SDP + "\n      a=sendonly"
CHALLENGE = 'WWW-Authenticate: Digest realm="r", nonce="{}", algorithm=MD5, qop="auth"{}'


@contextmanager
def sipp(folder: Path, *steps: str, calls: str = "") -> Iterator[Sipp]:
    peer = Sipp(folder / f"sipp-{len(list(folder.glob('sipp-*')))}", "\n".join(steps), calls)
    peer.start()
    try:
        yield peer
    finally:
        peer.stop()


def host(phone: Phone) -> str:
    return phone.uri.partition("@")[2]


@pytest.fixture
def phone(make_phone: MakePhone) -> Phone:
    return make_phone("phone", codecs=("PCMU",))


@pytest.mark.interop("session timers (RFC 4028): 422, a refresh of ours in time, and a far end that refreshes no more", "sip-tester")
@pytest.mark.timeout(180)
def test_session_timers(phone: Phone, make_phone: MakePhone, tmp_path: Path) -> None:
    other = make_phone("other", codecs=("PCMU",))
    # On hold, or their silence would end the calls. 90 s is the shortest timer that there is, so both wait at once:
    # half of it for our refresh, two thirds until theirs is missed.
    refreshed = f'<recv request="INVITE" timeout="60000"/>{response("200 OK", TIMER.format("uac"), HELD)}{ACK}'
    ours = (INVITED, response("422 Session Interval Too Small", "Min-SE: 120"), ACK, INVITED)
    ours = (*ours, response("200 OK", TIMER.format("uac").replace("90", "120"), PCMU_SDP), ACK, BYE)
    with (
        sipp(tmp_path, INVITED, response("200 OK", TIMER.format("uac"), HELD), ACK, refreshed, BYE) as patient,
        sipp(tmp_path, INVITED, response("200 OK", TIMER.format("uas"), HELD), ACK, BYE) as forgetful,
        sipp(tmp_path, *ours) as particular,
    ):
        third = phone.call(particular.uri)
        phone.wait_state(third, "confirmed")
        phone.client.request(Hangup(call=third))
        particular.wait()
        # A second call of one phone would put the first on hold.
        first, second = phone.call(patient.uri), other.call(forgetful.uri)
        phone.wait_state(first, "confirmed")
        other.wait_state(second, "confirmed")
        other.wait_state(second, "disconnected", 100)
        forgetful.wait()
        assert [call.state for call in phone.client.request(Status()).calls] == ["confirmed"]
        phone.client.request(Hangup())
        patient.wait()


@pytest.mark.interop("re-INVITEs that cross (glare, 491 on both sides)", "sip-tester")
def test_glare(phone: Phone, tmp_path: Path) -> None:
    fields = {"v": "via", "CSeq": "cseq", "t": "to"}
    kept = "".join(f'<ereg regexp=".*" search_in="hdr" header="{name}:" assign_to="{kind}"/>' for name, kind in fields.items())
    again = f'<recv request="INVITE"><action>{kept}</action></recv>'
    refusal = """<send><![CDATA[
      SIP/2.0 491 Request Pending
      Via: [$via]
      From: [$theirs]
      To: [$to]
      Call-ID: [call_id]
      CSeq: [$cseq]
      Content-Length: 0

    ]]></send>"""
    crossing = (request("INVITE", 7, body=PCMU_SDP), '<recv response="491"/>', request("ACK", 7), refusal, ACK)
    with sipp(tmp_path, INVITED, OK, ACK, again, *crossing, '<recv request="INVITE"/>', OK, ACK, BYE) as peer:
        call = phone.call(peer.uri)
        phone.wait_state(call, "confirmed")
        phone.client.request(Hold(call=call))
        phone.wait(Media, lambda event: event.state == "held")
        wait_until(lambda: _acknowledged(phone, call) >= 3)
        phone.client.request(Hangup())
        peer.wait()


def _acknowledged(phone: Phone, call: int) -> int:
    """How many answers to INVITEs we have acknowledged."""
    messages = phone.client.request(SipLadder(call=call)).messages
    return sum(message.sent and message.summary.startswith("ACK") for message in messages)


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.interop("UPDATE and re-INVITE of the far end: refreshed, held, taken off hold", "sip-tester")
def test_update_and_reinvite(phone: Phone, tmp_path: Path) -> None:
    taken = '<recv response="200"/>'
    held = (request("UPDATE", 2), taken, request("UPDATE", 3, body=HELD), taken)
    again = (request("INVITE", 4, body=PCMU_SDP), '<recv response="100" optional="true"/>', taken, request("ACK", 4))
    with sipp(tmp_path, INVITED, OK, ACK, *held, *again, BYE) as peer:
        call = phone.call(peer.uri)
        phone.wait(Media, lambda event: event.state == "held_by_remote")
        place = next(n for n, event in enumerate(phone.events) if isinstance(event, Media) and event.state == "held_by_remote")
        phone.wait(Media, lambda event: event.state == "active", after=place)
        phone.client.request(Hangup(call=call))
        peer.wait()


@pytest.mark.interop("digest: a nonce that is stale, a server that refuses for ever (401 loops), 503 with Retry-After", "sip-tester")
def test_digest_that_goes_wrong(phone: Phone, tmp_path: Path) -> None:
    with Mailbox("") as registrar:
        phone.client.request(Register(account="work", uri="sip:alice@example.org", registrar=f"sip:{registrar.address}", password="pw"))
        phone.wait(Registration, lambda event: event.account == "work" and event.state == "registered")

        def refused(nonce: str, stale: bool = False) -> str:
            return response("401 Unauthorized", CHALLENGE.format(nonce, ", stale=true" if stale else "")) + ACK

        fresh = (
            '<recv request="INVITE"><action><ereg regexp="nonce=.second" search_in="hdr" header="Authorization:" check_it="true" '
            'assign_to="used"/><log message="[$used]"/></action></recv>'
        )
        first = '<recv request="INVITE"/>'
        with sipp(tmp_path, first, refused("first"), first, refused("second", True), fresh, OK, ACK, BYE) as peer:
            call = phone.client.request(Call(uri=peer.uri, account="work")).call
            phone.wait_state(call, "confirmed")
            phone.client.request(Hangup(call=call))
            peer.wait()
        with sipp(tmp_path, first, refused("a"), first, refused("a")) as peer:
            over = phone.wait_state(phone.client.request(Call(uri=peer.uri, account="work")).call, "disconnected")
            assert over.code == 401 and "password" in over.reason
            peer.wait()
        endless = [part for number in range(6) for part in (first, refused(f"n{number}", True))]
        with sipp(tmp_path, *endless) as peer:
            over = phone.wait_state(phone.client.request(Call(uri=peer.uri, account="work")).call, "disconnected", 30)
            assert over.code == 401, "it gives up, though each nonce is only said to be stale"
        with sipp(tmp_path, '<recv request="REGISTER"/>', response("503 Service Unavailable", "Retry-After: 3")) as peer:
            phone.client.request(Register(account="late", uri=f"sip:alice@{peer.uri.partition('@')[2]}", message_waiting=False))
            failed = phone.wait(Registration, lambda event: event.account == "late" and event.state == "failed")
            peer.wait()
        place = phone.events.index(failed)
        again = phone.wait(Registration, lambda event: event.account == "late" and event.state == "registering", after=place)
        assert failed.retry_s == 3 and again.monotonic - failed.monotonic > 2.9


@pytest.mark.interop("callers that are hasty: BYE before ACK, CANCEL while it rings and after the answer", "sip-tester")
def test_races_of_callers(phone: Phone, tmp_path: Path) -> None:
    cancel = request("CANCEL", 1, to="<sip:softphone@[remote_ip]:[remote_port]>", branch="[branch-{}]")
    ended = '<recv response="200"/>'
    with sipp(
        tmp_path,
        INVITES,
        RINGS,
        cancel.replace("{}", "3"),
        ended,
        '<recv response="487"/>',
        request("ACK", 1, to="<sip:softphone@[remote_ip]:[remote_port]>[peer_tag_param]", branch="[branch-6]"),
        calls=host(phone),
    ) as peer:
        ringing = phone.wait(CallState, lambda event: event.state in ("incoming", "early")).call
        peer.wait()
        phone.wait_state(ringing, "disconnected")
    place = len(phone.events)
    phone.client.request(AutoAnswer())
    with sipp(tmp_path, INVITES, ANSWERED, request("BYE", 2), ended, calls=host(phone)) as peer:
        peer.wait()
        phone.wait(CallState, lambda event: event.state == "disconnected", after=place)
    place = len(phone.events)
    late = (cancel.replace("{}", "5"), '<recv response="481"/>')
    with sipp(tmp_path, INVITES, ANSWERED, request("ACK", 1), *late, request("BYE", 2), ended, calls=host(phone)) as peer:
        up = phone.wait(CallState, lambda event: event.state == "confirmed", after=place).call
        peer.wait()
        assert phone.wait_state(up, "disconnected").reason != "the call was cancelled before it was answered"
    assert phone.client.request(Status()).calls == []


@pytest.mark.interop("an INVITE that replaces a call which there is not (RFC 3891)", "sip-tester")
def test_a_replaces_of_nothing(phone: Phone, tmp_path: Path) -> None:
    replacing = INVITES.replace("Max-Forwards: 70", "Max-Forwards: 70\n      Require: replaces\n      Replaces: x;to-tag=a;from-tag=b")
    with sipp(tmp_path, replacing, '<recv response="100" optional="true"/>', '<recv response="481"/>', calls=host(phone)) as peer:
        peer.wait()
    assert phone.client.request(Status()).calls == []


@pytest.mark.interop("a call that forks: early dialogs of two phones, one answers, and one too late", "sip-tester")
def test_early_dialogs_of_a_fork(phone: Phone, tmp_path: Path) -> None:
    first, second = ";tag=desk", ";tag=pocket"
    early = (response("183 Session Progress", body=PCMU_SDP, tag=first), response("180 Ringing", tag=second))
    answers = (
        response("200 OK", body=PCMU_SDP, tag=second),
        ACK,
        response("200 OK", body=PCMU_SDP, tag=first).replace("[last_CSeq:]", "CSeq: [cseq] INVITE"),
    )
    with sipp(tmp_path, INVITED, *early, *answers, ACK, BYE, BYE) as peer:
        call = phone.call(peer.uri)
        phone.wait_state(call, "confirmed")
        phone.client.request(Hangup(call=call))
        peer.wait()
