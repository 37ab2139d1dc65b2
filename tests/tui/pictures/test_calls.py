"""Pictures of the phone's screens at both sizes in each state of a call; look at them before you keep new ones."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pytest
from textual.pilot import Pilot

from softphone.control import protocol
from softphone.control.protocol import AnyEvent, Command
from softphone.store.contacts import Address, Contact
from softphone.store.store import Store
from softphone.tui.calls.main_screen import MainScreen
from softphone.tui.state.phone_state import EVERYTHING
from tests.tui.recorded import CAROL, answered, call_state, media, seconds, talk
from tests.tui.running import memory_store, screen_text, settle, shown, until

SIZES = [(80, 24), (120, 40)]
LADDER = [
    (0.000, True, "INVITE sip:bob@example.org"),
    (0.021, False, "100 Trying (INVITE)"),
    (0.140, False, "180 Ringing (INVITE)"),
    (3.512, False, "200 OK (INVITE)"),
    (3.514, True, "ACK sip:bob@192.0.2.9:5060"),
]
REGISTER = [(-20.0, True, "REGISTER sip:example.org"), (-19.958, False, "200 OK (REGISTER)")]
SDP = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=pjmedia\r\nm=audio 4000 RTP/AVP 96 97\r\na=rtpmap:96 x-phv/16000\r\na=rtpmap:97 opus/48000/2\r\n"
)
BARESIP = "<sip:baresip@192.0.2.9>"
TALKING = [*answered(1), *talk(1)]
STATES: dict[str, list[AnyEvent]] = {
    "idle": [],
    "calling": [call_state(1, "calling"), call_state(1, "early")],
    "incoming": [call_state(1, "incoming", direction="incoming"), call_state(1, "early", direction="incoming")],
    "talking": TALKING,
    "bad-network": [*answered(1), *talk(1, lossy_from=60)],
    "opus": [*answered(1, BARESIP), media(1, "opus"), *seconds(1, codec="opus")],
    "voice-activation": [*TALKING, protocol.Talk(call=1, sending=False)],
    "held": [*TALKING, media(1, state="held")],
    "waiting": [*TALKING, call_state(1, "confirmed", recording="/tmp/a.wav"), call_state(2, "incoming", CAROL, "incoming", waiting=True)],
    "conference": [*answered(1, conference=True), *talk(1), *answered(2, CAROL, "incoming", conference=True, muted=True), media(2)],
    "ended": [*TALKING, call_state(1, "disconnected", reason="the other side hung up", duration_s=134.2)],
}
Keys = tuple[str, ...]
# What lies over a call, and the keys that bring it up.
OVER: dict[str, tuple[list[AnyEvent], Keys]] = {
    "dialling": ([], ("d", "z", "o")),
    "say": (TALKING, ("i", *"hello")),
    "transfer": ([*TALKING, *answered(2, CAROL)], ("t",)),
    "pick-conference": ([*TALKING, *answered(2, CAROL)], ("f",)),
    "keypad": (TALKING, ("p",)),
    "ladder": (TALKING, ("w",)),
    "sdp": (TALKING, ("x",)),
    "help": ([], ("question_mark",)),
    "leave": (TALKING, ("q",)),
}


def people() -> Store:
    """Two contacts, and a call with one of them long ago."""
    store = memory_store()
    store.contacts.add(Contact("Zoë Quartz", (Address("sip:zoe@example.net", "work"), Address("+49 30 1234", "mobile")), favourite=True))
    store.contacts.add(Contact("Zora Neale", (Address("sip:zora@example.org"),)))
    call = store.history.begin("outgoing", "sip:zora@example.org", "work", 1000.0, "test")
    store.history.update(call, 1001.0, "x-phv")
    store.history.end(call, duration_s=61.0, code=200, reason="over")
    return store


async def answer(command: Command[Any], *, timeout_s: float = 30.0) -> msgspec.Struct:
    """What an engine says of the recorded call."""
    match command:
        case protocol.SipLadder():
            return protocol.SipMessages(
                [
                    protocol.SipMessage(1e9 + at, sent, "192.0.2.1:5060", summary, f"{summary} SIP/2.0\r\n")
                    for at, sent, summary in (LADDER if command.call is not None else REGISTER)
                ]
            )
        case protocol.Sdp():
            return protocol.AgreedSdp(SDP, SDP.replace("192.0.2.7", "192.0.2.9"))
    return msgspec.convert({}, command.result_type())


def picture(snap_compare: Callable[..., bool], events: Iterable[AnyEvent], size: tuple[int, int], keys: Keys = ()) -> bool:
    app = shown(events, store=people())
    app.session.ask = answer  # type: ignore[method-assign]

    async def prepare(pilot: Pilot[int]) -> None:
        await settle(pilot)
        if keys:
            await pilot.press(*keys)
        await app.workers.wait_for_complete()
        await settle(pilot)

    return snap_compare(app, terminal_size=size, run_before=prepare)


@pytest.fixture(autouse=True)
def _always_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
@pytest.mark.parametrize("state", STATES)
def test_the_phone(snap_compare: Callable[..., bool], state: str, size: tuple[int, int]) -> None:
    assert picture(snap_compare, STATES[state], size)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
@pytest.mark.parametrize("name", OVER)
def test_what_lies_over_it(snap_compare: Callable[..., bool], name: str, size: tuple[int, int]) -> None:
    events, keys = OVER[name]
    assert picture(snap_compare, events, size, keys)


def test_the_light_theme(snap_compare: Callable[..., bool]) -> None:
    assert picture(snap_compare, STATES["bad-network"], SIZES[0], ("T",))


@pytest.mark.parametrize("size", [(40, 16), (60, 20)], ids=lambda size: str(size[0]))
def test_a_narrow_window(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    assert picture(snap_compare, STATES["bad-network"], size)


@pytest.mark.parametrize("size", [(39, 24), (80, 11), (24, 10)], ids=str)
def test_a_window_that_is_too_small_says_so(size: tuple[int, int]) -> None:
    words = f"This terminal has {size[0]} x {size[1]} characters; the phone needs 40 x 12."

    async def run() -> None:
        app = shown(STATES["talking"])
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: words in " ".join(screen_text(app).split()), words)

    asyncio.run(run())


def test_a_change_of_size_that_the_phone_was_not_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """It came while the screen was on its way in."""
    monkeypatch.setattr(MainScreen, "on_resize", lambda _screen, _event: None)

    async def run() -> None:
        app = shown(STATES["idle"])
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.resize_terminal(40, 20)
            app.screen.refresh_state(EVERYTHING)
            await until(pilot, lambda: app.screen.query_one("#middle").has_class("-narrow"), "arranged for 40 columns")

    asyncio.run(run())
