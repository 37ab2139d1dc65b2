"""Who can be called, and who may know: presence through a real presence server, between two phones without one, and what is refused."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from softphone.config import Presence as Choice
from softphone.control.protocol import Answer, CallState, Hangup, MessageWaiting, Presence, Registration, Status
from softphone.store.contacts import Address, Contact
from softphone.store.sqlite.database import Database
from softphone.store.store import Store
from tests.peers.programs.kamailio import DOMAIN, PASSWORDS, Kamailio
from tests.phones.phone import Phone

MakePhone = Callable[..., Phone]
BOB = f"sip:bob@{DOMAIN}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kamailio]:
    made = Kamailio(tmp_path_factory.mktemp("presence") / "kamailio", PASSWORDS, presence=True)
    made.start()
    yield made
    made.stop()


def with_contacts(*uris: str) -> Callable[[Path], None]:
    """What `make_phone(prepare=)` is given: these are favourites."""

    def prepare(folder: Path) -> None:
        (folder / "data/softphone").mkdir(parents=True, mode=0o700)
        with closing(Store(Database(folder / "data/softphone/phone.db"))) as store:
            for uri in uris:
                store.contacts.add(Contact(uri.rpartition(":")[2], (Address(uri),), favourite=True))

    return prepare


def seen(phone: Phone, state: str, after: int = 0, contact: str = BOB) -> Presence:
    return phone.wait(Presence, lambda event: event.contact == contact and event.state == state, 30, after)


def registered(*phones: Phone) -> None:
    for phone in phones:
        phone.wait(Registration, lambda event: event.state == "registered")


@pytest.mark.interop("presence of contacts: watched (SUBSCRIBE) and told to the server (PUBLISH)", "kamailio-presence-modules")
def test_contacts_are_watched_through_the_server(server: Kamailio, make_phone: MakePhone) -> None:
    watching = {"presence": Choice(watch="favourites"), "prepare": with_contacts(BOB)}
    alice = make_phone("alice", codecs=("PCMU",), server=server, **watching)
    registered(alice)
    assert "nothing" in seen(alice, "unknown").reason
    bob = make_phone("bob", codecs=("PCMU",), server=server, presence=Choice(share="server"))
    carol = make_phone("carol", codecs=("PCMU",), server=server)
    registered(bob, carol)
    seen(alice, "available")
    place = len(alice.events)
    call = bob.call("carol")
    assert seen(alice, "busy", place).note == "On the phone"
    carol.client.request(Answer(call=carol.wait(CallState, lambda event: event.state == "incoming").call))
    bob.wait_state(call, "confirmed")
    place = len(alice.events)
    bob.client.request(Hangup())
    seen(alice, "available", place)
    told = alice.client.request(Status()).presence
    assert [(entry.contact, entry.state) for entry in told] == [(BOB, "available")]


@pytest.mark.interop("waiting voice messages (RFC 3842)", "kamailio-presence-modules")
def test_waiting_messages_through_the_server(server: Kamailio, make_phone: MakePhone) -> None:
    alice = make_phone("alice", codecs=("PCMU",), server=server)
    registered(alice)
    body = f"Messages-Waiting: yes\r\nMessage-Account: sip:alice@{DOMAIN}\r\nVoice-Message: 3/1 (0/0)\r\n"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mail:
        mail.bind(("127.0.0.1", 0))
        mail.settimeout(10)
        here = f"127.0.0.1:{mail.getsockname()[1]}"
        lines = [
            f"PUBLISH sip:alice@{DOMAIN} SIP/2.0",
            f"Via: SIP/2.0/UDP {here};branch=z9hG4bKmail;rport",
            f"From: <sip:mail@{DOMAIN}>;tag=mail",
            f"To: <sip:alice@{DOMAIN}>",
            f"Call-ID: {here}",
            "CSeq: 1 PUBLISH",
            "Max-Forwards: 70",
            "Event: message-summary",
            "Expires: 300",
            "Content-Type: application/simple-message-summary",
            f"Content-Length: {len(body)}",
        ]
        mail.sendto("\r\n".join([*lines, "", body]).encode(), ("127.0.0.1", server.port))
        assert b"SIP/2.0 200" in mail.recv(4000)
    told = alice.wait(MessageWaiting, lambda event: event.waiting, 30)
    assert (told.new, told.old) == (3, 1)


@pytest.mark.interop("presence of contacts whose phones are asked", "softphone")
def test_only_contacts_may_ask_this_phone(make_phone: MakePhone) -> None:
    shy = make_phone("shy", codecs=("PCMU",))
    bob = make_phone("bob", codecs=("PCMU",), presence=Choice(share="contacts"), prepare=with_contacts("sip:127.0.0.1"))
    strict = make_phone("strict", codecs=("PCMU",), presence=Choice(share="contacts"))
    gone = "sip:nobody@host.invalid"
    watched = [phone.uri for phone in (shy, bob, strict)]
    alice = make_phone("alice", codecs=("PCMU",), presence=Choice(watch="contacts"), prepare=with_contacts(*watched, gone))
    seen(alice, "available", contact=bob.uri)
    assert "tells nobody (489)" in seen(alice, "unknown", contact=shy.uri).reason, "which is how the phone is unless it is told otherwise"
    assert "do not allow it (403)" in seen(alice, "unknown", contact=strict.uri).reason
    place = len(alice.events)
    call = bob.call(shy.uri)
    seen(alice, "busy", place, bob.uri)
    place = len(alice.events)
    bob.client.request(Hangup(call=call))
    seen(alice, "available", place, bob.uri)
    assert "do not answer" in seen(alice, "unknown", contact=gone).reason, "and the phone lives"
    # Nobody can say of bob what bob does not: the dialog is not theirs.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.settimeout(10)
        here = f"127.0.0.1:{stranger.getsockname()[1]}"
        fields = f"Via: SIP/2.0/UDP {here};branch=z9hG4bKx;rport\r\nFrom: <{bob.uri}>;tag=x\r\nTo: <{alice.uri}>;tag=y\r\nCall-ID: x\r\n"
        fields += f"CSeq: 1 NOTIFY\r\nMax-Forwards: 70\r\nContact: <sip:{here}>\r\nEvent: presence\r\nSubscription-State: active\r\n"
        request = f"NOTIFY {alice.uri} SIP/2.0\r\n{fields}Content-Length: 0\r\n\r\n"
        stranger.sendto(request.encode(), ("127.0.0.1", int(alice.uri.rpartition(":")[2])))
        assert stranger.recv(4000).startswith(b"SIP/2.0 481")
