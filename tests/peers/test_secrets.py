"""What the phone says of itself holds no secret: logs, events, answers and files are searched after a registration, a call and messages."""

import hashlib
import re
from pathlib import Path

import msgspec
import pytest

from softphone.config import Account, Audio, Config, Network
from softphone.control.protocol import (
    Answer,
    Call,
    CallState,
    CallStatistics,
    ControlError,
    Hangup,
    MessageSent,
    Play,
    Register,
    Registration,
    Sdp,
    SendMessage,
    SipLadder,
    Status,
    to_line,
)
from tests.peers.programs.kamailio import DOMAIN, PASSWORDS, Kamailio
from tests.phones.phone import Phone
from tests.places import ROOT

SECRET = "never-to-be-seen-4711"
DIGEST = re.compile(rb"""response\s*=\s*"?[0-9a-f]{32}|Digest username=""", re.IGNORECASE)
OPAQUE = re.compile(rb"[0-9a-fA-F]{64,}|[A-Za-z0-9+/]{100,}={0,2}|(?:\\x[0-9a-f]{2}){16,}")
"""A long run of nothing that can be read: bytes of a voice, a key or a payload."""


def searched(text: bytes, where: str) -> None:
    hashed = hashlib.md5(f"alice:{DOMAIN}:{PASSWORDS['alice']}".encode()).hexdigest()
    for secret in (PASSWORDS["alice"], SECRET, hashed):
        assert secret.encode() not in text, where
    assert not DIGEST.search(text), f"{where}: credentials"
    found = OPAQUE.search(text)
    assert not found, f"{where}: {found[0][:80]!r}"


@pytest.mark.timeout(180)
def test_nothing_that_is_said_or_logged_holds_a_secret(tmp_path: Path, kamailio: Kamailio, speech: Path) -> None:
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_text(PASSWORDS["alice"])
    bobs = tmp_path / "bobs"
    bobs.touch(mode=0o600)
    bobs.write_text(PASSWORDS["bob"])
    network, audio = Network(bind="127.0.0.1", srtp="offer"), Audio("null", "null")
    phones = []
    for name, file in (("alice", secret), ("bob", bobs)):
        account = Account(id=f"sip:{name}@{DOMAIN}", proxy=kamailio.proxy, password_file=str(file))
        config = Config(account=account, network=network, audio=audio)
        phones.append(Phone(tmp_path / name, config, ROOT, "tests.phones.verbose_engine"))
    alice, bob = phones
    try:
        for phone in phones:
            phone.start()
            phone.wait_worker()
            phone.wait(Registration, lambda event: event.state == "registered")
        with pytest.raises(ControlError):
            alice.client.request(Register(account="local", uri="sip:a@b", password=SECRET))
        alice.client.request(Register(account="wrong", uri=f"sip:carol@{DOMAIN}", password=SECRET, proxy=kamailio.proxy))
        alice.wait(Registration, lambda event: event.account == "wrong" and event.state == "failed")
        call = alice.client.request(Call(uri=f"sip:bob@{DOMAIN}", account="default")).call
        ringing = bob.wait(CallState, lambda event: event.state in ("incoming", "early"))
        bob.client.request(Answer(call=ringing.call))
        alice.wait_state(call, "confirmed")
        alice.client.request(Play(call=call, wav=str(speech)))
        bob.wait(CallStatistics, lambda event: event.codec_counters.tokens_received > 5, 60)
        alice.client.request(SendMessage(uri=f"sip:nobody@{DOMAIN}", text="hello", account="default"))
        alice.wait(MessageSent)
        answers = [alice.client.request(command) for command in (Status(), SipLadder(call=call), Sdp(call=call))]
        alice.client.request(Hangup())
        alice.wait_state(call, "disconnected")
    finally:
        for phone in phones:
            phone.stop()
    for phone in phones:
        logs = list(phone.folder.rglob("*.log"))
        assert logs
        for path in logs:
            assert path.stat().st_size > 0
            searched(path.read_bytes(), str(path))
        for event in phone.events:
            searched(to_line(event), type(event).__name__)
        for path in (phone.folder / "data").rglob("*"):
            if path.is_file():
                assert path.stat().st_mode & 0o077 == 0, f"{path} can be read by others"
                assert PASSWORDS["alice"].encode() not in path.read_bytes()
    ladder = "".join(message.text for message in answers[1].messages)
    for header in (r"Proxy-Authorization: ?Digest \(not shown\)", r"a=crypto:\d+ \S+ \(not shown\)"):
        assert re.search(header, ladder), f"the call had no {header}"
    for answer in answers:
        searched(msgspec.json.encode(answer), "answer")
