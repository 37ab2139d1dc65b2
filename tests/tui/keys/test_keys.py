"""Each key does what the table of actions says: the command that reaches the engine, and where a refusal is read."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from softphone.config import Config, load
from softphone.control import protocol
from softphone.store.contacts import Address, Contact
from softphone.tui.app import PhoneApp
from softphone.tui.calls import call_actions
from tests.tui import recorded
from tests.tui.recorded import BOB, CAROL, answered, call_state
from tests.tui.running import connected, memory_store, screen_text, until
from tests.tui.scripted_engine import ScriptedEngine

Scene = Callable[[Pilot[int], PhoneApp], Awaitable[None]]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[ScriptedEngine]:
    engine = ScriptedEngine(tmp_path / "engine.sock")
    yield engine
    engine.stop()


def play(engine: ScriptedEngine, scene: Scene, tmp_path: Path, **arguments: Any) -> None:
    async def run() -> None:
        async with connected(tmp_path / "engine.sock", **arguments) as pilot:
            app = pilot.app
            assert isinstance(app, PhoneApp)
            await scene(pilot, app)

    asyncio.run(run())


async def sent(pilot: Pilot[int], engine: ScriptedEngine, kind: type[protocol.Command]) -> Any:
    await until(pilot, lambda: any(isinstance(command, kind) for command in engine.commands), f"a command {kind.__name__}")
    return engine.wait_for(kind)


async def up(pilot: Pilot[int], app: PhoneApp, engine: ScriptedEngine, *events: protocol.AnyEvent) -> None:
    engine.tell(*events)
    wanted = {event.call for event in events if isinstance(event, protocol.CallState)}
    await until(pilot, lambda: wanted <= set(app.state.calls), "the calls")


@pytest.mark.parametrize(
    ("key", "command"),
    [
        ("b", protocol.Hangup(call=1)),
        ("h", protocol.Hold(call=1)),
        ("m", protocol.Mute(call=1, on=True)),
        ("5", protocol.SendDtmf(call=1, digits="5")),
        ("n", protocol.DoNotDisturb(on=True)),
        ("f2", protocol.Say(call=1, text="I cannot talk.")),
    ],
)
def test_a_letter_in_a_call_is_a_command(engine: ScriptedEngine, tmp_path: Path, key: str, command: protocol.Command) -> None:
    async def scene(pilot: Pilot[int], app: PhoneApp) -> None:
        await up(pilot, app, engine, *answered(1), recorded.media(1))
        await pilot.press(key)
        assert msgspec.structs.replace(await sent(pilot, engine, type(command)), id=0) == command

    play(engine, scene, tmp_path, config=replace(Config(), phrases={"f2": "I cannot talk."}))


def test_plus_and_minus_change_the_volume_and_it_is_kept(engine: ScriptedEngine, tmp_path: Path) -> None:
    volume = {"microphone_db": 0, "loudspeaker_db": 15}

    def answer(command: protocol.Volume) -> dict[str, int]:
        if command.loudspeaker_db is not None:
            volume["loudspeaker_db"] = command.loudspeaker_db
        return dict(volume)

    engine.answers[protocol.Volume] = answer

    async def scene(pilot: Pilot[int], app: PhoneApp) -> None:
        await up(pilot, app, engine, *answered(1), recorded.media(1))
        await pilot.press("plus")
        await until(pilot, lambda: "Loudspeaker +18 dB" in screen_text(app), "said")
        await pilot.press("plus", "minus")
        await until(pilot, lambda: "Loudspeaker +15 dB" in screen_text(app), "no louder than that, and softer again")
        await until(pilot, lambda: app.config.audio.loudspeaker_db == 15, "kept")

    play(engine, scene, tmp_path, config_file=tmp_path / "c.toml")
    assert load(tmp_path / "c.toml").audio.loudspeaker_db == 15


def test_a_muted_microphone_is_on_while_the_space_bar_is_held(
    engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_actions, "RELEASED_S", 0.3)

    def mutes() -> list[bool]:
        return [command.on for command in engine.commands if isinstance(command, protocol.Mute)]

    async def scene(pilot: Pilot[int], app: PhoneApp) -> None:
        await up(pilot, app, engine, *answered(1), recorded.media(1))
        await pilot.press("space")
        assert "Talk" not in screen_text(app) and not mutes(), "nothing is muted"
        engine.tell(call_state(1, "confirmed", muted=True))
        await until(pilot, lambda: "space Talk" in screen_text(app), "the key is offered")
        began = time.monotonic()
        while time.monotonic() - began < 1:
            await pilot.press("space")
        assert mutes() == [False], "on for as long as the key comes again"
        await until(pilot, lambda: mutes() == [False, True], "muted again")
        assert time.monotonic() - began > 1.2

    play(engine, scene, tmp_path)


def test_waiting_for_words_is_changed_in_the_call_and_shown_on_its_card(engine: ScriptedEngine, tmp_path: Path) -> None:
    def told(wait: str, waits: bool) -> protocol.CallStatistics:
        profile = protocol.SendProfile(interval_ms=160, redundancy=1, detail=2, repeated_detail=0, wait=wait, waits=waits)
        return protocol.CallStatistics(time=0, monotonic=1100, call=1, codec="x-phv", seconds=9.0, profile=profile)

    async def scene(pilot: Pilot[int], app: PhoneApp) -> None:
        await up(pilot, app, engine, *answered(1), recorded.media(1), told("auto", True))
        await until(pilot, lambda: "clear (auto)" in screen_text(app), "the card says that words are waited for")
        await pilot.press("W")
        assert (await sent(pilot, engine, protocol.Wait)).mode == "clear"
        engine.tell(told("clear", True))
        await until(pilot, lambda: app.state.call is not None and ", clear" in screen_text(app), "the choice is shown")
        await until(pilot, lambda: "clear (auto)" not in screen_text(app), "and no longer as the network's")
        await pilot.press("W")
        await until(
            pilot,
            lambda: [command.mode for command in engine.commands if isinstance(command, protocol.Wait)] == ["clear", "quick"],
            "quick",
        )

    play(engine, scene, tmp_path)


def test_answering_a_second_call_leaves_the_hold_of_the_first_to_the_engine(engine: ScriptedEngine, tmp_path: Path) -> None:
    async def scene(pilot: Pilot[int], app: PhoneApp) -> None:
        await up(pilot, app, engine, *answered(1), call_state(2, "incoming", CAROL, "incoming", waiting=True))
        await until(pilot, lambda: "Carol Danvers is calling" in screen_text(app), "the call is on the screen")
        await pilot.press("a")
        assert (await sent(pilot, engine, protocol.Answer)).call == 2
        await until(pilot, lambda: app.state.selected == 2, "the answered call is chosen")
        assert not [command for command in engine.commands if isinstance(command, protocol.Hold)]

    play(engine, scene, tmp_path)


def test_a_waiting_call_is_refused_while_the_other_goes_on(engine: ScriptedEngine, tmp_path: Path) -> None:
    async def scene(pilot: Pilot[int], app: PhoneApp) -> None:
        await up(pilot, app, engine, *answered(1), call_state(2, "incoming", CAROL, "incoming"))
        await pilot.press("B")
        refused = await sent(pilot, engine, protocol.Hangup)
        assert (refused.call, refused.code) == (2, 486)

    play(engine, scene, tmp_path)


def test_swap_takes_the_other_call_off_hold(engine: ScriptedEngine, tmp_path: Path) -> None:
    async def scene(pilot: Pilot[int], app: PhoneApp) -> None:
        await up(pilot, app, engine, *answered(1), recorded.media(1, state="held"), *answered(2, CAROL))
        await pilot.press("s")
        assert (await sent(pilot, engine, protocol.Resume)).call == 1
        assert app.state.selected == 1

    play(engine, scene, tmp_path)


def test_dialling_completes_names_and_calls_the_contact(engine: ScriptedEngine, tmp_path: Path) -> None:
    store = memory_store()
    store.contacts.add(Contact("Zoë Quartz", (Address("sip:zoe@example.net"),)))
    store.contacts.add(Contact("Zachary Quill", (Address("sip:zach@example.net"),)))
    engine.answers[protocol.Call] = {"call": 7}

    async def scene(pilot: Pilot[int], app: PhoneApp) -> None:
        await pilot.press("d", *"zoe")
        await until(pilot, lambda: "Zoë Quartz" in screen_text(app), "a completion")
        assert "Zachary" not in screen_text(app)
        await pilot.press("enter")
        assert (await sent(pilot, engine, protocol.Call)).uri == "sip:zoe@example.net", "the first match is highlighted, and enter takes it"
        await pilot.press("m")
        assert not any(isinstance(command, protocol.Mute) for command in engine.commands), "there is no call to mute"

    play(engine, scene, tmp_path, store=store)


def test_letters_in_the_dial_field_are_text_and_escape_leaves_it(engine: ScriptedEngine, tmp_path: Path) -> None:
    async def scene(pilot: Pilot[int], app: PhoneApp) -> None:
        await up(pilot, app, engine, *answered(1))
        await pilot.press("d", *"bhmq5")
        field = app.focused
        assert isinstance(field, Input) and field.value == "bhmq5"
        await pilot.press("escape")
        assert app.focused is None and field.value == ""
        assert [command for command in engine.commands if not isinstance(command, protocol.Status)] == []

    play(engine, scene, tmp_path)


@pytest.mark.parametrize(
    ("typed", "complaint"), [("nobody at all", "no contact is called"), ("sip:", "sip:"), ("", "a number or an address to call")]
)
def test_what_cannot_be_dialled_is_said_at_the_field(engine: ScriptedEngine, tmp_path: Path, typed: str, complaint: str) -> None:
    async def scene(pilot: Pilot[int], app: PhoneApp) -> None:
        await pilot.press("d")
        field = app.focused
        assert isinstance(field, Input)
        field.value = typed
        await pilot.press("enter")
        await until(pilot, lambda: f"✗ {complaint}"[:20] in screen_text(app).splitlines()[2] or complaint in screen_text(app), complaint)
        assert not any(isinstance(command, protocol.Call) for command in engine.commands)

    play(engine, scene, tmp_path)


def test_a_refusal_of_the_engine_is_read_on_the_screen(engine: ScriptedEngine, tmp_path: Path) -> None:
    engine.answers[protocol.Hold] = "call 1 cannot be held while it is being changed; try again in a moment"
    engine.answers[protocol.Call] = "sip:bob is no SIP address; one looks like sip:bob@example.org"

    async def scene(pilot: Pilot[int], app: PhoneApp) -> None:
        await up(pilot, app, engine, *answered(1), recorded.media(1))
        await pilot.press("h")
        await until(pilot, lambda: "cannot be held while" in screen_text(app), "the refusal")
        await app.call("bob@example.org")
        await until(pilot, lambda: "✗ sip:bob is no SIP address" in screen_text(app), "the refusal at the dial field")

    play(engine, scene, tmp_path)


def test_typed_text_is_spoken_and_the_line_stays_open(engine: ScriptedEngine, tmp_path: Path) -> None:
    engine.answers[protocol.Say] = {"seconds": 1.2}

    async def scene(pilot: Pilot[int], app: PhoneApp) -> None:
        await up(pilot, app, engine, *answered(1), recorded.media(1))
        await pilot.press("i", *"hello", "enter")
        assert (await sent(pilot, engine, protocol.Say)).text == "hello"
        await until(pilot, lambda: "typed: hello" in screen_text(app), "what was spoken stands on the card")
        assert isinstance(app.focused, Input)
        await pilot.press("escape")
        assert app.focused is None

    play(engine, scene, tmp_path)


def test_transfer_to_an_address_and_to_another_call(engine: ScriptedEngine, tmp_path: Path) -> None:
    async def scene(pilot: Pilot[int], app: PhoneApp) -> None:
        await up(pilot, app, engine, *answered(1))
        await pilot.press("t", *"sip:carol@example.com", "enter")
        blind = await sent(pilot, engine, protocol.TransferCall)
        assert (blind.call, blind.uri, blind.other) == (1, "sip:carol@example.com", None)
        await up(pilot, app, engine, *answered(2, CAROL))
        engine.commands.clear()
        await pilot.press("t", "enter")
        attended = await sent(pilot, engine, protocol.TransferCall)
        assert (attended.call, attended.uri, attended.other) == (2, None, 1)

    play(engine, scene, tmp_path)


def test_a_conference_of_chosen_calls(engine: ScriptedEngine, tmp_path: Path) -> None:
    async def scene(pilot: Pilot[int], app: PhoneApp) -> None:
        await up(pilot, app, engine, *answered(1), *answered(2, CAROL), *answered(3, BOB))
        await pilot.press("f")
        await until(pilot, lambda: screen_text(app).count("[x] ") == 3, "all are marked")
        await pilot.press("space")
        await until(pilot, lambda: screen_text(app).count("[ ] ") == 1 and screen_text(app).count("[x] ") == 2, "by signs, not by colour")
        await pilot.press("enter")
        assert (await sent(pilot, engine, protocol.Conference)).calls == [2, 3]

    play(engine, scene, tmp_path)


def test_the_keypad_sends_keys_in_both_ways_and_closes_with_the_call(engine: ScriptedEngine, tmp_path: Path) -> None:
    async def scene(pilot: Pilot[int], app: PhoneApp) -> None:
        await up(pilot, app, engine, *answered(1))
        await pilot.press("p", "9")
        assert (await sent(pilot, engine, protocol.SendDtmf)).method == "rfc4733"
        await pilot.press("i", "asterisk")
        await until(pilot, lambda: engine.wait_for(protocol.SendDtmf).method == "info", "SIP INFO")
        assert engine.wait_for(protocol.SendDtmf).digits == "*"
        engine.tell(call_state(1, "disconnected"))
        await until(pilot, lambda: len(app.screen_stack) == 1, "the keypad is gone")

    play(engine, scene, tmp_path)


def test_recording_goes_to_a_private_folder(engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    async def scene(pilot: Pilot[int], app: PhoneApp) -> None:
        await up(pilot, app, engine, *answered(1))
        await pilot.press("r")
        command = await sent(pilot, engine, protocol.Record)
        path = Path(command.wav)
        assert command.both and path.parent.stat().st_mode & 0o077 == 0 and path.name.endswith("bob@example.org.wav")
        engine.commands.clear()
        engine.tell(call_state(1, "confirmed", recording=command.wav))
        await until(pilot, lambda: "● recording" in screen_text(app), "the flag")
        await pilot.press("r")
        assert (await sent(pilot, engine, protocol.Record)).wav is None

    play(engine, scene, tmp_path)


def test_a_ladder_is_shown_with_the_chosen_message(engine: ScriptedEngine, tmp_path: Path) -> None:
    def message(sent: bool, summary: str) -> dict[str, Any]:
        return {"time": 0.0, "sent": sent, "peer": "192.0.2.1:5060", "summary": summary, "text": f"{summary}\r\nVia: \x1b[31mSIP/2.0\r\n"}

    of_call = [message(True, "INVITE sip:bob"), message(False, "486 Busy Here")]
    registration = [message(True, "REGISTER sip:example.org")]
    engine.answers[protocol.SipLadder] = lambda command: {"messages": registration if command.call is None else of_call}

    async def scene(pilot: Pilot[int], app: PhoneApp) -> None:
        await up(pilot, app, engine, *answered(1))
        await pilot.press("w")
        await until(pilot, lambda: "◀─" in screen_text(app) and "─ 486 Busy Here ─" in screen_text(app), "the ladder")
        assert "│─ INVITE sip:bob ─" in screen_text(app) and "REGISTER sip:example.org" in screen_text(app)
        await pilot.press("k", "k")
        await until(pilot, lambda: "Via: ␛[31mSIP/2.0" in screen_text(app), "the chosen one in full")
        await pilot.press("r")
        await until(pilot, lambda: "REGISTER sip:" not in screen_text(app), "only the call")
        await pilot.press("slash", *"486", "enter")
        await until(pilot, lambda: "INVITE sip:bob" not in screen_text(app), "what fits the filter")
        await pilot.press("escape", "escape")
        assert len(app.screen_stack) == 1

    play(engine, scene, tmp_path)


def test_the_sip_view_of_a_call_has_graphs_of_its_rtp(engine: ScriptedEngine, tmp_path: Path) -> None:
    engine.answers[protocol.SipLadder] = {"messages": []}

    def second(number: int, jitter_ms: float) -> protocol.CallStatistics:
        rx = protocol.Direction(packets=50 * number, ip_bps=2400, jitter_ms=jitter_ms)
        tx = protocol.Direction(ip_bps=3600)
        return protocol.CallStatistics(time=0, monotonic=1000 + number, call=1, codec="PCMU", seconds=float(number), tx=tx, rx=rx)

    async def scene(pilot: Pilot[int], app: PhoneApp) -> None:
        await up(pilot, app, engine, *answered(1), recorded.media(1))
        await pilot.press("w")
        await until(pilot, lambda: "No SIP messages." in screen_text(app), "the ladder")
        assert "jitter" not in screen_text(app), "nothing is known yet"
        engine.tell(second(1, 20.0), second(2, 90.0), second(3, 30.0))
        await until(pilot, lambda: "30, max 90 ms" in screen_text(app), "the graph of the jitter")
        assert "3.6, max 3.6 kbit/s" in screen_text(app) and "2.4, max 2.4 kbit/s" in screen_text(app)
        engine.tell(second(4, 120.0))
        await until(pilot, lambda: "120, max 120 ms" in screen_text(app), "it goes on")
        engine.tell(call_state(1, "disconnected"))
        await until(pilot, lambda: "jitter" not in screen_text(app), "it ends with the call")

    play(engine, scene, tmp_path)


@pytest.mark.parametrize(("key", "stays"), [("k", True), ("b", False)])
def test_leaving_with_a_call_up_offers_to_keep_it(engine: ScriptedEngine, tmp_path: Path, key: str, stays: bool) -> None:
    async def scene(pilot: Pilot[int], app: PhoneApp) -> None:
        await up(pilot, app, engine, *answered(1))
        await pilot.press("q")
        await until(pilot, lambda: "You are in a call" in screen_text(app), "the question")
        await pilot.press("escape", "q", key)
        await until(pilot, lambda: app.return_code is not None or not app.is_running, "the end")

    play(engine, scene, tmp_path)
    assert any(isinstance(command, protocol.Stay) and command.on for command in engine.commands) == stays
    assert any(isinstance(command, protocol.Hangup) for command in engine.commands) != stays


def test_clicks_do_what_keys_do(engine: ScriptedEngine, tmp_path: Path) -> None:
    async def scene(pilot: Pilot[int], app: PhoneApp) -> None:
        await up(pilot, app, engine, *answered(1), *answered(2, CAROL))
        lines = screen_text(app).splitlines()
        row = next(index for index, line in enumerate(lines) if "● Bob Example" in line)
        await pilot.click(offset=(lines[row].index("Bob"), row))
        await until(pilot, lambda: app.state.selected == 1, "the clicked call")
        await pilot.click(offset=(lines[-1].index("Hang up"), len(lines) - 1))
        assert (await sent(pilot, engine, protocol.Hangup)).call == 1

    play(engine, scene, tmp_path)


@pytest.mark.parametrize(
    ("screen", "burst", "typed"),
    [
        ("", "dbob", "bob"),
        ("", "/bob", "bob"),
        ("", "ihello bob", "hello bob"),
        ("", "tbob", "bob"),
        ("messages", "abob", "bob"),
        ("contacts", "/bob", "bob"),
        ("contacts", "abob", "bob"),
        ("", "dxxx<esc>dbob", "bob"),
        ("", "c/bob", "bob"),
        ("", "eabob", "bob"),
        ("", "cwbob", "~/contacts.vcfbob"),
    ],
)
def test_keys_that_come_at_once_go_into_the_line_that_the_first_opened(
    engine: ScriptedEngine, tmp_path: Path, screen: str, burst: str, typed: str
) -> None:
    async def scene(pilot: Pilot[int], app: PhoneApp) -> None:
        await up(pilot, app, engine, *answered(1), recorded.media(1))
        if screen:
            app.open(screen)
            await pilot.pause()
        for letter in re.findall("<esc>|.", burst):
            key = {"/": "slash", " ": "space", "<esc>": "escape"}.get(letter, letter)
            app.post_message(events.Key(key, None if letter == "<esc>" else letter))
        await until(pilot, lambda: isinstance(app.focused, Input) and app.focused.value == typed, typed)
        assert [command for command in engine.commands if not isinstance(command, protocol.Status)] == []

    play(engine, scene, tmp_path)


def test_a_paste_and_keys_stay_in_order(engine: ScriptedEngine, tmp_path: Path) -> None:
    async def scene(pilot: Pilot[int], app: PhoneApp) -> None:
        await up(pilot, app, engine, *answered(1), recorded.media(1))
        for event in (events.Key("d", "d"), events.Key("b", "b"), events.Paste("ob@"), events.Key("h", "h")):
            app.post_message(event)
        await until(pilot, lambda: isinstance(app.focused, Input) and app.focused.value == "bob@h", "all of it")

    play(engine, scene, tmp_path)


def test_keys_go_on_when_what_the_last_one_went_to_has_gone(engine: ScriptedEngine, tmp_path: Path) -> None:
    async def scene(pilot: Pilot[int], app: PhoneApp) -> None:
        await up(pilot, app, engine, *answered(1))
        await pilot.press("p")
        # The keypad is taken away with the key still on its way to it.
        app.post_message(events.Key("9", "9"))
        app.pop_screen()
        app.post_message(events.Key("d", "d"))
        await until(pilot, lambda: isinstance(app.focused, Input), "the dial field")

    play(engine, scene, tmp_path)


def test_while_a_line_is_open_the_hints_are_its_own(engine: ScriptedEngine, tmp_path: Path) -> None:
    engine.answers[protocol.Call] = {"call": 7}

    async def click(pilot: Pilot[int], app: PhoneApp, hint: str) -> None:
        lines = screen_text(app).splitlines()
        await pilot.click(offset=(lines[-1].index(hint) + 1, len(lines) - 1))

    async def scene(pilot: Pilot[int], app: PhoneApp) -> None:
        await up(pilot, app, engine, *answered(1), recorded.media(1))
        await pilot.press("i")
        await until(pilot, lambda: "enter Say it" in screen_text(app) and "Hang up" not in screen_text(app), "no letters as keys")
        await pilot.press("escape")
        await until(pilot, lambda: "Hang up" in screen_text(app), "letters are keys again")
        await pilot.press("d", *"sip:a@192.0.2.9")
        await until(pilot, lambda: "sip:a@192.0.2.9" in screen_text(app), "the address")
        await click(pilot, app, "Call")
        assert (await sent(pilot, engine, protocol.Call)).uri == "sip:a@192.0.2.9"
        await pilot.press("d")
        await until(pilot, lambda: "esc Back" in screen_text(app), "hints of the line")
        await click(pilot, app, "Back")
        await until(pilot, lambda: app.focused is None and "Hang up" in screen_text(app), "back")

    play(engine, scene, tmp_path)
