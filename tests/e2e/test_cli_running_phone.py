"""Commands reach the phone that runs: `status`, and `call` by a contact's name."""

import os
import pty
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from softphone.cli.main import main
from softphone.cli.running.status import change
from softphone.control.protocol import Call, PhoneStatus, Status
from softphone.store.contacts import Address, Contact
from softphone.store.store import open_store
from tests.places import ROOT
from tests.tui.recorded import call_state
from tests.tui.scripted_engine import ScriptedEngine
from tests.tui.talking_engine import TalkingEngine


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folders of a user, with one contact; gives that of the socket."""
    for name in ("CONFIG_HOME", "DATA_HOME", "RUNTIME_DIR"):
        monkeypatch.setenv(f"XDG_{name}", str(tmp_path / name))
    folder = tmp_path / "RUNTIME_DIR" / "softphone"
    folder.mkdir(parents=True, mode=0o700)
    store = open_store()
    store.contacts.add(Contact("Bob Builder", (Address("bob.b@example.org", preferred=True),)))
    store.close()
    return folder


@pytest.fixture
def engine(runtime: Path) -> Iterator[ScriptedEngine]:
    found = ScriptedEngine(runtime / "engine.sock")
    yield found
    found.stop()


def test_a_contact_is_called_in_the_running_phone(engine: ScriptedEngine) -> None:
    engine.answers[Call] = {"call": 4}
    _status(engine).accounts.pop()
    assert main(["call", "--no-wait", "bob builder"]) == 0
    assert engine.wait_for(Call).uri == "sip:bob.b@example.org"


def test_the_call_is_followed_to_its_end(engine: ScriptedEngine) -> None:
    _status(engine).accounts.pop()

    def answer(_command: Call) -> dict[str, int]:
        threading.Timer(0.2, lambda: engine.tell(call_state(4, "disconnected", code=486, reason="busy"))).start()
        return {"call": 4}

    engine.answers[Call] = answer
    assert main(["call", "Bob"]) == 3


def test_who_is_not_there_is_said(engine: ScriptedEngine, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["call", "Nobody Atall"]) == 1
    assert "no contact is called" in capsys.readouterr().err


def test_status_without_a_phone_says_how_to_start_one(runtime: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 1
    assert "start one with" in capsys.readouterr().err


def test_status_names_accounts_and_calls(engine: ScriptedEngine, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 0
    shown = capsys.readouterr().out
    assert "alice@example.org: registered" in shown
    assert "club.example.net: failed" in shown
    assert "no call" in shown


def test_watch_sends_few_bytes(runtime: Path) -> None:
    """On a terminal the line is changed from the first letter on that is new."""
    engine = TalkingEngine(runtime / "engine.sock")
    try:
        came, seconds = _in_a_terminal(["status", "--watch", "--seconds", "8"])
    finally:
        engine.stop()
    assert b"Bob Example" in came and b"talking" in came
    assert came.count(b"\n") <= 2, "one line that is written over"
    assert len(came) / seconds < 60


@pytest.mark.parametrize(
    ("old", "new"), [("", "abc"), ("abc 1", "abc 2"), ("abc 19", "abc 2"), ("xyz", "abc"), ("abc", ""), ("abc", "abcd")]
)
def test_a_change_shows_the_new_line(old: str, new: str) -> None:
    cells, at = list(old), len(old)
    for letter in change(old, new):
        if letter in "\b\r":
            at = at - 1 if letter == "\b" else 0
        else:
            cells[at : at + 1] = [letter]
            at += 1
    assert "".join(cells).rstrip() == new.rstrip() and at == len(new)


def _status(engine: ScriptedEngine) -> PhoneStatus:
    found = engine.answers[Status]
    assert isinstance(found, PhoneStatus)
    return found


def _in_a_terminal(arguments: list[str]) -> tuple[bytes, float]:
    began = time.monotonic()
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-m", "softphone.cli.main", *arguments])
    came = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            break
        if not part:
            break
        came += part
    os.waitpid(child, 0)
    os.close(terminal)
    return came, time.monotonic() - began


def test_links_of_a_browser_reach_the_running_phone(engine: ScriptedEngine) -> None:
    """The command of config/softphone.desktop, as xdg-open runs it."""
    _status(engine).accounts.pop()
    engine.answers[Call] = {"call": 4}
    entry = (ROOT / "config" / "softphone.desktop").read_text()
    command = next(line for line in entry.splitlines() if line.startswith("Exec=")).removeprefix("Exec=softphone ").split()
    for link, uri in (("sip:bob@example.net", "sip:bob@example.net"), ("tel:+49-30-1234", "sip:+49301234@example.org")):
        assert main([uri_of.replace("%u", link) for uri_of in command]) == 0
        assert engine.wait_for(Call).uri == uri
