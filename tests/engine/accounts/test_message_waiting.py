"""Waiting voice messages: the server is asked, with credentials where it wants them, and what it says is told."""

import hashlib
import re
import socket
from collections.abc import Callable

import pytest

from softphone.control.protocol import MessageWaiting, Register, Registration, Status
from softphone.engine.accounts.digest import credentials
from softphone.engine.accounts.message_waiting import parse_summary
from tests.peers.sockets.mailbox import Mailbox
from tests.phones.phone import Phone

MakePhone = Callable[..., Phone]
SUMMARY = "Messages-Waiting: yes\r\nMessage-Account: sip:alice@example.org\r\nVoice-Message: 2/8 (0/2)\r\n"


def test_the_server_is_asked_with_credentials_and_its_word_is_told(make_phone: MakePhone) -> None:
    with Mailbox(SUMMARY, ("alice", "s3cret")) as mailbox:
        alice = make_phone("alice", codecs=("PCMU",))
        # The domain of the address leads nowhere: the registrar is asked, and SUBSCRIBE goes through the same proxy.
        proxy = f"sip:{mailbox.address};lr"
        alice.client.request(
            Register(account="work", uri="sip:alice@example.org", registrar=f"sip:{mailbox.address}", proxy=proxy, password="s3cret")
        )
        told = alice.wait(MessageWaiting)
        assert (told.account, told.waiting, told.new, told.old) == ("work", True, 2, 8)
        assert mailbox.notified.wait(10) and mailbox.refused == 1
        account = alice.client.request(Status()).accounts[1]
        assert account.message_waiting.new == 2
        assert "s3cret" not in alice.log()
        place = len(alice.events)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 0))
            server.settimeout(10)
            for to, event, expected in [
                ("stranger@example.org", "message-summary", b"4"),
                ("alice@example.org", "presence", b"4"),
                ("alice@example.org", "message-summary", b"2"),
            ]:
                server.sendto(notify(to, event, server.getsockname()[1]), ("127.0.0.1", int(alice.uri.rpartition(":")[2])))
                assert server.recv(2000)[8:9] == expected
        assert alice.wait(MessageWaiting, after=place).waiting is False, "unasked, as many servers do"
        alice.stop()


def notify(to: str, event: str, port: int) -> bytes:
    body = "Messages-Waiting: no\r\n"
    lines = [
        f"NOTIFY sip:{to} SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{to.partition('@')[0]}{event};rport",
        f"From: <sip:server@127.0.0.1:{port}>;tag=s",
        f"To: <sip:{to}>;tag=unknown",
        f"Call-ID: {to}{event}",
        "CSeq: 1 NOTIFY",
        f"Contact: <sip:127.0.0.1:{port}>",
        "Max-Forwards: 70",
        f"Event: {event}",
        "Subscription-State: active",
        "Content-Type: application/simple-message-summary",
        f"Content-Length: {len(body)}",
        "",
        body,
    ]
    return "\r\n".join(lines).encode()


def test_an_address_that_leads_nowhere_and_a_wish_for_quiet_harm_nothing(make_phone: MakePhone) -> None:
    with Mailbox(SUMMARY) as mailbox:
        alice = make_phone("alice", codecs=("PCMU",))
        # PJSUA's own subscription ended the process here: the name of the address cannot be resolved.
        for name, wanted in (("nowhere", True), ("quiet", False)):
            alice.client.request(
                Register(account=name, uri=f"sip:{name}@host.invalid", registrar=f"sip:{mailbox.address}", message_waiting=wanted)
            )
            alice.wait(Registration, lambda event, name=name: event.account == name and event.state == "registered")
        assert alice.client.request(Status()).accounts[2].message_waiting is None
        assert not mailbox.subscribed.is_set()
        alice.stop()


@pytest.mark.parametrize(
    ("challenge", "header"),
    [
        ('WWW-Authenticate: Digest realm="a", nonce="n", algorithm=MD5', "Authorization"),
        ('proxy-authenticate:Digest nonce="n",realm="a",qop="auth,auth-int"', "Proxy-Authorization"),
        ('WWW-Authenticate: Digest realm="other", nonce="n"', None),
        ('WWW-Authenticate: Digest realm="a", nonce="n", qop="auth-int"', None),
        ('WWW-Authenticate: Digest realm="a", nonce="n", algorithm=SHA-512-256', "Authorization"),
        ('WWW-Authenticate: Digest nonce="n"', None),
        ('WWW-Authenticate: Digest =,="', None),
        ('WWW-Authenticate: Basic realm="a"', None),
        ("", None),
    ],
)
def test_challenges(challenge: str, header: str | None) -> None:
    answer = credentials(f"SIP/2.0 401 Unauthorized\r\n{challenge}\r\n\r\n", "SUBSCRIBE", "sip:a@b", "alice", "s3cret", "a")
    assert (answer and answer[0]) == header
    assert "s3cret" not in str(answer)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("Messages-Waiting: no\r\n", (False, 0, 0)),
        ("messages-waiting:YES\nVoice-Message : 1/0\n", (True, 1, 0)),
        ("Messages-Waiting: yes\r\nVoice-Message: many\r\n", (True, 0, 0)),
        ("Messages-Waiting: perhaps\r\n", None),
        ("", None),
    ],
)
def test_message_summaries(body: str, expected: tuple[bool, int, int] | None) -> None:
    event = parse_summary("work", body)
    assert (event and (event.waiting, event.new, event.old)) == expected


def test_a_challenge_with_sha_256() -> None:
    """Against the definition (RFC 7616, 3.4.1), worked out here."""
    nonce = "7ypf/xlj9XXwfDPEoM4URrv"
    challenge = f'SIP/2.0 401 x\r\nWWW-Authenticate: Digest realm="r", qop="auth", algorithm=SHA-256, nonce="{nonce}"\r\n\r\n'
    found = credentials(challenge, "SUBSCRIBE", "sip:r", "alice", "secret")
    assert found is not None and found[0] == "Authorization"
    given = dict(re.findall(r'(\w+)="?([^",]+)"?', found[1].removeprefix("Digest ")))
    h = lambda text: hashlib.sha256(text.encode()).hexdigest()  # noqa: E731
    right = h(f"{h('alice:r:secret')}:{nonce}:{given['nc']}:{given['cnonce']}:auth:{h('SUBSCRIBE:sip:r')}")
    assert given["response"] == right and given["algorithm"] == "SHA-256"
