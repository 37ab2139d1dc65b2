"""What strangers call themselves, on every screen, in every dialog and notice: shown as it is, never obeyed."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import msgspec
import pytest

from softphone.config import Account, Config
from softphone.control import protocol
from softphone.control.protocol import AnyEvent, Command
from softphone.store.contacts import Address, Contact
from softphone.store.store import Store
from softphone.tui.app import PhoneApp
from softphone.tui.state.names import who
from softphone.tui.state.phone_state import LONGEST_NOTICE
from softphone.tui.terminal.title import TerminalTitle
from tests.tui import recorded
from tests.tui.driving import awaited, see
from tests.tui.recorded import answered, call_state, seconds, talk
from tests.tui.running import memory_store, screen_text, settle, until

TUI = Path(__file__).parents[2] / "softphone" / "tui"
HOSTILE = {
    "closing tag": ("Eve [/", "Eve [/"),
    "tag that was never opened": ("Eve [/bold]", "Eve [/bold]"),
    "action": ("Eve [@click=app.quit]x[/]", "Eve [@click=app.quit]"),
    "colour": ("Eve [red on blue]$primary", "Eve [red on blue]"),
    "open bracket": ("Eve [", "Eve ["),
    "backslashes": ("Eve \\[b\\]\\", "Eve \\[b"),
    "variable": ("Eve $name $sign", "Eve $name"),
    "escape sequence": ("Eve \x1b[2J\x1b]0;owned\x07", "Eve ␛[2J"),
    "C1": ("Eve \x9b2J\x9d0;owned\x9c", "Eve <U+009B>2J"),
    "line feeds": ("Eve \r\n! the engine ended", "Eve "),
    "right to left": ("Eve \u202egro.elpmaxe\u202c", "Eve <U+202E>gro"),
    "isolates": ("Eve \u2067x\u2069", "Eve <U+2067>x"),
    "zero width": ("Eve\u200b\u200c\u200d\ufeff", "Eve<U+200B>"),
    "long": ("Eve " + "A" * 10_000, "Eve AAA"),
    "long without a blank": ("Eve" + "\u4e00" * 10_000, "Eve一一"),
    "accents": ("Eve" + "\u0301" * 10_000, "Eve"),
    "lone surrogate": ("Eve \ud83d\udc80x", "Eve <U+D83D>"),
    "bytes that are no UTF-8": ("Eve \udcff", "Eve <U+DCFF>"),
    "quotes": ('Eve \\"<sip:x@y>\\" ', "Eve "),
    "nothing to see": ("\u3164\u2800", "<U+3164>"),
    "NUL": ("Eve\0x", "Eve␀x"),
}  # fmt: skip
WORST = {
    "all at once": "Eve " + " ".join(name.removeprefix("Eve ")[:30] for name, _ in HOSTILE.values()),
    "long": "Eve" + "[/b] \u4e00" * 3000,
}
Keys = tuple[str, ...]
PLACES: dict[str, tuple[str, Keys]] = {
    "idle": ("idle", ()),
    "incoming": ("incoming", ()),
    "talking": ("talking", ()),
    "ended": ("ended", ()),
    "down": ("down", ()),
    "dial": ("idle", ("d", "E", "v")),
    "say": ("talking", ("i", "x")),
    "transfer": ("two", ("t",)),
    "conference": ("two", ("f",)),
    "keypad": ("talking", ("p",)),
    "ladder": ("talking", ("w",)),
    "sdp": ("talking", ("x",)),
    "leave": ("talking", ("q",)),
    "contacts": ("two", ("c",)),
    "contact editor": ("idle", ("c", "v")),
    "contact removed": ("idle", ("c", "x")),
    "contact called": ("idle", ("c", "enter")),
    "history": ("two", ("l",)),
    "history to contact": ("idle", ("l", "a")),
    "messages": ("two", ("e",)),
    "new message": ("idle", ("e", "a")),
    "settings": ("two", ("o",)),
    "help": ("incoming", ("question_mark",)),
    "palette": ("two", ("ctrl+p",)),
}


def events_of(state: str, name: str) -> list[AnyEvent]:
    remote = f'"{name}" <sip:eve@example.net>'
    other = f"<sip:{name.replace('>', '')}@example.net>"
    calls: dict[str, list[AnyEvent]] = {
        "idle": [],
        "down": [],
        "incoming": [call_state(1, "incoming", remote, "incoming"), call_state(1, "early", remote, "incoming")],
        "talking": [*answered(1, remote), *talk(1)],
        "two": [*answered(1, remote), *talk(1), *answered(2, other), call_state(3, "incoming", remote, "incoming", waiting=True)],
        "ended": [*answered(1, remote), call_state(1, "disconnected", remote, reason=name, duration_s=4)],
    }
    more: list[AnyEvent] = [
        protocol.Media(call=1, state="active", codec="opus", note=name, fmtp_remote=name, remote_address=name),
        *seconds(1, codec=name),
        protocol.Media(call=1, state="failed", note=name),
        protocol.Registration(account="work", state="failed", code=403, reason=name),
        protocol.Registration(account=name[:64], state="failed", code=403, reason=name),
        protocol.Log(level="warning", message=name),
        protocol.Log(level="error", message=f"{name}: {name}"),
        protocol.Message(account=name, remote=remote, text=f"{name}\n{name}"),
        protocol.MessageSent(message=1, state="failed", reason=name),
        protocol.MessageWaiting(account=name, waiting=True),
        protocol.Presence(contact="sip:eve@example.net", state="available", note=name, reason=name),
        protocol.Presence(contact="sip:eve@example.net", state="unknown", reason=name),
        protocol.Transfer(call=1, state="failed", reason=name),
        protocol.Dtmf(call=1, digit="5"),
        protocol.SoundDevice(microphone=True, loudspeaker=True, input=name, output=name, note=name),
        protocol.Phones(
            call=1,
            tx=[protocol.Phone(label=name, duration_ms=80, state="sent")],
            rx=[protocol.Phone(label=name, duration_ms=80, state="lost")],
        ),
        protocol.Worker(state="unavailable", reason=name),
    ]
    end: list[AnyEvent] = [protocol.Engine(state="died", reason=name)] if state == "down" else []
    return [*calls[state], *more, *end]


def book(name: str) -> Store:
    store = memory_store()
    store.contacts.add(
        Contact(f"Contact {name}", (Address("sip:eve@example.net", name), Address("+49 30 1234", name)), notes=f"{name}\n{name}")
    )
    store.contacts.add(Contact(name))
    for direction in ("incoming", "outgoing"):
        call = store.history.begin(direction, f'"{name}" <sip:mallory@example.org>', name, recorded.NOW, "test")  # type: ignore[arg-type]
        store.history.end(call, duration_s=0, code=486, reason=name)
    store.messages.received(f'"{name}" <sip:mallory@example.org>', name, f"{name}\n{name}", recorded.NOW)
    sent = store.messages.sending("sip:eve@example.net", name, name, recorded.NOW, "test")
    store.messages.sent(sent, False, name)
    return store


def engine_that_says(name: str) -> Any:
    async def answer(command: Command[Any], *, timeout_s: float = 30.0) -> msgspec.Struct:
        match command:
            case protocol.SipLadder():
                return protocol.SipMessages([protocol.SipMessage(1.0, False, name, name, f"INVITE\r\nFrom: {name}\r\n\r\n{name}")])
            case protocol.Sdp():
                return protocol.AgreedSdp(f"v=0\r\ns={name}\r\n", f"v=0\r\ns={name}\r\n")
            case protocol.Devices():
                return protocol.DeviceList([protocol.DeviceInfo(name, 1, 1)], name, name, name)
            case protocol.Status():
                return recorded.status()
        raise protocol.ControlError(f"it does not work: {name}")

    return answer


def phone(name: str, state: str, size: tuple[int, int] = (80, 24)) -> PhoneApp:
    account = Account(name="work", id="sip:alice@example.org")
    printable = "".join(letter for letter in name if letter.isprintable())[:400]
    app = PhoneApp(
        Config(account=account, phrases={"f5": printable}), connect=False, store=book(name), clock=lambda: recorded.NOW
    )  # fmt: skip
    app.session.ask = engine_that_says(name)  # type: ignore[method-assign]
    app.take_status(recorded.status(history=name, sound=name, address=name, version=name))
    for event in events_of(state, name):
        app.take_event(event)
    return app


@pytest.mark.parametrize("place", PLACES)
def test_every_screen_shows_it_as_it_is(place: str) -> None:
    state, keys = PLACES[place]

    async def walk() -> None:
        for kind, name in WORST.items():
            app = phone(name, state)
            async with app.run_test(size=(80, 24)) as pilot:
                await settle(pilot)
                if keys:
                    await pilot.press(*keys)
                await settle(pilot)
                app.take_event(protocol.Log(level="error", message=f"told {name}"))
                await settle(pilot)
                text = screen_text(app)
                assert app.crash is None, kind
                unseen = {letter for letter in text if not letter.isprintable() and letter not in "\n\u200c\u200d"}
                assert not unseen, (kind, unseen)
                assert "Eve" in text or "<U+3164>" in text or place in ("help", "palette", "leave", "new message"), (kind, text)

    awaited(walk)()


@pytest.mark.parametrize("kind", HOSTILE)
def test_the_name_of_a_caller_is_the_name_and_nothing_else(kind: str) -> None:
    name, literally = HOSTILE[kind]

    async def run() -> None:
        app = phone(name, "incoming", (120, 40))
        async with app.run_test(size=(120, 40)) as pilot:
            await see(pilot, literally)
            assert len(app._title_text()) < 300
            await pilot.press("T")
            await until(pilot, lambda: not app.theme.endswith("dark"), "keys still work")

    awaited(run)()
    assert len(who(f'"{name}" <sip:eve@example.net>')) <= 200


@pytest.mark.parametrize("kind", HOSTILE)
def test_neither_a_notice_nor_a_title_is_longer_than_can_be_read(kind: str) -> None:
    name, literally = HOSTILE[kind]
    app = phone(name, "two")
    assert app.state.notices and all(len(notice.text) <= LONGEST_NOTICE and "\n" not in notice.text for notice in app.state.notices)
    sent: list[str] = []
    TerminalTitle(sent.append).show(name)
    assert len(sent) == 1 and len(sent[0]) < 300
    said = sent[0].removeprefix("\x1b[22;2t").removeprefix("\x1b]2;").removesuffix("\x07")
    assert said.startswith(literally) and not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in said)


def test_the_engine_may_name_a_device_as_it_likes() -> None:
    async def run() -> None:
        for name in WORST.values():
            app = phone(name, "idle")
            async with app.run_test(size=(80, 40)) as pilot:
                app.open("setup")
                await settle(pilot)
                for _ in range(4):
                    await pilot.press("f4")
                    await settle(pilot)
                await app.workers.wait_for_complete()
                assert app.crash is None

    awaited(run)()


NO_MARKUP = {"Static", "Label", "OptionList", "Line", "Log", "RichLog"}
PLAIN = {"Option", "Selection", "Button", "Checkbox", "RadioButton", "Tooltip"}


def test_no_widget_is_given_text_as_markup() -> None:
    """What is not a constant is `Content`, or goes where `markup=False` is said."""
    found = []
    for path in sorted(TUI.rglob("*.py")):
        tree = ast.parse(path.read_text(), str(path))
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
            said = {keyword.arg for keyword in node.keywords}
            first = node.args[0] if node.args else None
            varies = first is not None and not isinstance(first, ast.Constant)
            here = f"{path.relative_to(TUI)}:{node.lineno}: {name}"
            if (
                name in NO_MARKUP
                and name not in ("Line",)
                and "markup" not in said
                and not (isinstance(first, ast.Constant) or name == "OptionList")
            ):
                found.append(here)
            if name in ("notify", "escape") or (
                isinstance(node.func, ast.Attribute)
                and node.func.attr == "from_markup"
                and isinstance(first, ast.JoinedStr)
                and not _only_own(first)
            ):
                found.append(here)
            if name in PLAIN and varies and isinstance(first, ast.JoinedStr) and not _only_own(first):
                found.append(here)
        found += [
            f"{path.relative_to(TUI)}: .markup" for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "markup"
        ]
    assert not found


def _only_own(text: ast.JoinedStr) -> bool:
    """Whether an f-string is made of our own words alone: constants, keys, actions, numbers."""
    own = {"self._no", "self._yes", "self.SAVE", "RECORD_S", "name", "action", "call.number", "style or '$foreground'", "key"}
    return all(isinstance(part, ast.Constant) or ast.unparse(part.value) in own for part in text.values)  # type: ignore[attr-defined]
