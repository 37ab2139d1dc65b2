"""What goes wrong is said in the terminal, with what to do, and nothing is lost."""

import os
import re
import signal
from collections.abc import Callable

import pytest

from softphone.config import Audio, Codecs, Config, Network
from softphone.control.client import ControlClient
from softphone.control.protocol import AutoAnswer, Status
from tests.e2e.tui.ui import Ui
from tests.peers.programs.kamailio import DOMAIN, PASSWORDS, Kamailio
from tests.phones.phone import HASTY, Phone

MakeUi = Callable[..., Ui]
MakePhone = Callable[..., Phone]
COLOUR = re.compile(r"\x1b\[[0-9;:]*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[0-9;:]*m")
pytestmark = pytest.mark.timeout(600)


def dial(ui: Ui, uri: str) -> None:
    ui.press("d")
    ui.wait("type a name")
    ui.type(uri)
    ui.wait(re.escape(uri[-12:]))
    ui.press("Enter")


def engine_pid(ui: Ui) -> int:
    with ControlClient(ui.home / "run" / "softphone" / "engine.sock") as client:
        return int(client.request(Status()).pid)


def test_an_engine_killed_under_a_call(make_ui: MakeUi, make_phone: MakePhone) -> None:
    bob = make_phone("bob", codecs=("PCMU",))
    bob.client.request(AutoAnswer())
    alice = make_ui("alice", codecs=("PCMU",), columns=80, lines=24)
    alice.wait("Ready")
    dial(alice, bob.uri)
    alice.wait("talking")
    os.kill(engine_pid(alice), signal.SIGKILL)
    shown = alice.wait("ended unexpectedly")
    assert "call again" in " ".join(re.sub("[│]", "", shown).split()), shown
    alice.wait("Ready")
    alice.press("R")
    alice.wait("talking")
    alice.press("l")
    alice.wait("all calls")
    rows = re.findall(rf"(?:now|out) .*{re.escape(re.sub('^sip:', '', bob.uri))}", alice.screen())
    assert len(rows) == 2, "the lost call is in the history too"


HURRIED = f"from softphone.control import supervisor\nsupervisor.ENGINE = {HASTY!r}"
BROKEN = """
from softphone.tui.app import PhoneApp
def action_theme(self):
    password = "hunter" + "2"
    raise RuntimeError("a mistake")
PhoneApp.action_theme = action_theme
"""


def test_a_mistake_of_the_screen_costs_no_call_and_shows_no_secret(make_ui: MakeUi, make_phone: MakePhone) -> None:
    bob = make_phone("bob", codecs=("PCMU",))
    bob.client.request(AutoAnswer())
    alice = make_ui("alice", codecs=("PCMU",), before=BROKEN)
    alice.wait("Ready")
    dial(alice, bob.uri)
    alice.wait("talking")
    alice.press("T")
    assert alice.wait_end() == 1
    shown = alice.screen()
    said = [line for line in shown.splitlines() if line.strip() and "[ended with" not in line]
    assert said[0].startswith("softphone: the phone's screen failed") and len(" ".join(said)) < 400, shown
    assert "the call continues; run softphone" in " ".join(said)
    assert "hunter" not in shown and "Traceback" not in shown
    log = alice.home / "data" / "softphone" / "errors.log"
    assert str(log) in "".join(said) and log.stat().st_mode & 0o777 == 0o600
    assert "in action_theme" in log.read_text() and "hunter2" not in log.read_text()
    alice.stop()
    alice.start()
    alice.wait("talking")
    alice.press("b")
    alice.wait("Ready")


def test_a_wrong_password_is_corrected_where_it_is_said(kamailio: Kamailio, make_ui: MakeUi) -> None:
    alice = make_ui("alice", user="alice", password="not-this", server=kamailio, codecs=("PCMU",), columns=80, lines=24)
    alice.wait("rejected the user|failed: the server")
    alice.press("o")
    alice.wait(r"v edits it")
    alice.press("G")
    alice.wait(rf"▸✗ alice@{DOMAIN}")
    alice.press("v")
    alice.wait("unchanged; type to change it")
    alice.press("Tab")
    alice.wait("kept in your keyring")
    alice.type(PASSWORDS["alice"])
    alice.wait("•" * len(PASSWORDS["alice"]))
    alice.press("C-s")
    alice.wait("registered: calls to this")
    assert PASSWORDS["alice"] not in alice.config_file.read_text()


def test_no_server_and_no_such_microphone(make_ui: MakeUi, make_phone: MakePhone) -> None:
    config = Config(network=Network(bind="127.0.0.1"), audio=Audio(input="Gramophone", output="null"), codecs=Codecs(order=("PCMU",)))
    alice = make_ui("alice", config=config, columns=80, lines=24, before=HURRIED)
    # Where there is no sound card at all, that is said instead.
    alice.wait("Gramophone|no sound device was found")
    alice.wait("no microphone")
    alice.press("o")
    alice.wait("Direct calls")
    alice.press("a")
    alice.wait("Save")
    alice.type("alice@127.0.0.1:9")
    alice.wait("alice@127.0.0.1:9")
    alice.press("C-s")
    alice.wait("registration failed|next try in")
    alice.press_until("Escape", "Ready")
    bob = make_phone("bob", codecs=("PCMU",))
    bob.client.request(AutoAnswer())
    dial(alice, bob.uri)
    alice.wait("talking")


def test_a_small_terminal_without_colours_and_unicode(make_ui: MakeUi, make_phone: MakePhone) -> None:
    bob = make_phone("bob", codecs=("PCMU",))
    bob.client.request(AutoAnswer())
    plain: dict[str, str | None] = {"LANG": "C", "NO_COLOR": "1"}
    alice = make_ui("alice", codecs=("PCMU",), columns=40, lines=20, environment=plain)
    alice.wait("Ready")
    dial(alice, bob.uri)
    alice.wait("G.711")
    for key, title in (("c", "No contacts yet"), ("l", "all calls"), ("e", "No messages"), ("o", "Direct calls")):
        alice.press(key)
        shown = alice.wait(title)
        assert shown.isascii(), shown
        assert not COLOUR.search(alice.coloured_screen())
        alice.press_until("Escape", "G.711")
    alice.resize(30, 10)
    alice.wait("This terminal has 30 x 10")
    alice.resize(80, 24)
    alice.wait("talking")
    alice.press("b")
    alice.wait("Ready")
