"""The known holes of the bundled PJSIP, tried over real sockets: what would end the process is refused, and the phone lives."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from softphone.config import Account, Network
from softphone.control.protocol import AutoAnswer, DoNotDisturb, Registration, Status
from softphone.engine import limits
from softphone.engine.accounts.address_watch import own_address
from softphone.engine.pjsip.abi import find_library
from softphone.engine.pjsip.errors import AbiError
from softphone.engine.sip.detours.call_table import find_slot
from tests.peers.sockets.stranger import PLAIN, SESSION, Stranger
from tests.phones.phone import Phone
from tests.phones.quiet import start

Routes = Callable[[list[str]], str]
DEEP = "<?xml version='1.0'?>" + "<a>" * 300 + "</a>" * 300
ROUTE = "<sip:127.0.0.1;lr>"


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phone]:
    made = start(tmp_path_factory.mktemp("vulnerabilities"), strict_memory=True)
    made.client.request(AutoAnswer())
    yield made
    made.stop()


@pytest.fixture
def registrar() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        yield server


def accept(server: socket.socket, headers: str) -> None:
    """Answer a REGISTER with 200 and these headers."""
    data, client = server.recvfrom(65535)
    assert data.startswith(b"REGISTER")
    names = {"via", "v", "from", "f", "to", "t", "call-id", "i", "cseq", "contact", "m"}
    kept = [line for line in data.decode().split("\r\n")[1:] if line.partition(":")[0].strip().lower() in names]
    server.sendto("\r\n".join(["SIP/2.0 200 OK", *kept, "Expires: 300", headers, "Content-Length: 0", "", ""]).encode(), client)


LISTS: dict[str, Routes] = {
    "one line": lambda routes: "Service-Route: " + ",".join(routes),
    "a line each": lambda routes: "\r\n".join(f"service-route : {route}" for route in routes),
    "folded": lambda routes: "SERVICE-ROUTE:\r\n " + ",\r\n\t".join(routes),
    "two lines": lambda routes: f"Service-Route: {','.join(routes[:8])}\r\nService-Route: {','.join(routes[8:]) or routes[0]}",
}


@pytest.mark.parametrize("written", LISTS)
@pytest.mark.parametrize("count", [9, 12, 60])
def test_more_service_routes_than_pjsip_holds_are_a_failed_registration(
    tmp_path: Path, registrar: socket.socket, written: str, count: int
) -> None:
    """CVE-2026-57161."""
    account = Account(id="sip:a@127.0.0.1", registrar=f"sip:127.0.0.1:{registrar.getsockname()[1]}", message_waiting=False)
    phone = start(tmp_path / "phone", account=account)
    try:
        accept(registrar, LISTS[written]([ROUTE] * count))
        told = phone.wait(Registration, lambda event: event.state in ("failed", "registered"))
        assert told.state == "failed" and f"names {count} Service-Routes, and at most 8 fit" in told.reason
        assert phone.client.request(Status()).accounts
    finally:
        phone.stop()


@pytest.mark.parametrize("written", ["one line", "a line each", "folded"])
def test_as_many_service_routes_as_pjsip_holds_are_taken(tmp_path: Path, registrar: socket.socket, written: str) -> None:
    account = Account(id="sip:a@127.0.0.1", registrar=f"sip:127.0.0.1:{registrar.getsockname()[1]}", message_waiting=False)
    phone = start(tmp_path / "phone", account=account)
    try:
        accept(registrar, LISTS[written]([ROUTE] * limits.SERVICE_ROUTES))
        phone.wait(Registration, lambda event: event.state == "registered")
    finally:
        phone.stop()


@pytest.mark.parametrize(
    "header",
    [
        "Record-Route: " + ",".join([ROUTE] * (limits.ROUTES + 1)),
        "Route: " + ",\r\n ".join([ROUTE] * (limits.ROUTES + 1)),
        "\r\n".join(f"Path: {ROUTE}" for _ in range(limits.ROUTES + 1)),
        "Allow: " + ",".join(["X"] * (limits.LIST_ELEMENTS + 1)),
        "k: " + ",".join(["x"] * (limits.LIST_ELEMENTS + 1)),
        "Accept: " + ",".join(["a/b"] * (limits.LIST_ELEMENTS + 1)),
        "Require: " + "x" * (limits.REQUIRED_BYTES + 1),
        "\r\n".join(["WWW-Authenticate: Digest realm=a"] * (limits.CHALLENGES + 1)),
        "\r\n".join(["X: y"] * limits.HEADER_LINES),
        "X-Long: " + "x" * limits.HEADER_LINE_BYTES,
        "Subject: a\0b",
        "Subject: a\rService-Route: b",
        "Content-Type: text/plain\r\nc: text/plain",
    ],
)
def test_headers_that_fill_what_is_fixed_are_refused(stranger: Stranger, header: str) -> None:
    assert stranger.request("INVITE", SESSION + PLAIN, "application/sdp" if "Content-Type" not in header else "", (header,)).status == 400
    assert stranger.request("OPTIONS").status == 200


def test_more_servers_than_a_message_may_pass(stranger: Stranger) -> None:
    """Whoever reads all of these has no answer for them."""
    stranger.wait_s = 0.3
    with pytest.raises(TimeoutError):
        stranger.request("OPTIONS", extra=("Via: " + ",".join(["SIP/2.0/UDP h"] * limits.VIAS),))


@pytest.mark.parametrize("method", ["ACK", "OPTIONS"])
def test_a_merged_request_is_refused_unless_it_is_an_ack(phone: Phone, stranger: Stranger, method: str) -> None:
    """An ACK without a To tag is merged while its INVITE is under way (RFC 3261, 8.2.2.2); PJSUA's answer to it ended the process."""
    stranger.sequence += 1
    stranger.send(stranger.message("INVITE", SESSION + PLAIN, "application/sdp"))
    merged = stranger.message(method).replace(b";branch=z9hG4bK", b";branch=z9hG4bKother")
    stranger.send(merged)
    answer = stranger.final("INVITE")
    assert answer.status == 200
    stranger.tag = answer.field("to", "t").partition(";tag=")[2]
    stranger.acknowledge(answer)
    assert stranger.hears()


def parts(*bodies: str, closing: str = "--x--\r\n") -> str:
    return "".join(f"--x\r\n{body}\r\n" for body in bodies) + closing


SDP_PART = f"Content-Type: application/sdp\r\n\r\n{SESSION}{PLAIN}"


@pytest.mark.parametrize(
    "kind", ['multipart/mixed;boundary="x"', "Multipart/Alternative; charset=a; boundary=x", "multipart/related;boundary=x"]
)
@pytest.mark.parametrize("others", [(), ("\r\nhello",), ("Content-Type: application/isup\r\n\r\n\x01",)])
def test_the_description_is_taken_out_of_a_body_of_several_parts(stranger: Stranger, kind: str, others: tuple[str, ...]) -> None:
    """CVE-2026-33069, CVE-2026-41415."""
    answer = stranger.invite(parts(*others, SDP_PART), kind)
    assert answer.status == 200 and answer.ports()[0] > 0
    assert stranger.hears()


@pytest.mark.parametrize(
    "body",
    [parts(), parts("\r\nhello"), "--x", "--x--", "\r\n", "--x\r\n" * 40, parts(f"Content-Transfer-Encoding: x-zip\r\n{SDP_PART}")],
)
@pytest.mark.parametrize("kind", ["multipart/mixed;boundary=x", "multipart/mixed"])
def test_a_body_of_several_parts_without_a_description_gets_415(stranger: Stranger, body: str, kind: str) -> None:
    """568be8ec2 among them: parts that are none."""
    assert stranger.invite(body, kind).status == 415
    assert stranger.request("MESSAGE", body, kind).status == 415
    assert stranger.request("OPTIONS").status == 200


@pytest.mark.parametrize("count", [17, 64, 65, 70, 100])
def test_as_many_keys_as_a_stranger_likes(stranger: Stranger, count: int) -> None:
    """CVE-2026-57162."""
    keys = "".join(f"a=crypto:{number} AES_CM_128_HMAC_SHA1_80 inline:{'A' * 40}\r\n" for number in range(1, count + 1))
    assert stranger.invite(SESSION + PLAIN.replace("RTP/AVP", "RTP/SAVP") + keys).status in (200, 488, 513)


@pytest.mark.parametrize("number", [127, 128, 255, 300, 65535, 4294967295])
def test_payload_types_that_are_none(stranger: Stranger, number: int) -> None:
    """673b978aa: an index past the end of an array."""
    line = f"m=audio PORT RTP/AVP 0 {number}\r\na=rtpmap:{number} opus/48000/2\r\na=rtpmap:{number} telephone-event/8000\r\n"
    assert stranger.invite(SESSION + line).status == 200
    assert stranger.hears()


def test_payload_types_that_move_show_nobody_what_memory_held(stranger: Stranger) -> None:
    """#4661: PJMEDIA wrote the new numbers into memory that it freed, and printed them from there in the next answer."""
    numbers = [96, 101, 120, 111, 97, 127]
    taken = 0
    for moved, (speech, keys) in enumerate(pairwise(numbers * 5)):
        body = f"m=audio PORT RTP/AVP {speech} 0 {keys}\r\na=rtpmap:{speech} opus/48000/2\r\na=rtpmap:{keys} telephone-event/8000\r\n"
        answer = stranger.invite(SESSION + body + ("a=sendonly\r\n" if moved % 2 else ""))
        if answer.status == 491:
            stranger.drain(0.1)
            continue
        taken += 1
        assert answer.status == 200
        assert re.fullmatch(r"[\x20-\x7e\r\n]+", answer.body), answer.body
        assert re.match(r"m=audio \d+ RTP/AVP [\d ]+$", answer.media()[0])
    assert taken > 10


@pytest.mark.parametrize("kind", ["application/pidf+xml", "application/dialog-info+xml", "application/media_control+xml"])
def test_deep_xml_is_refused(stranger: Stranger, kind: str) -> None:
    """12306eaf9."""
    for method, extra in (("NOTIFY", ("Event: presence", "Subscription-State: active")), ("INFO", ()), ("PUBLISH", ("Event: presence",))):
        assert stranger.request(method, DEEP, kind, extra).status == 400


def test_subscriptions_never_reach_pjsuas_own_presence(stranger: Stranger) -> None:
    """CVE-2026-28799: Expires 0. PJSUA would answer 200 or 202 and send a NOTIFY."""
    for event in ("presence", "dialog", "message-summary", "x"):
        for expires in ("0", "60"):
            assert stranger.request("SUBSCRIBE", extra=(f"Event: {event}", f"Expires: {expires}")).status in (403, 489, 603)
    stranger.drain(0.3)
    assert not [asked for asked in stranger.asked if asked.startswith("NOTIFY")]


@pytest.mark.parametrize("codec", ["speex/8000", "speex/16000", "speex/32000", "SILK/24000", "iLBC/8000", "G722/8000", "GSM/8000"])
def test_codecs_of_the_wheel_that_are_not_asked_for_stay_off(stranger: Stranger, codec: str) -> None:
    """CVE-2026-29068 is of their frames."""
    assert stranger.invite(f"{SESSION}m=audio PORT RTP/AVP 98\r\na=rtpmap:98 {codec}\r\n").status == 488
    answer = stranger.invite(None)
    assert answer.status == 200 and codec.partition("/")[0].lower() not in answer.body.lower()
    stranger.acknowledge(answer, SESSION + PLAIN)


@pytest.mark.parametrize("refuses", [False, True])
@pytest.mark.parametrize("offer", [None, SESSION + PLAIN])
def test_calls_that_come_in_while_ice_gathers_its_addresses(tmp_path: Path, offer: str | None, refuses: bool) -> None:
    """Answered or refused inside PJSIP's callback, such a call ended the process."""
    phone = start(tmp_path / "phone", Network(bind=own_address() or "127.0.0.1", ice=True))
    try:
        phone.client.request(DoNotDisturb() if refuses else AutoAnswer())
        with Stranger(phone.uri.partition("@")[2]) as caller:
            answer = caller.invite(offer)
            assert answer.status == (486 if refuses else 200)
            if offer is None and not refuses:
                caller.acknowledge(answer, SESSION + PLAIN)
            assert phone.client.request(Status()).pid
    finally:
        phone.stop()


def test_a_function_that_is_not_called_through_the_table_has_no_place_there(tmp_path: Path) -> None:
    assert find_slot(find_library(), "pjsip_parse_rdata")[0] > 0
    with pytest.raises(AbiError, match="no_such_function"):
        find_slot(find_library(), "no_such_function")
    (tmp_path / "x.so").write_bytes(b"\x7fELF\x02\x01" + bytes(100))
    with pytest.raises(AbiError):
        find_slot(tmp_path / "x.so", "pjsip_parse_rdata")


@pytest.mark.parametrize(
    ("guard", "function", "call", "result"),
    [
        ("pjsip.transport.ice_send.IceSend", "pj_stun_sock_sendto", 'ffi.NULL, ffi.NULL, b"x", 1, 0, b"x" * 16, 16', 70013),
        ("pjsip.transport.ice_send.IceSend", "pj_ice_strans_sendto2", 'ffi.NULL, 1, b"x", 1, b"x" * 16, 16', 70013),
        ("pjsip.transport.ice_send.IceSend", "pj_sockaddr_get_len", 'b"\\0" * 28', 0),
        (
            "sdp.lost_media.LostMedia",
            "pjmedia_endpt_create_base_sdp",
            'b"x" * 4096, ffi.NULL, ffi.NULL, b"\\0" * 28, ffi.new("void **")',
            70022,
        ),
        (
            "sip.detours.invite_states.InviteStates",
            "pjsip_inv_invite",
            'ffi.new("pjsip_inv_session *", {"state": 4}), ffi.new("void **")',
            70013,
        ),
        (
            "sip.detours.invite_states.InviteStates",
            "pjsip_inv_end_session",
            'ffi.new("pjsip_inv_session *", {"role": 0}), 0, ffi.NULL, ffi.new("void **")',
            70013,
        ),
    ],
)
def test_what_pjsip_asserts_is_an_error_and_not_the_end_of_the_process(guard: str, function: str, call: str, result: int) -> None:
    """Through PJSIP's own table of calls, in a process of its own: without the guard the process ends."""
    module, name = guard.rsplit(".", 1)
    program = f"""
import sys
from softphone.engine.pjsip.abi import find_library
from softphone.engine.{module} import {name}, _interface
from softphone.engine.sip.detours.call_table import find_slot
ffi, library = _interface()
guard = {name}()
called = ffi.addressof(library, "{function}")
if sys.argv[1] == "guarded":
    guard.install()
    slot, value = find_slot(find_library(), "{function}")
    base = int(ffi.cast("uintptr_t", called)) - value
    called = ffi.cast(ffi.typeof(called), ffi.cast("uintptr_t *", base + slot)[0])
assert called({call}) == {result}
"""
    codes = {
        state: subprocess.run([sys.executable, "-c", program, state], stderr=subprocess.DEVNULL, check=False).returncode
        for state in ("guarded", "bare")
    }
    assert codes["guarded"] == 0 and codes["bare"] in (-signal.SIGABRT, -signal.SIGSEGV)
