"""Notifications: what is told, where, and that nothing of strangers drives the terminal."""

import asyncio
from pathlib import Path

import pytest

from softphone.control import protocol
from softphone.store.history import HUNG_UP_HERE
from softphone.tui.notices.news import News, arrival
from softphone.tui.notices.notify import Notifier
from softphone.tui.people.contacts import ContactsScreen
from softphone.tui.state.phone_state import PhoneState
from tests.tui import recorded
from tests.tui.recorded import CAROL, answered, call_state
from tests.tui.running import memory_store, screen_text, settle, shown, until

RINGS = call_state(1, "incoming", CAROL, "incoming")


def name_of(remote: str) -> str:
    return "Carol" if "carol" in remote else ""


@pytest.mark.parametrize(
    ("before", "event", "text"),
    [
        ([], protocol.Message(account="work", remote=CAROL, text="see you\nat eight"), "Message from Carol: see you at eight"),
        (
            [call_state(1, "incoming", CAROL, "incoming")],
            call_state(1, "disconnected", CAROL, "incoming", code=487),
            "Missed call from Carol",
        ),
        ([], protocol.MessageWaiting(account="work", waiting=True, new=2), "New voicemail for work"),
        ([], call_state(1, "incoming", CAROL, "incoming"), "Carol"),
    ],
)
def test_what_comes_is_told(before: list[protocol.AnyEvent], event: protocol.AnyEvent, text: str) -> None:
    state = PhoneState()
    for earlier in before:
        state.apply(earlier)
    found = arrival(event, state, name_of)
    assert found is not None and text in found.text


@pytest.mark.parametrize(
    ("before", "event"),
    [
        ([call_state(1, "incoming", direction="incoming")], call_state(1, "disconnected", direction="incoming", reason=HUNG_UP_HERE)),
        (list(answered(1, direction="incoming")), call_state(1, "disconnected", direction="incoming")),
        ([call_state(1, "calling")], call_state(1, "disconnected", code=486)),
        ([protocol.MessageWaiting(account="work", waiting=True, new=2)], protocol.MessageWaiting(account="work", waiting=True, new=2)),
        ([], protocol.MessageWaiting(account="work", waiting=False)),
    ],
)
def test_what_is_no_news_is_not_told(before: list[protocol.AnyEvent], event: protocol.AnyEvent) -> None:
    state = PhoneState()
    for earlier in before:
        state.apply(earlier)
    assert arrival(event, state, name_of) is None


def test_counts_are_words() -> None:
    assert News(missed=1, messages=2, voicemail=0).words() == ["1 missed", "2 messages"]
    assert News().count == 0


@pytest.mark.parametrize(
    ("environment", "starts"),
    [
        ({"TERM": "xterm-256color"}, "\x1b]9;Message: "),
        ({"TERM": "rxvt-unicode"}, "\x1b]777;notify;Message;"),
        ({"TERM": "linux"}, ""),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/x"}, "\x1bPtmux;\x1b\x1b]9;"),
    ],
)
def test_the_terminal_is_told_in_its_own_way(environment: dict[str, str], starts: str) -> None:
    sent: list[str] = []
    Notifier(sent.append, "auto", environment).tell("Message", "from Bob\x1b]0;evil\x07: hi")
    assert "".join(sent).startswith(starts) and bool(sent) == bool(starts)
    assert not sent or sent[0].count("\x07") == 1, "the end of the sequence, and none of the sender's"


def test_the_desktop_is_told_where_the_program_runs_on_it(tmp_path: Path) -> None:
    program = tmp_path / "notify-send"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    started: list[list[str]] = []
    sent: list[str] = []
    here = {"TERM": "xterm", "DISPLAY": ":0", "PATH": str(tmp_path)}
    Notifier(sent.append, "auto", here, lambda command: started.append(list(command))).tell("Message", "<b>--help</b> $(x)")
    assert started == [["notify-send", "--app-name=softphone", "--", "Message", "&lt;b&gt;--help&lt;/b&gt; $(x)"]] and not sent
    Notifier(sent.append, "auto", {**here, "SSH_TTY": "/dev/pts/1"}, lambda command: started.append(list(command))).tell("Message", "x")
    assert len(started) == 1 and sent, "over ssh it is the terminal's affair"
    Notifier(sent.append, False, here, lambda command: started.append(list(command))).tell("Message", "x")
    assert len(started) == 1 and len(sent) == 1


def test_a_message_is_seen_on_every_screen() -> None:
    async def run() -> tuple[str, int, str]:
        store = memory_store()
        app = shown(store=store)
        bells: list[int] = []
        app.bell = lambda: bells.append(1)  # type: ignore[method-assign]
        async with app.run_test(size=(100, 30)) as pilot:
            await settle(pilot)
            app.open("contacts")
            await until(pilot, lambda: isinstance(app.screen, ContactsScreen), "contacts")
            store.messages.received("sip:carol@example.com", "work", "see you at eight", 1_700_000_000.0)
            app.take_event(protocol.Message(account="work", remote=CAROL, text="see you at eight"))
            app._frames = 3
            app._frame()
            await until(pilot, lambda: "1 message" in screen_text(app) and "see you at eight" in screen_text(app), "the message")
            return screen_text(app), len(bells), app._title_text()

    text, bells, title = asyncio.run(run())
    assert bells == 1 and title == "(1) softphone"
    assert "Contacts" in text


def test_statuses_of_the_engine_still_fit() -> None:
    state = PhoneState()
    state.apply_status(recorded.status())
    assert state.apply(protocol.Receiving(auto_answer=True, do_not_disturb=False)) == frozenset({"engine"})
    assert state.engine.auto_answer
