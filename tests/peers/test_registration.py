"""Registration that survives its servers."""

from collections.abc import Callable
from pathlib import Path

import pytest

from softphone.control.protocol import AutoAnswer, CallState, Registration
from tests.peers.programs.kamailio import PASSWORDS, Kamailio
from tests.phones.phone import Phone

MakePhone = Callable[..., Phone]


@pytest.mark.timeout(180)
@pytest.mark.interop("another server when the first one dies", "kamailio")
def test_the_second_server_serves_when_the_first_is_gone(kamailio: Kamailio, make_phone: MakePhone, tmp_path: Path) -> None:
    second = Kamailio(tmp_path / "second", PASSWORDS)
    second.start()
    try:
        bob = make_phone("bob", codecs=("PCMU",), server=second)
        alice = make_phone("alice", codecs=("PCMU",), server=kamailio, expires_s=20, hasty=True, backups=second.proxy)
        for phone in (alice, bob):
            phone.wait(Registration, lambda event: event.state == "registered")
        bob.client.request(AutoAnswer())
        place = len(alice.events)
        kamailio.stop()
        failed = alice.wait(Registration, lambda event: event.state == "failed", 60, place)
        assert failed.retry_s == 0, "the other one is asked at once"
        alice.wait(Registration, lambda event: event.state == "registered", 60, place)
        call = alice.call("bob")
        alice.wait_state(call, "confirmed")
        bob.wait(CallState, lambda event: event.state == "confirmed")
    finally:
        second.stop()
