"""Text messages and waiting messages: through kamailio between accounts, from a flood, and in every form a peer may send them."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from softphone.config import Account, Audio, Codecs, Config, Network
from softphone.control.protocol import ControlError, Event, Log, Message, MessageSent, SendMessage, Status
from softphone.engine.accounts.messages import BURST, MAX_SHOWN, NOTICE_S, MessageGuard, Messages
from tests.peers.programs.kamailio import DOMAIN, PASSWORDS, Kamailio
from tests.phones.phone import Phone, wait_registered

MakePhone = Callable[..., Phone]


@pytest.fixture
def family(kamailio: Kamailio, tmp_path: Path) -> Iterator[Phone]:
    """One phone with the accounts of alice and bob."""
    accounts = []
    for name in ("alice", "bob"):
        secret = tmp_path / f"{name}.password"
        secret.touch(mode=0o600)
        secret.write_text(PASSWORDS[name])
        accounts.append(Account(name=name, id=f"sip:{name}@{DOMAIN}", proxy=kamailio.proxy, password_file=str(secret)))
    network, audio = Network(bind="127.0.0.1"), Audio(input="null", output="null")
    phone = Phone(tmp_path / "family", Config(accounts=tuple(accounts), network=network, audio=audio, codecs=Codecs(("PCMU",))))
    phone.start()
    yield phone
    phone.stop()


def test_two_accounts_register_and_write_to_each_other(family: Phone) -> None:
    for name in ("alice", "bob"):
        while wait_registered(family).account != name:
            family.events.remove(wait_registered(family))
    listed = {account.account: account for account in family.client.request(Status()).accounts}
    assert list(listed) == ["local", "alice", "bob"]
    assert all(listed[name].registered and listed[name].last.state == "registered" for name in ("alice", "bob"))
    number = family.client.request(SendMessage(uri="bob", text="Grüße\nvon alice", account="alice")).message
    came = family.wait(Message)
    assert (came.account, came.text) == ("bob", "Grüße\nvon alice")
    assert "alice@softphone.test" in came.remote
    sent = family.wait(MessageSent)
    assert (sent.message, sent.state, sent.code) == (number, "delivered", 200)
    family.client.request(SendMessage(uri=f"sip:nobody@{DOMAIN}", text="?", account="bob"))
    failed = family.wait(MessageSent, lambda event: event.message == number + 1)
    assert failed.state == "failed" and failed.code == 404 and "check the address" in failed.reason
    for command, words in [
        (SendMessage(uri="bob", text="ä" * 300), "send it in parts"),
        (SendMessage(uri="sip:", text="x"), "no SIP address"),
        (SendMessage(uri="sip:b@host.invalid", text="x", account="local"), "cannot be sent .*check the address"),
        (SendMessage(uri="bob", text="x", account="carol"), "no account carol"),
    ]:
        with pytest.raises(ControlError, match=words):
            family.client.request(command)


def test_a_flood_of_messages_is_refused_and_the_phone_goes_on(make_phone: MakePhone) -> None:
    bob = make_phone("bob", codecs=("PCMU",))
    port = int(bob.uri.rpartition(":")[2])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
        flood.bind(("127.0.0.1", 0))
        flood.settimeout(20)
        own = flood.getsockname()[1]
        codes: list[bytes] = []
        for number in range(3 * BURST):
            head = [
                f"MESSAGE sip:bob@127.0.0.1:{port} SIP/2.0",
                f"Via: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bK{number};rport",
                f"From: <sip:mallory@127.0.0.1:{own}>;tag=x",
                f"To: <sip:bob@127.0.0.1:{port}>",
                f"Call-ID: {number}",
                f"CSeq: {number} MESSAGE",
                "Max-Forwards: 70",
                "Content-Type: text/plain",
                "Content-Length: 4",
            ]
            flood.sendto("\r\n".join([*head, "", "spam"]).encode(), ("127.0.0.1", port))
            codes.append(flood.recv(2000)[8:11])
    assert codes.count(b"200") >= BURST and codes.count(b"480") >= BURST
    assert codes.count(b"200") == sum(isinstance(event, Message) for event in bob.client.events(2))
    assert bob.client.request(Status()).accounts


def test_what_comes_is_made_fit_to_be_shown() -> None:
    told: list[Event] = []
    messages = Messages(told.append)
    messages.came("a", "<sip:b@x>\x1b[2J", "text/plain;charset=utf-8", "\x1b]0;title\x07 one\r\ntwo\x00\r\n")
    messages.came("a", "b", "text/plain", "x" * 5000)
    messages.came("a", "b", "text/html", "<script>")
    messages.came("a", "b", "text/plain", " \r\n\x00")
    assert [event.text[:20] for event in told if isinstance(event, Message)] == ["]0;title one\ntwo", "x" * 20, "(a message of the ty"]
    assert isinstance(told[0], Message) and told[0].remote == "<sip:b@x>[2J"
    assert isinstance(told[1], Message) and len(told[1].text) == MAX_SHOWN


def test_the_guard_lets_a_talk_through_and_says_once_what_it_refuses() -> None:
    now = [0.0]
    told: list[Event] = []
    guard = MessageGuard(told.append, lambda: now[0])
    for _ in range(1000):
        now[0] += 1.0
        assert guard.refuse(b"MESSAGE sip:b@x SIP/2.0\r\n") is None
    refused = 0
    for _ in range(1000):
        now[0] += 0.02
        refused += guard.refuse(b"MESSAGE sip:b@x SIP/2.0\r\n") is not None
        assert guard.refuse(b"INVITE sip:b@x SIP/2.0\r\n") is None
    assert 900 < refused < 1000
    assert [type(event) for event in told] == [Log] * int(1 + 20 // NOTICE_S - 1)
