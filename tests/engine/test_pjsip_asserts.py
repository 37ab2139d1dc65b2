"""What PJSIP 2.15.1 asserts and a far end can bring about, tried over real sockets: each of these ended the process.

Beside each stands what is much like it and must go on as ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from softphone.config import Audio, Codecs, Config, Network
from softphone.control.protocol import Hangup, Status
from tests.peers.phone import Phone
from tests.peers.stranger import Stranger


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
    assert "calls" in phone.client.request(Status())


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
