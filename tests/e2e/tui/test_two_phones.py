"""Two full-screen phones in real terminals, driven by keys alone, find each other through kamailio."""

import re
from collections.abc import Callable

import pytest

from softphone.control.protocol import AutoAnswer, Registration
from tests.e2e.tui.ui import Ui
from tests.peers.programs.baresip import Baresip
from tests.peers.programs.kamailio import DOMAIN, PASSWORDS, Kamailio
from tests.phones.phone import Phone


def add_contact(ui: Ui, name: str, address: str) -> None:
    """From the phone's screen to the contacts, with the new one highlighted."""
    ui.press("c")
    ui.wait("search: name")
    ui.press("a")
    ui.wait("Save")
    ui.type(name)
    ui.wait(name)
    ui.press("Tab")
    ui.wait("one a line")
    ui.type(address)
    ui.wait(address)
    ui.press("C-s")
    ui.wait(f"Saved {name}")


@pytest.mark.timeout(1200)
def test_a_call_on_our_codec_with_hold_message_and_transfer(
    kamailio: Kamailio, make_ui: Callable[..., Ui], make_phone: Callable[..., Phone]
) -> None:
    alice = make_ui("alice", user="alice", password=PASSWORDS["alice"], server=kamailio)
    bob = make_ui("bob", user="bob", password=PASSWORDS["bob"], server=kamailio, columns=80, lines=24)
    for ui in (alice, bob):
        ui.wait(r"●.*softphone\.test")
        ui.wait_codec()

    add_contact(alice, "Bob Builder", f"bob@{DOMAIN}")
    alice.press("Enter")
    bob.wait(rf"Incoming call: alice@{DOMAIN}")
    alice.wait("Bob Builder · ringing")
    bob.press("a")
    for ui in (alice, bob):
        ui.wait("talking")
        ui.wait("codec +x-phv")

    # No microphone here: what is said is typed.
    alice.press("i")
    alice.wait("speak ▸")
    alice.type("hello there")
    alice.wait("speak ▸ hello there")
    alice.press("Enter")
    bob.wait(r"received +HH [A-Z]+ L OW")
    alice.wait(r"said +HH [A-Z]+ L OW")
    alice.press("Escape")
    alice.wait_gone("speak ▸")

    alice.press("h")
    alice.wait("on hold")
    bob.wait("held by them")
    alice.press("h")
    for ui in (alice, bob):
        ui.wait("talking")

    alice.press("e")
    alice.wait("No messages yet")
    alice.press("a")
    alice.wait("New message to")
    alice.type("bob builder")
    alice.wait("bob builder")
    alice.press("Enter")
    alice.wait(f"Bob Builder +bob@{DOMAIN}")
    alice.type("see you at eight")
    alice.wait("see you at eight")
    alice.press("Enter")
    alice.wait("delivered")
    bob.press("e")
    bob.wait("see you at eight")
    for ui in (alice, bob):
        ui.press_until("Escape", "talking")

    carol = make_phone("carol", codecs=("PCMU",), server=kamailio)
    carol.client.request(AutoAnswer())
    carol.wait(Registration, lambda event: event.state == "registered")
    alice.press("t")
    alice.wait("Transfer Bob Builder")
    alice.type("carol")
    alice.wait("carol")
    alice.press("Enter")
    alice.wait("Ready")
    bob.wait(rf"carol@{DOMAIN} · talking")
    bob.press("b")
    bob.wait("Ready")

    bob.press("l")
    shown = bob.wait("all calls")
    assert f"carol@{DOMAIN}" in shown and f"alice@{DOMAIN}" in shown, shown
    bob.press_until("Escape", "Ready")
    for ui in (alice, bob):
        assert ui.quit() == 0


@pytest.mark.timeout(600)
def test_a_call_with_a_standard_phone_says_which_codec_and_why(make_ui: Callable[..., Ui], make_baresip: Callable[..., Baresip]) -> None:
    baresip = make_baresip(("opus/48000/2", "pcmu"))
    alice = make_ui("alice", columns=80, lines=24)
    alice.wait_codec()
    alice.press("d")
    alice.wait("type a name")
    alice.type(baresip.uri)
    alice.wait(re.escape(baresip.uri))
    alice.press("Enter")
    shown = alice.wait(r"codec +Opus")
    assert "other side did not agree" in " ".join(shown.split()), shown
    alice.wait(r"received +[1-9][0-9.]* k?bit/s")
    alice.press("b")
    alice.wait("Ready")
    assert alice.quit() == 0
