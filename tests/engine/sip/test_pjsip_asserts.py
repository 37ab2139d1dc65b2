"""What PJSIP 2.15.1 asserts and a far end can bring about, tried over real sockets: each of these ended the process.

Beside each stands what is much like it and must go on as ever.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from softphone.config import Audio, Codecs, Config, Network
from softphone.control.protocol import Answer, Call, Hangup, Status
from softphone.engine.sip.unparsed.inspection import inspect
from tests.peers.sockets.stranger import PLAIN, SESSION, Stranger
from tests.phones.phone import Phone


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phone]:
    config = Config(network=Network(bind="127.0.0.1"), audio=Audio("null", "null"), codecs=Codecs(("PCMU",)))
    made = Phone(tmp_path_factory.mktemp("asserts"), config)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def stranger(phone: Phone) -> Iterator[Stranger]:
    with Stranger(phone.uri.partition("@")[2]) as made:
        yield made
        made.tag = ""
        phone.client.request(Hangup())
        made.drain(0.2)
    assert phone.client.request(Status()).pid


def ask(phone: Phone, stranger: Stranger) -> str:
    """The phone calls the stranger; the head of its INVITE."""
    phone.client.request(Call(uri=f"sip:x@{stranger.here}"))
    return stranger._next(time.monotonic() + stranger.wait_s).partition("\r\n\r\n")[0]


def reply(stranger: Stranger, head: str, status: str, tag: str = "", extra: tuple[str, ...] = (), body: str = "", cseq: str = "") -> None:
    """An answer to the INVITE of the phone."""
    names = ("via", "v", "from", "f", "to", "t", "call-id", "i", "cseq")
    lines = [line for line in head.split("\r\n")[1:] if line.partition(":")[0].strip().lower() in names]
    lines = [line + f";tag={tag}" if tag and re.match("(?i)to?[ \t]*:", line) else line for line in lines]
    if cseq:
        lines = [re.sub(r"(?i)^cseq: *(\d+) INVITE", cseq, line) for line in lines]
    body = body.replace("PORT", str(stranger.media_port))
    kind = ["Content-Type: application/sdp"] if body else []
    stranger.send("\r\n".join([f"SIP/2.0 {status}", *lines, *extra, *kind, f"Content-Length: {len(body)}", "", body]).encode())


def next_requests(stranger: Stranger, seconds: float) -> list[str]:
    """The methods of what the phone sends within so long; each is answered."""
    before = len(stranger.asked)
    stranger.drain(seconds)
    return [asked.partition(" ")[0] for asked in stranger.asked[before:]]


def written(stranger: Stranger, method: str, pattern: str, other: str) -> int:
    """The status of a request in which the first that `pattern` finds is replaced."""
    stranger.sequence += 1
    whole = stranger.message(method).decode()
    changed = re.sub(pattern, other.replace("HERE", stranger.here), whole, count=1)
    assert changed != whole
    stranger.send(changed.encode())
    return stranger.final(method).status


@pytest.mark.parametrize(
    ("route", "status"),
    [
        ("<sip:127.0.0.1;hide>", 400),
        ("<sip:127.0.0.1;HIDE=1;x=y>", 400),
        ("<sip:127.0.0.1;%68ide>", 400),
        ("<sip:127.0.0.1;lr>, <sip:a@127.0.0.1; hide>", 400),
        ("<sip:[];lr>", 400),
        ("<sip:a:b@[]:5060;lr>", 400),
        ("<sip:hide@127.0.0.1;lr>", 200),
        ("<sip:127.0.0.1;lr;hidden=a;x=hide>", 200),
        ('"; hide [] @[]" <sip:127.0.0.1;lr>', 200),
        ("<sip:[::1];lr>", 200),
        ("<sip:a@[2001:db8::1]:5060;lr;x=[]>", 200),
    ],
)
def test_routes_that_pjsip_cannot_print(route: str, status: int, stranger: Stranger) -> None:
    assert stranger.request("OPTIONS", extra=(f"Record-Route: {route}",)).status == status
    assert stranger.request("OPTIONS", extra=(f"Subject: {route}",)).status == 200


@pytest.mark.parametrize(
    ("pattern", "other", "status"),
    [
        ("From: <[^>]*>", "From: <sip:[]>", 400),
        ("From: <[^>]*>", "From: <sip:a@[]>", 400),
        ("From: <[^>]*>", 'From: "a" <sip: []>', 400),
        ("To: <[^>]*>", "To: <sip:[]>", 400),
        ("To: <([^>]*)>", r"To: sip:a@[]", 400),
        ("Contact: <[^>]*>", "Contact: <sip:[]>", 400),
        ("^OPTIONS [^ ]*", "OPTIONS sip:[]", 400),
        ("From: <[^>]*>", "From: <sip:a@[::1]>", 200),
        ("From: <[^>]*>", 'From: "sip:[]" <sip:a@b>', 200),
        ("To: <[^>]*>", "To: <sip:a@[2001:db8::1]>", 200),
        ("Contact: <[^>]*>", "Contact: <sip:a@[::1]:5060>", 200),
        ("Subject: .*|Max-Forwards", "Subject: sip:[]\r\nMax-Forwards", 200),
    ],
)
def test_addresses_without_a_host(pattern: str, other: str, status: int, stranger: Stranger) -> None:
    assert written(stranger, "OPTIONS", pattern, other) == status
    assert stranger.request("OPTIONS").status == 200


def test_a_sender_without_a_host_is_not_answered(stranger: Stranger) -> None:
    """Not to the sender that Via names, but to where it came from (RFC 3581), by what answers malformed requests."""
    assert written(stranger, "OPTIONS", "Via: ([^ ]*) [^;]*", r"Via: \1 []:5060") == 400
    assert written(stranger, "OPTIONS", "Via: ([^ ]*) [^;]*", r"Via: \1 [::1]:5060") == 200


@pytest.mark.parametrize(
    ("method", "pattern", "other", "status"),
    [
        ("OPTIONS", "CSeq: (\\d+) ", r"CSeq: \1", 400),
        ("OPTIONS", "CSeq: (\\d+) OPTIONS", r"CSeq: \1 OPTIONS x", 400),
        ("OPTIONS", "CSeq: (\\d+) OPTIONS", r"CSeq: \1 INVITE", 400),
        ("OPTIONS", "CSeq: ([^\r]*)", r"CSeq: \1\r\nCSeq: \1", 400),
        ("OPTIONS", "To: ([^\r]*)", r"To: \1\r\nt: \1", 400),
        ("OPTIONS", "CSeq: (\\d+) ", r"CSeq:\r\n \1 \t ", 200),
        ("OPTIONS", "CSeq: (\\d+) ", r"CSEQ : 00\1 ", 200),
    ],
)
def test_numbers_that_pjsip_reads_and_others_do_not(method: str, pattern: str, other: str, status: int, stranger: Stranger) -> None:
    """Who leaves out the blank must not get past what looks at the method that CSeq names."""
    stranger.wait_s = 3
    stranger.sequence += 1
    stranger.send(re.sub(pattern, other, stranger.message(method).decode(), count=1).encode())
    assert stranger.receive(time.monotonic() + 3).status == status


@pytest.mark.parametrize("quotes", ['\\"', '"\\'])
@pytest.mark.parametrize("first", ["INVITE sip:a SIP/2.0", "SIP/2.0 200 OK\r\nCSeq: 1 INVITE"])
def test_quotes_that_are_never_closed_are_looked_at_once(first: str, quotes: str) -> None:
    """Each of them looked for its end until the last one: a third of a second for one message."""
    message = f"{first}\r\nContact: *{quotes * 1700}\r\n\r\n".encode()
    spent = []
    for _ in range(5):
        began = time.perf_counter()
        inspect(message)
        spent.append(time.perf_counter() - began)
    assert min(spent) < 0.05


@pytest.mark.parametrize("to_tag", ["", "abc"])
def test_a_method_is_written_in_capitals(to_tag: str, stranger: Stranger) -> None:
    """RFC 3261, 7.1. PJSIP takes "invite" for INVITE, and what looks for INVITE does not."""
    stranger.tag = to_tag
    for method in ("invite", "Bye", "options"):
        assert stranger.request(method).status == 501
    stranger.sequence += 1
    stranger.send(stranger.message("ack"))
    stranger.tag = ""
    assert stranger.request("OPTIONS").status == 200


@pytest.mark.parametrize("cseq", [r"CSeq: \1INVITE", r"CSeq: \1 invite", r"CSeq: \1 OPTIONS\r\nCSeq: \1 INVITE"])
def test_an_answer_whose_number_is_written_otherwise(cseq: str, phone: Phone, stranger: Stranger) -> None:
    """Its Contact, to which no ACK can go, was not left out."""
    head = ask(phone, stranger)
    reply(stranger, head, "200 OK", "a", ("Contact: <tel:5>",), SESSION + PLAIN, cseq)
    stranger.drain(0.3)
    assert phone.client.request(Status()).pid


@pytest.mark.parametrize(
    "contacts",
    [
        "Contact: tel:5, <sip:x@1.2.3.4>",
        "Contact: <sip:HERE>, tel:5",
        'Contact: "a, <sip:x>" <tel:5>, <sip:HERE>',
        "Record-Route: tel:5, <sip:HERE;lr>\r\nContact: <sip:HERE>",
        "Contact: <sip:HERE>;x=y, <sip:a,b@1.2.3.4>",
        "m: sip:HERE",
    ],
)
def test_a_list_of_contacts_of_which_one_is_no_target(contacts: str, phone: Phone, stranger: Stranger) -> None:
    """The ACK goes where the INVITE went, or to the first of the list; PJSIP would have ended at one that is no SIP address."""
    head = ask(phone, stranger)
    reply(stranger, head, "200 OK", "a", (contacts.replace("HERE", stranger.here),), SESSION + PLAIN)
    assert next_requests(stranger, 0.4)[:1] == ["ACK"]


def ring(stranger: Stranger, offer: str, extra: tuple[str, ...] = ()) -> str:
    """The stranger calls and the phone rings; the head of what it says then."""
    stranger.sequence += 1
    stranger.send(stranger.message("INVITE", offer, "application/sdp" if offer else "", extra))
    deadline = time.monotonic() + stranger.wait_s
    while (answer := stranger.receive(deadline)).status <= 100:
        pass
    stranger.tag = answer.field("to", "t").partition(";tag=")[2]
    return answer.head


def pick_up(phone: Phone, stranger: Stranger, invite: int, offer: str) -> bool:
    """Whether the call that rings can be answered, and is heard; `invite` is the number of the INVITE that `ring` sent."""
    call = next(call.call for call in phone.client.request(Status()).calls if call.state != "disconnected")
    phone.client.request(Answer(call=call))
    last, stranger.sequence = stranger.sequence, invite
    answer = stranger.final("INVITE")
    stranger.acknowledge(answer, "" if offer else SESSION + PLAIN)
    stranger.sequence = last
    return answer.status == 200 and stranger.hears()


UPDATES = {
    "alone": ("", "", 200),
    "an offer": (SESSION + PLAIN, "application/sdp", 500),
    "a text": ("hello", "text/plain", 500),
}


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("offer", ["", SESSION + PLAIN])
def test_an_update_while_it_rings(offer: str, update: str, phone: Phone, stranger: Stranger) -> None:
    """Without an offer in the INVITE there is no negotiator yet (sip_inv.c, inv_respond_incoming_update)."""
    ring(stranger, offer)
    invite = stranger.sequence
    body, kind, status = UPDATES[update]
    for _ in range(2):
        answer = stranger.request("UPDATE", body, kind)
        assert answer.status == status and bool(answer.field("retry-after")) == (status == 500)
    assert pick_up(phone, stranger, invite, offer)
    assert stranger.request("UPDATE", SESSION + PLAIN, "application/sdp").status == 200


@pytest.mark.parametrize("body", ["", SESSION + PLAIN, "hello"])
@pytest.mark.parametrize("offer", ["", SESSION + PLAIN])
def test_a_description_in_what_confirms_the_ringing(offer: str, body: str, phone: Phone, stranger: Stranger) -> None:
    """Strangers may ask for reliable provisional answers; ours bring no description, so no PRACK may."""
    head = ring(stranger, offer, ("Require: 100rel", "Supported: 100rel"))
    found = re.search(r"(?im)^rseq: *(\d+)", head)
    assert found
    invite = stranger.sequence
    kind = "" if not body else "text/plain" if body == "hello" else "application/sdp"
    assert stranger.request("PRACK", body, kind, (f"RAck: {found[1]} {invite} INVITE",)).status == 200
    assert pick_up(phone, stranger, invite, offer)


@pytest.mark.parametrize(
    ("tag", "asked"),
    [("", []), ("b", ["ACK", "BYE"]), ("a", ["ACK"])],
    ids=["untagged", "of another far end", "again"],
)
def test_a_second_answer_to_a_call(tag: str, asked: list[str], phone: Phone, stranger: Stranger) -> None:
    """RFC 3261, 13.2.2.4. What has no tag belongs to nobody (sip_dialog.c, pjsip_dlg_fork)."""
    head = ask(phone, stranger)
    contact = (f"Contact: <sip:x@{stranger.here}>",)
    reply(stranger, head, "180 Ringing", "a", contact)
    reply(stranger, head, "200 OK", "a", contact, SESSION + PLAIN)
    assert next_requests(stranger, 0.3) == ["ACK"]
    reply(stranger, head, "200 OK", tag, contact, SESSION + PLAIN)
    assert next_requests(stranger, 0.3) == asked
    assert stranger.hears()


@pytest.mark.parametrize("transport", ["sctp", "SCTP", "loop", "loop-dgram", "dtls", "ws", "tcp", "tls", "udp"])
@pytest.mark.parametrize("place", ["redirection", "answer", "route"])
def test_transports_that_this_phone_has_not(transport: str, place: str, phone: Phone, stranger: Stranger) -> None:
    """An address that names one, over IPv6, is one that nothing can be sent to (sip_transport.c, get_tpname)."""
    there = f"<sip:x@[::1]:9;transport={transport}>"
    head = ask(phone, stranger)
    if place == "redirection":
        reply(stranger, head, "302 Moved", "a", (f"Contact: {there}",))
        assert next_requests(stranger, 0.2) == ["ACK"]
    else:
        route = (f"Record-Route: {there.replace('>', ';lr>')}",) if place == "route" else ()
        contact = f"Contact: <sip:x@{stranger.here}>" if route else f"Contact: {there}"
        reply(stranger, head, "200 OK", "a", (contact, *route), SESSION + PLAIN)
        stranger.drain(0.2)
    assert phone.client.request(Status()).pid


def test_a_transport_that_this_phone_has_is_used(phone: Phone, stranger: Stranger) -> None:
    head = ask(phone, stranger)
    reply(stranger, head, "302 Moved", "a", (f"Contact: <sip:y@{stranger.here};transport=UDP>",))
    assert stranger._next(time.monotonic() + 3).startswith("ACK ")
    assert stranger._next(time.monotonic() + 3).startswith(f"INVITE sip:y@{stranger.here};transport=UDP ")
