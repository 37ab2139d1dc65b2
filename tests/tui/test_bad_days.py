"""Bad days that need no terminal: what is said, and that nothing typed is lost. The others are in tests/e2e/tui/test_bad_days.py."""

import time
from pathlib import Path

from softphone.config import Config
from softphone.control.protocol import Call, Engine, SoundDevice
from softphone.store.store import open_store
from softphone.tui.app import PhoneApp
from softphone.tui.dialling.dial_field import DialInput
from softphone.tui.notices.notice_line import INFO_GOES_S, STAYS_S, WARNING_GOES_S, NoticeLine
from tests.tui.driving import awaited, see, see_no_more, told
from tests.tui.recorded import answered, media
from tests.tui.running import connected, memory_store, settle
from tests.tui.scripted_engine import ScriptedEngine

UNPLUGGED = "the microphone was unplugged; the call continues without it: plug it in again, or choose another in the settings"


@awaited
async def test_dialling_while_the_engine_is_not_there_keeps_what_was_typed(tmp_path: Path) -> None:
    app = PhoneApp(Config(), connect=False, socket=tmp_path / "engine.sock", store=memory_store())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("d")
        app.screen.query_one(DialInput).value = "sip:bob@192.0.2.9"
        await pilot.press("enter")
        await see(pilot, "the phone is starting", "sip:bob@192.0.2.9")
        await settle(pilot)
        await see(pilot, "the phone is starting", "sip:bob@192.0.2.9")


@awaited
async def test_dialling_while_the_phone_restarts_waits_for_it(engine: ScriptedEngine, tmp_path: Path) -> None:
    engine.answers[Call] = {"call": 1}
    async with connected(tmp_path / "engine.sock") as pilot:
        app = pilot.app
        assert isinstance(app, PhoneApp)
        session = app.session
        link = session._link
        # As the setup does when its last question was answered with another voice than before.
        session._link, session._restarting = None, True
        await pilot.press("d", *"sip:bob@192.0.2.9", "enter")
        await see(pilot, "calls as soon as it is ready")
        assert not [command for command in engine.commands if isinstance(command, Call)]
        session._link, session._restarting = link, False
        assert (await told(engine, Call)).uri == "sip:bob@192.0.2.9"


@awaited
async def test_a_refused_call_can_be_dialled_again(engine: ScriptedEngine, tmp_path: Path) -> None:
    engine.answers[Call] = "no account can call there; register one"
    async with connected(tmp_path / "engine.sock") as pilot:
        await pilot.press("d")
        pilot.app.screen.query_one(DialInput).value = "sip:bob@192.0.2.9"
        await pilot.press("enter")
        await see(pilot, "no account can call there", "sip:bob@192.0.2.9")


@awaited
async def test_a_microphone_that_is_unplugged_in_a_call(engine: ScriptedEngine, tmp_path: Path) -> None:
    async with connected(tmp_path / "engine.sock") as pilot:
        engine.tell(*answered(1), media(1))
        await see(pilot, "Bob Example")
        engine.tell(SoundDevice(microphone=False, loudspeaker=True, note=UNPLUGGED))
        await see(pilot, "no microphone", "the microphone was unplugged", "Bob Example")
        engine.tell(SoundDevice(microphone=True, loudspeaker=True))
        await see(pilot, "Bob Example")


@awaited
async def test_what_the_store_has_to_say_is_read_and_not_pushed_away(engine: ScriptedEngine, tmp_path: Path) -> None:
    file = tmp_path / "phone.db"
    file.write_bytes(b"a shopping list, and more of it\n" * 200)
    async with connected(tmp_path / "engine.sock", store=open_store(file)) as pilot:
        engine.tell(SoundDevice(microphone=False, loudspeaker=True, note=UNPLUGGED))
        await see(pilot, "the phone's memory was damaged", "the damaged file is", "the microphone was unplugged")
        await pilot.press("c")
        await see(pilot, "Contacts", "the phone's memory was damaged")


@awaited
async def test_what_was_said_long_ago_does_not_come_back_with_each_screen(engine: ScriptedEngine, tmp_path: Path) -> None:
    now = 1000.0
    app = PhoneApp(Config(), socket=tmp_path / "engine.sock", store=memory_store(), clock=lambda: now)
    async with app.run_test(size=(80, 24)) as pilot:
        await see(pilot, "Ready")
        app.changed(app.state.notice("error", "something old"))
        await see(pilot, "something old")
        now += STAYS_S + 1
        app.changed(app.state.notice("info", "something new"))
        await see(pilot, "something new")
        await see_no_more(pilot, "something old")
        now += INFO_GOES_S + 1
        await see_no_more(pilot, "something new")
        app.changed(app.state.notice("info", "something new"))
        now += STAYS_S + 1
        await pilot.press("c")
        await see(pilot, "Contacts")
        await settle(pilot)
        assert not app.screen.query_one(NoticeLine).display
        app.changed(app.state.notice("info", "something new"))
        await see(pilot, "something new")


@awaited
async def test_a_warning_waits_for_somebody_to_read_it(engine: ScriptedEngine, tmp_path: Path) -> None:
    now = began = time.monotonic()
    app = PhoneApp(Config(), socket=tmp_path / "engine.sock", store=memory_store(), clock=lambda: now)
    async with app.run_test(size=(80, 24)) as pilot:
        await see(pilot, "Ready")
        app.changed(app.state.notice("warning", "the disk is full"))
        await see(pilot, "the disk is full")
        line = app.screen.query_one(NoticeLine)
        now = began + WARNING_GOES_S + 1
        line.tidy(now, app.last_key)
        assert line.display
        await pilot.press("j")
        line.tidy(now, app.last_key)
        assert line.display, "it came before the warning could be read"
        line.tidy(now, began + STAYS_S + 1)
        assert not line.display


@awaited
async def test_an_engine_that_is_started_again_on_purpose_is_no_bad_news(engine: ScriptedEngine, tmp_path: Path) -> None:
    async with connected(tmp_path / "engine.sock") as pilot:
        app = pilot.app
        assert isinstance(app, PhoneApp)
        app.session._restarting = True
        engine.tell(Engine(state="stopped", reason="told to by a front end"))
        await see(pilot, "Starting")
        await settle(pilot)
        assert not app.state.notices
